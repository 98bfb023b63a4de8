"""This file holds the stage of cross features: an instrument beside the others, by what was known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.features import cross_formulas
from trading_pipeline.features.audits.causality import CausalityFinding, audit_prefix_truncation
from trading_pipeline.features.audits.comparison import computed_table
from trading_pipeline.features.audits.slices import audit_other_futures
from trading_pipeline.features.cross_formulas import (
    KnownCloses,
    compute_cross_features,
    cross_columns,
)
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.code_hash import module_hash
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.quality_numbers import QualityOfWindows
from trading_pipeline.stages.stage import Built, WindowStage, pending_windows
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.bars import require_usable

__all__ = [
    "ASSET",
    "CrossFeatureStage",
    "compared_instruments",
    "cross_features_are_pending",
    "cross_lookback_windows",
]

ASSET = "cross_features"
_FUTURES = 20  # rows after which the audit replaces the own bars
_YEARS_OF_A_WINDOW = {"year": 1.0, "quarter": 0.25, "month": 1.0 / 12.0}
_SPARE = 1.1  # windows differ in length


def cross_lookback_windows(catalog: Catalog, instrument: str | None = None) -> int:
    """Windows before its own that a window reads, enough for the longest comparison.

    `instrument`: of that one alone; without it enough for every one of the universe.
    """
    bars = catalog.cross.lookback_bars + 1
    share = _YEARS_OF_A_WINDOW[catalog.grid.cadence]
    chosen = (
        catalog.instruments.values() if instrument is None else [catalog.instrument(instrument)]
    )
    each = (periods_per_year(i.timeframe, i.calendar) for i in chosen)
    return max([1, *(math.ceil(bars * _SPARE / (a_year * share)) for a_year in each)])


def cross_features_are_pending(
    workspace: Workspace, instrument_id: str, windows: Sequence[Window]
) -> bool:
    """True where a run would compute something; False too where the own bars are not there yet."""
    stage = CrossFeatureStage(workspace, instrument_id)
    usable = [w for w in windows if w.key in stage.series.attempts]
    return len(usable) < len(windows) or bool(pending_windows(stage, windows))


def compared_instruments(workspace: Workspace, instrument_id: str) -> list[str]:
    """Ids of what an instrument is compared with: the chosen peers and the references."""
    catalog = workspace.catalog
    own, chosen = catalog.instrument(instrument_id), catalog.cross.peers
    if chosen == "all":
        chosen = tuple(n for n, i in catalog.instruments.items() if i.timeframe is own.timeframe)
    return [n for n in dict.fromkeys((*chosen, *catalog.cross.references)) if n != own.id]


class CrossFeatureStage(WindowStage):
    """Columns of `cross_columns`. Peers without usable bars in what is read are left out, and said.

    A reference without usable bars raises.
    """

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.cross
        self.asset = ASSET
        self.code_hash = module_hash(cross_formulas)
        self.series = InstrumentSeries(workspace, instrument_id)
        self._peers = {
            name: InstrumentSeries(workspace, name)
            for name in compared_instruments(workspace, instrument_id)
        }
        self._lookback = cross_lookback_windows(workspace.catalog, instrument_id)
        self._quality = QualityOfWindows(self)

    @property
    def references(self) -> tuple[str, ...]:
        """Instruments with columns of their own; an instrument is not compared with itself by name."""
        return tuple(n for n in self.spec.references if n != self.instrument_id)

    def inputs(self, window: Window) -> Any:
        """Settings and the hashes of all bars and adjustments that are read, one's own and the peers'."""
        read = self._read(window)
        compared = {
            name: [peer.bars_hashes(read), peer.events_hash(window.end), peer.instrument.calendar]
            for name, peer in self._usable(window).items()
        }
        own = [self.series.bars_hashes(read), self.series.events_hash(window.end)]
        frame = [self.series.instrument.timeframe.value, self.series.instrument.calendar]
        return [self.spec.hash, own, frame, compared]

    def build(self, window: Window) -> Built:
        """Rows of the window; NaN where too little lies before, or nobody to compare with is known."""
        read = self._read(window)
        rows = self.series.span(read[0].start, window.end)
        own = self.series.span(window.start, window.end)
        frame = self._compute(self.series.adjusted.iloc[rows], window)
        frame.insert(0, "known_at", self.series.known_at[rows])
        frame = frame.iloc[own.start - rows.start :]
        return Built(frame, "ok" if len(frame) else "not_listed")

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """How many are compared with, and the quality of the columns against the windows before."""
        values = frame.drop(columns="known_at", errors="ignore")
        most = float(frame["peers"].max()) if len(frame) else 0.0
        complete = int(values.notna().all(axis=1).sum())
        return {"complete_rows": complete, "most_peers": most, **self._quality.of(frame)}

    def audit(self, windows: Sequence[Window]) -> list[CausalityFinding]:
        """Prefix truncation: at each cut, everybody's later bars are taken away.

        Besides, the own bars after telling ones are replaced.
        """
        ordered = sorted(windows)
        if not ordered:
            return []
        rows = self.series.span(self._read(ordered[0])[0].start, ordered[-1].end)
        bars = self.series.adjusted.iloc[rows]
        last = ordered[-1]
        enough = len(bars) > self.spec.lookback_bars + 1 and bool(self._usable(last))
        if not enough:
            return []

        def work(part: pd.DataFrame) -> pd.DataFrame:
            return self._compute(part, last)

        full = computed_table(work, bars)
        findings = audit_prefix_truncation(work, bars, full=full)
        return findings or audit_other_futures(
            work, bars, rows=_FUTURES, full=full, audit="prefix_truncation"
        )

    def _compute(self, adjusted: pd.DataFrame, window: Window) -> pd.DataFrame:
        index = adjusted.index.rename("ts")
        usable = self._usable(window)
        if adjusted.empty:
            return pd.DataFrame(
                {n: [] for n in cross_columns(self.spec.windows, self.references)}, index=index,
                dtype="float64",
            )  # fmt: skip
        first = self.series.span(pd.Timestamp(index[0]).to_pydatetime(), None).start
        known_at = self.series.known_at[first : first + len(adjusted)]
        own = KnownCloses.of(adjusted["close"], known_at)
        now = int(own.known_at[-1])
        columns = compute_cross_features(
            own,
            {name: self._closes[name].until(now) for name in usable},
            windows=self.spec.windows,
            references=self.references,
            longest_age_days=self.spec.longest_age_days,
        )
        return pd.DataFrame(columns, index=index, dtype="float64")

    @cached_property
    def _closes(self) -> dict[str, KnownCloses]:
        return {
            name: KnownCloses.of(peer.adjusted["close"], peer.known_at)
            for name, peer in self._peers.items()
            if len(peer.raw)
        }

    def _usable(self, window: Window) -> dict[str, InstrumentSeries]:
        """Peers whose bars of all windows that are read were fetched and passed, and that have any."""
        read = self._read(window)
        for name in self.references:
            require_usable(name, read, self._peers[name].attempts)
        return {
            name: peer
            for name, peer in self._peers.items()
            if len(peer.raw) and all(_is_usable(peer, each) for each in read)
        }

    def _read(self, window: Window) -> list[Window]:
        return self.windows_up_to(window, self._lookback)


def _is_usable(series: InstrumentSeries, window: Window) -> bool:
    attempt = series.attempts.get(window.key)
    return attempt is not None and attempt.status != "rejected"
