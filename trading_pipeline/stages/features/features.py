"""The stage of features: adjusted bars in, one Parquet file a window out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.comparison import AuditTally
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.own_features import fresh_sets
from trading_pipeline.features.sets.computation import compute_features
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.feature_set import FeatureSet
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.known_findings import (
    is_proven,
    keep_findings,
    known_findings,
    passed_audits,
    refuse_known_look_ahead_of_set,
    subject_of_set,
)
from trading_pipeline.stages.features.quality_numbers import QualityOfWindows
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Outcome, Shown
from trading_pipeline.stages.stage import Built
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["CUTS_OF_A_RUN", "FeatureStage", "feature_lookback_windows", "windows_of_bars"]

_YEARS_OF_A_WINDOW = {"year": 1.0, "quarter": 0.25, "month": 1.0 / 12.0}
_AUDITED_BARS = 50_000  # what a set does, it does everywhere; the audit's time is bounded
_PROBED_BARS = 50
_PROVEN_ON = 5
CUTS_OF_A_RUN = 12
"""Prefixes that the audit of a run tries; the command `audit` takes more."""
_SPARE = 1.1  # windows differ in length, and holidays are not spread evenly


def feature_lookback_windows(
    chosen: FeatureSet, catalog: Catalog, instrument: str | None = None
) -> int:
    """Windows before its own that a feature window reads, enough for the set's longest warm-up.

    `instrument`: of that one alone; without it enough for every one of the universe. All windows
    for a set that remembers all bars.
    """
    if chosen.remembers_all:
        return len(catalog.grid.windows())
    return windows_of_bars(
        lambda i: chosen.warmup_in(FeatureContext(i.timeframe, i.calendar)), catalog, instrument
    )


def windows_of_bars(
    bars: int | Callable[[Instrument], int], catalog: Catalog, instrument_id: str | None = None
) -> int:
    """Windows that hold at least `bars` bars of every instrument, or of the one; 1 or more."""
    found = 1
    chosen = [] if instrument_id is None else [catalog.instrument(instrument_id)]
    for instrument in chosen or catalog.instruments.values():
        a_year = periods_per_year(instrument.timeframe, instrument.calendar)
        a_window = a_year * _YEARS_OF_A_WINDOW[catalog.grid.cadence]
        needed = bars if isinstance(bars, int) else bars(instrument)
        found = max(found, math.ceil(needed * _SPARE / a_window))
    return found


class FeatureStage(SeriesStage):
    """Features of one set."""

    chunk_bars = 4096

    def __init__(self, workspace: Workspace, instrument_id: str, set_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.set = workspace.registries.feature_sets.get(set_name)
        self.asset = f"features/{set_name}"
        self.code_hash = canonical_hash(
            [self.set.hash, code_hash(FeatureStage.build, InstrumentSeries, ExternalInputs)]
        )
        instrument = workspace.catalog.instrument(instrument_id)
        self.context = FeatureContext(instrument.timeframe, instrument.calendar)
        self.external = ExternalInputs(workspace, self.set.inputs)
        self._outside: tuple[str, ...] | None = None if self.set.is_own else ()
        self.lookback = feature_lookback_windows(self.set, workspace.catalog, instrument_id)
        self._quality = QualityOfWindows(self)

    @cached_property
    def context_with_inputs(self) -> FeatureContext:
        """The context with the declared inputs as known at each bar of the series."""
        if not self.set.inputs:
            return self.context
        return replace(self.context, inputs=self.external.as_known(self.series))

    def inputs_from(
        self, window: Window, bars_hashes: list[str], stop: int | None = None
    ) -> object:
        """As for every series, and the declared inputs as known at the last bar before `stop`.

        `stop`: position of the first bar that is not there, the window's end where none is given.
        """
        others = super().inputs_from(window, bars_hashes)
        if not self.set.inputs:
            return others
        stop = self.series.span(window.start, window.end).stop if stop is None else stop
        moment = self.series.known_at[stop - 1] if stop else None
        return [others, self.external.hashes_until(moment)]

    def build(self, window: Window) -> Built:
        """Rows of the window; NaN where the warm-up reaches before the first bar.

        Long windows are computed in chunks. Each chunk is computed from its own warm-up on, so that
        chunks of an earlier file of the same bars can be taken from there and a new bar costs only
        its chunk. Equal inputs give equal bytes either way.
        """
        first = self.rows_of([window]).start
        own = self.series.span(window.start, window.end)
        kept = self._kept_chunks(window, own)
        parts = [] if kept is None else [kept]
        warmup = self.set.warmup_in(self.context)
        for start in range(own.start + sum(map(len, parts)), own.stop, self.chunk_bars):
            stop = min(start + self.chunk_bars, own.stop)
            from_first = start == own.start or self.set.remembers_all
            begin = first if from_first else max(first, start - warmup)
            parts.append(self._computed(slice(begin, stop)).iloc[start - begin :])
        if not parts:
            return Built(self._computed(own), "not_listed")
        return Built(pd.concat(parts) if len(parts) > 1 else parts[0])

    def _computed(self, rows: slice) -> pd.DataFrame:
        features = self.compute(self.series.adjusted.iloc[rows])
        features.insert(0, "known_at", self.series.known_at[rows])
        return features

    def _kept_chunks(self, window: Window, own: slice) -> pd.DataFrame | None:
        """Whole chunks of the stored file, where it was made of the same bars as far as it goes."""
        store, stored = self.workspace.artifacts, self._stored.get(self.partition(window))
        if stored is None or not self.chunk_bars <= stored.rows <= own.stop - own.start:
            return None
        before = self.series.bars_hashes(self.read(window)[:-1])
        then = frame_hash(self.series.raw.iloc[own.start : own.start + stored.rows])
        inputs = self.inputs_from(window, [*before, then], own.start + stored.rows)
        if not store.is_current(stored, canonical_hash([self.asset, self.code_hash, inputs])):
            return None
        return store.load(stored).iloc[: stored.rows // self.chunk_bars * self.chunk_bars]

    @cached_property
    def _stored(self) -> dict[str, Artifact]:
        return self.newest()

    def compute(self, adjusted: pd.DataFrame) -> pd.DataFrame:
        """The set's columns over adjusted bars."""
        if adjusted.empty:
            return pd.DataFrame(
                {name: np.empty(0) for name in self.set.columns}, index=adjusted.index
            )
        return compute_features(self.set, adjusted, context=self.context_with_inputs)

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """Complete and warm-up rows, and the quality of the columns against earlier windows."""
        values = product.drop(columns="known_at", errors="ignore")
        complete = int(values.notna().all(axis=1).sum())
        return {
            "complete_rows": complete,
            "warmup_rows": len(values) - complete,
            **self.external.shown,
            **self._quality.of(product),
        }

    def audit(self, keys: Sequence[Window]) -> list[CausalityFinding]:
        """Every audit over the newest 50,000 bars of the windows and of their look-back.

        Where these do not reach beyond any warm-up there is no value to audit, and no finding. What
        was found on another instrument is found here too: it is the same code. For the same reason
        a shipped set is not audited again until the series is a tenth longer, and with a few cuts
        alone once it has passed on five instruments of the same clock.
        """
        known = known_findings(self.workspace, self.set, self.instrument_id)
        if known:
            return known
        passed = {} if self.set.is_own else passed_audits(self.workspace, self.set)
        now, subject = len(self.series.raw), subject_of_set(self.set)
        if passed and is_proven(self.workspace, subject, self.instrument_id, bars=now):
            return []
        bars = self.bars_of(keys).iloc[-_AUDITED_BARS:]
        unknown = self.context_with_inputs.at(bars.index).inputs.unknown_rows
        shortest = min(
            spec.warmup_in(self.context) + (unknown if spec.needs_context else 0)
            for spec in self.set.specs
        )
        if len(bars) < shortest + 2:
            return []
        # cuts differ by instrument, so that the few of each run are many in a pass
        seed = int(canonical_hash([self.asset, self.instrument_id])[:8], 16)
        alike = sum(self._has_same_clock(name) for name in passed)
        proven = alike >= _PROVEN_ON
        cuts = CUTS_OF_A_RUN // 4 if proven else CUTS_OF_A_RUN
        found = self._audited(bars, cuts=cuts, seed=seed, slices=not proven)
        keep_findings(self.workspace, self.set, self.instrument_id, found, bars=now)
        return found

    def _has_same_clock(self, instrument_id: str) -> bool:
        other = self.workspace.catalog.instruments.get(instrument_id)
        return other is not None and self.context == FeatureContext(other.timeframe, other.calendar)

    def materialize(self, keys: Iterable[Window]) -> Sequence[Outcome]:
        """Compute what is not current; `LookaheadError` for a set that was found to look ahead."""
        refuse_known_look_ahead_of_set(self.workspace, self.set, self.instrument_id)
        return super().materialize(keys)

    def audit_bars(
        self, bars: pd.DataFrame, *, tally: AuditTally | None = None
    ) -> list[CausalityFinding]:
        """Every audit over forward-adjusted bars; raises where no column has a value to compare."""
        return self._audited(bars, tally=tally)

    def _audited(
        self, bars: pd.DataFrame, *, tally: AuditTally | None = None, **how: Any
    ) -> list[CausalityFinding]:
        fresh = fresh_sets(self.set)
        context = self.context_with_inputs
        found = audit_feature_set(self.set, bars, context=context, fresh=fresh, tally=tally, **how)
        self._outside = fresh.notes
        return found

    def read_outside(self) -> tuple[str, ...]:
        """What the set's files read, by the last audit, or by a computation on the newest bars."""
        if self._outside is None:
            fresh = fresh_sets(self.set)
            bars = self.series.adjusted.iloc[-self.set.warmup_in(self.context) - _PROBED_BARS :]
            context = self.context_with_inputs
            with suppress(TradingPipelineError):
                fresh.run(lambda chosen: compute_features(chosen, bars, context=context))
            self._outside = fresh.notes
        return self._outside
