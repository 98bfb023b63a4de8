"""The stage of cross features: an instrument beside the others, by what was known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, partial

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.arrays import IntArray
from trading_pipeline.features.audits.causality import CausalityFinding, audit_prefix_truncation
from trading_pipeline.features.audits.comparison import AuditTally, computed_table
from trading_pipeline.features.audits.slices import audit_other_futures
from trading_pipeline.features.cross_formulas import (
    KnownCloses,
    KnownPanel,
    compare_with_panel,
    cross_columns,
)
from trading_pipeline.market_data.calendars import last_session_dates
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.cross_panel import (
    Compared,
    CrossPanel,
    compared_with,
    stored_panel,
)
from trading_pipeline.stages.features.features import windows_of_bars
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.quality_numbers import QualityOfWindows
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Built
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.fetch_attempts import require_usable

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
    """Ids of what an instrument is compared with: the chosen peers and the references.

    Raises `UnknownNameError` for one that is named and that the universe does not have.
    """
    instrument = workspace.catalog.instrument(instrument_id)
    return [name for name in compared_with(workspace, instrument) if name != instrument.id]


class CrossFeatureStage(SeriesStage):
    """Columns of `cross_columns`. Peers without usable bars in what is read are left out.

    A reference without usable bars raises.
    """

    asset = ASSET

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.cross
        self.code_hash = code_hash(CrossFeatureStage.build, InstrumentSeries, CrossPanel)
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
        """Settings, and the hashes of all bars and adjustments that are read, own and compared."""
        own = [self.series.bars_hashes(self.read(window)), self.series.events_hash(window.end)]
        member = self.panel.members.get(self.instrument_id)
        compared = self._compared(window).content_hash
        return [self.spec.hash, own, self.clocks(), compared, str(member or "")]

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
        most = float(product["peers"].fillna(0.0).max()) if len(product) else 0.0
        complete = int(values.notna().all(axis=1).sum())
        return {"complete_rows": complete, "most_peers": most, **self._quality.of(product)}

    def audit(
        self, keys: Sequence[Window], *, tally: AuditTally | None = None
    ) -> list[CausalityFinding]:
        """Prefix truncation: at each cut, the later bars of all instruments are taken away.

        Then the own bars after telling rows are replaced.
        """
        bars = self.bars_of(keys)
        if len(bars) <= self.spec.lookback_bars + 1 or not self._has_peers(max(keys)):
            return []
        clock = self._clock(bars, max(keys))
        leak = self.panel.first_leak(*clock)
        if leak is not None:
            return [leak.finding(bars.index)]
        compute = partial(self._compute, window=max(keys), whole=self.panel.aligned(*clock))
        full = computed_table(compute, bars)
        return audit_prefix_truncation(
            compute, bars, full=full, tally=tally
        ) or audit_other_futures(
            compute, bars, rows=_FUTURES, full=full, audit="prefix_truncation", tally=tally
        )

    def _compute(
        self, adjusted: pd.DataFrame, window: Window, whole: KnownPanel | None = None
    ) -> pd.DataFrame:
        """Columns of the bars; `whole` is aligned to them and to the bars after them."""
        index = pd.DatetimeIndex(adjusted.index, name="ts")
        if adjusted.empty:
            columns = cross_columns(self.spec.windows, self.references)
            return pd.DataFrame(index=index, columns=list(columns), dtype="float64")
        own = self.series.instrument
        member = self.panel.members.get(own.id)
        dates = None if member is None else last_session_dates(index, own.timeframe, own.calendar)
        if whole is None:
            panel = self.panel.aligned(*self._clock(adjusted, window))
        else:
            panel = whole.first(len(index))
        computed = compare_with_panel(
            adjusted["close"].to_numpy(dtype="float64"),
            panel,
            windows=self.spec.windows,
            references=self.references,
            name=own.id,
            is_member=None if member is None or dates is None else member.at(dates),
        )
        return pd.DataFrame(computed, index=index, dtype="float64")

    def _clock(
        self, bars: pd.DataFrame, window: Window
    ) -> tuple[pd.DatetimeIndex, IntArray, tuple[str, ...], Instrument]:
        """What the others are aligned to: labels, moments, who they are, whose bars these are."""
        index = pd.DatetimeIndex(bars.index, name="ts")
        first = self.series.span(pd.Timestamp(index[0]).to_pydatetime(), None).start
        known_at = self.series.known_at[first : first + len(index)]
        moments = KnownCloses.of(bars["close"], known_at).known_at
        return index, moments, self._compared(window).names, self.series.instrument

    @cached_property
    def panel(self) -> CrossPanel:
        """What this instrument is compared with, as it was stored when the stage first asked."""
        return stored_panel(self.workspace, self.instrument_id)

    def _compared(self, window: Window) -> Compared:
        """Who takes part, of those whose windows that are read passed the checks.

        Raises what `require_usable` raises for a reference that does not.
        """
        read = self.read(window)
        for name in self.references:
            require_usable(name, read, self.panel.series[name].attempts)
        return self.panel.compared(read)

    def _has_peers(self, window: Window) -> bool:
        return any(name != self.instrument_id for name in self._compared(window).names)
