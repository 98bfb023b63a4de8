"""The stage of cross features: an instrument beside the others, by what was known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, partial

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.audits.causality import CausalityFinding, audit_prefix_truncation
from trading_pipeline.features.audits.comparison import AuditTally, computed_table
from trading_pipeline.features.audits.slices import audit_other_futures
from trading_pipeline.features.cross_formulas import (
    KnownCloses,
    compute_cross_features,
    cross_columns,
)
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.features import windows_of_bars
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.features.quality_numbers import QualityOfWindows
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Built
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.bars import require_usable

__all__ = [
    "ASSET",
    "CrossFeatureStage",
    "compared_instruments",
    "cross_lookback_windows",
]

ASSET = "cross_features"
_FUTURES = 20  # rows after which the audit replaces the own bars


def cross_lookback_windows(catalog: Catalog, instrument: str | None = None) -> int:
    """Windows before its own that a window reads, enough for the longest comparison.

    `instrument`: of that one alone; without it enough for every one of the universe.
    """
    return windows_of_bars(catalog.cross.lookback_bars + 1, catalog, instrument)


def compared_instruments(workspace: Workspace, instrument_id: str) -> list[str]:
    """Ids of what an instrument is compared with: the chosen peers and the references."""
    catalog = workspace.catalog
    own, chosen = catalog.instrument(instrument_id), catalog.cross.peers
    if chosen == "all":
        chosen = tuple(n for n, i in catalog.instruments.items() if i.timeframe is own.timeframe)
    return [n for n in dict.fromkeys((*chosen, *catalog.cross.references)) if n != own.id]


class CrossFeatureStage(SeriesStage):
    """Columns of `cross_columns`. Peers without usable bars in what is read are left out.

    A reference without usable bars raises.
    """

    asset = ASSET

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.cross
        self.code_hash = code_hash(CrossFeatureStage.build, InstrumentSeries)
        self.lookback = cross_lookback_windows(workspace.catalog, instrument_id)
        self._quality = QualityOfWindows(self)

    @property
    def references(self) -> tuple[str, ...]:
        """Instruments with columns of their own; never the instrument itself."""
        return tuple(n for n in self.spec.references if n != self.instrument_id)

    def pending(self, keys: Iterable[Window]) -> list[Window]:
        """Windows to compute; all of them where own bars are missing."""
        windows = sorted(keys)
        known = all(window.key in self.series.attempts for window in windows)
        return super().pending(windows) if known else windows

    def inputs(self, window: Window) -> object:
        """Settings and the hashes of all bars and adjustments that are read, own and peers'."""
        read = self.read(window)
        compared = {
            name: [peer.bars_hashes(read), peer.events_hash(window.end), peer.instrument.calendar]
            for name, peer in self._usable(window).items()
        }
        own = [self.series.bars_hashes(read), self.series.events_hash(window.end)]
        return [self.spec.hash, own, self.clocks(), compared]

    def build(self, window: Window) -> Built:
        """Rows of the window; NaN where the history is too short or no peer is known."""
        rows = self.rows_of([window])
        own = self.series.span(window.start, window.end)
        frame = self._compute(self.series.adjusted.iloc[rows], window)
        frame.insert(0, "known_at", self.series.known_at[rows])
        return self.built(frame.iloc[own.start - rows.start :], window)

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """Number of peers, and the quality of the columns against the windows before."""
        values = product.drop(columns="known_at", errors="ignore")
        most = float(product["peers"].max()) if len(product) else 0.0
        complete = int(values.notna().all(axis=1).sum())
        return {"complete_rows": complete, "most_peers": most, **self._quality.of(product)}

    def audit(
        self, keys: Sequence[Window], *, tally: AuditTally | None = None
    ) -> list[CausalityFinding]:
        """Prefix truncation: at each cut, the later bars of all instruments are taken away.

        Then the own bars after telling rows are replaced.
        """
        bars = self.bars_of(keys)
        if len(bars) <= self.spec.lookback_bars + 1 or not self._usable(max(keys)):
            return []
        compute = partial(self._compute, window=max(keys))
        full = computed_table(compute, bars)
        return audit_prefix_truncation(
            compute, bars, full=full, tally=tally
        ) or audit_other_futures(
            compute, bars, rows=_FUTURES, full=full, audit="prefix_truncation", tally=tally
        )

    def _compute(self, adjusted: pd.DataFrame, window: Window) -> pd.DataFrame:
        index = adjusted.index.rename("ts")
        usable = self._usable(window)
        if adjusted.empty:
            columns = cross_columns(self.spec.windows, self.references)
            return pd.DataFrame(index=index, columns=list(columns), dtype="float64")
        first = self.series.span(pd.Timestamp(index[0]).to_pydatetime(), None).start
        known_at = self.series.known_at[first : first + len(adjusted)]
        own = KnownCloses.of(adjusted["close"], known_at)
        now = int(own.known_at[-1])
        computed = compute_cross_features(
            own,
            {name: self._closes[name].until(now) for name in usable},
            windows=self.spec.windows,
            references=self.references,
            longest_age_days=self.spec.longest_age_days,
        )
        return pd.DataFrame(computed, index=index, dtype="float64")

    @cached_property
    def _peers(self) -> dict[str, InstrumentSeries]:
        names = compared_instruments(self.workspace, self.instrument_id)
        return {name: stored_series(self.workspace, name) for name in names}

    @cached_property
    def _closes(self) -> dict[str, KnownCloses]:
        return {
            name: KnownCloses.of(peer.adjusted["close"], peer.known_at)
            for name, peer in self._peers.items()
            if len(peer.raw)
        }

    def _usable(self, window: Window) -> dict[str, InstrumentSeries]:
        """Peers with bars, whose windows that are read were all fetched and passed the checks."""
        read = self.read(window)
        for name in self.references:
            require_usable(name, read, self._peers[name].attempts)
        return {
            name: peer
            for name, peer in self._peers.items()
            if len(peer.raw) and all(_is_usable(peer, each) for each in read)
        }


def _is_usable(series: InstrumentSeries, window: Window) -> bool:
    attempt = series.attempts.get(window.key)
    return attempt is not None and attempt.status != "rejected"
