"""What the instruments of a timeframe are compared with, read and aligned once for all of them.

Whatever does not depend on which of them is looked at is here: what was fetched, the hash of it,
and the closes as they were known at each bar. So an instrument more costs its own share alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.arrays import IntArray
from trading_pipeline.features.audits.comparison import CausalityFinding
from trading_pipeline.features.cross_formulas import KnownCloses, KnownPanel
from trading_pipeline.market_data.calendars import last_session_dates
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, events_hash
from trading_pipeline.stages.workspace import Workspace

__all__ = ["Compared", "ComparedSeries", "CrossPanel", "Leak", "compared_with", "stored_panel"]

_CUTS = 6
_KEPT_BYTES = 256_000_000  # of aligned closes; 500 instruments and 10,000 bars take 160 MB


def compared_with(workspace: Workspace, instrument: Instrument) -> list[str]:
    """Ids of the chosen peers and the references, the instrument itself where it is among them.

    Raises `UnknownNameError` for one that is named and that the universe does not have.
    """
    catalog = workspace.catalog
    catalog.require_compared_instruments()
    chosen = catalog.cross.peers
    if chosen == "all":
        every = catalog.instruments.items()
        chosen = tuple(name for name, each in every if each.timeframe is instrument.timeframe)
    return list(dict.fromkeys((*chosen, *catalog.cross.references)))


def stored_panel(workspace: Workspace, instrument_id: str) -> CrossPanel:
    """The panel that an instrument is compared with, as it is stored now.

    The one that was made before is taken where no fetch, no action and no setting was recorded
    since; stages of one pass share it.
    """
    instrument = workspace.catalog.instrument(instrument_id)
    timeframe, state = instrument.timeframe.value, workspace.bars.state()
    kept = workspace.panels.get(timeframe)
    if kept is None or kept.state != state or kept.catalog is not workspace.catalog:
        kept = CrossPanel(workspace, compared_with(workspace, instrument), state)
        workspace.panels[timeframe] = kept
    return kept


class ComparedSeries:
    """What is read of one instrument: its attempts, and when needed its closes and ex-dates."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        series, kept = InstrumentSeries(workspace, name), workspace.series.get(name)
        if kept is not None and kept.made_from() == series.made_from():
            series = kept
        self.instrument, self.attempts = series.instrument, series.attempts
        self._series = series
        self._no_actions = not series.actions
        self._hashes: dict[str, str] = {}

    @property
    def closes(self) -> KnownCloses | None:
        """Adjusted closes with their clock; None without bars."""
        return self._read[0]

    @cached_property
    def has_bars(self) -> bool:
        """True where bars are stored; they are read only where the attempts do not say it."""
        told = (each.rows for each in self.attempts.values() if each.status != "rejected")
        return any(told) or self.closes is not None

    def is_usable(self, read: Sequence[Window]) -> bool:
        """True with bars, where all of these windows were fetched and passed the checks."""
        attempts = (self.attempts.get(window.key) for window in read)
        usable = all(each is not None and each.status != "rejected" for each in attempts)
        return usable and self.has_bars

    def content(self, read: Sequence[Window]) -> list[object]:
        """Hashes of the windows' bars and of the adjustments known by the end of the last one."""
        bars = [self.attempts[window.key].content_hash or "" for window in read]
        return [bars, self._events_hash(read[-1]), self.instrument.calendar]

    def _events_hash(self, window: Window) -> str:
        if self._no_actions:
            return ""
        if window.key not in self._hashes:
            self._hashes[window.key] = events_hash(self._read[1], window.end)
        return self._hashes[window.key]

    @cached_property
    def _read(self) -> tuple[KnownCloses | None, pd.DataFrame]:
        series, closes = self._series, None
        if len(series.raw):
            closes = KnownCloses.of(series.adjusted["close"], series.known_at)
        events = series.events
        del self._series  # its other columns are not needed; after an error all are read anew
        return closes, events


@dataclass(frozen=True)
class Compared:
    """Who takes part in a comparison over some windows, and the hash of all that is read."""

    names: tuple[str, ...]
    content_hash: str


@dataclass(frozen=True)
class Leak:
    """A log close that was aligned to a bar at which it was not known yet."""

    name: str
    row: int
    cut: int
    with_future: float
    without_future: float

    def finding(self, index: pd.Index) -> CausalityFinding:
        """As the audit of a frame with these labels reports it."""
        return CausalityFinding(
            audit="prefix_truncation",
            column=f"log close of {self.name}",
            ts=pd.Timestamp(index[self.row]),
            row=self.row,
            cut=self.cut,
            value_with_future=self.with_future,
            value_without_future=self.without_future,
            mend="Join the bars of other instruments on known_at, backward.",
        )


class CrossPanel:
    """The instruments that are compared, and what was aligned for one of them and serves others."""

    def __init__(
        self, workspace: Workspace, names: Sequence[str], state: tuple[object, ...]
    ) -> None:
        self.state, self.catalog = state, workspace.catalog
        with workspace.warehouse.read():  # one opening for all of them
            self.series = {name: ComparedSeries(workspace, name) for name in names}
        self.members = {
            name: each
            for name, each in workspace.catalog.universe.members.items()
            if each is not None
        }
        self._compared: dict[tuple[str, ...], Compared] = {}
        self._leaks: dict[tuple[object, ...], Leak | None] = {}
        self._aligned: dict[tuple[object, ...], KnownPanel] = {}

    def compared(self, read: Sequence[Window]) -> Compared:
        """Instruments that are usable throughout the windows; the others are left out.

        The hash changes where bars of any of them change in these windows, where a factor known by
        the end of the last one does, and where an instrument comes or goes.
        """
        key = tuple(window.key for window in read)
        if key not in self._compared:
            usable = {name: each for name, each in self.series.items() if each.is_usable(read)}
            content = {name: each.content(read) for name, each in usable.items()}
            spans = {name: str(self.members[name]) for name in self.series if name in self.members}
            self._compared[key] = Compared(tuple(usable), canonical_hash([content, spans]))
        return self._compared[key]

    def aligned(
        self, index: pd.DatetimeIndex, moments: IntArray, names: Sequence[str], own: Instrument
    ) -> KnownPanel:
        """Closes of the named instruments as known at each bar of `own`; kept for equal clocks.

        `index`: labels of the bars, `moments`: when they are known. Who belonged at a bar is told
        by the session in which the bar was complete.
        """
        clock = (own.timeframe, own.calendar) if self.members else ()
        key = (moments.tobytes(), tuple(names), *clock)
        found = self._aligned.pop(key, None)
        if found is None:
            members = {name: each for name, each in self.members.items() if name in self.series}
            dates = last_session_dates(index, *clock) if clock else index
            closes = {name: self.series[name].closes for name in names}
            found = KnownPanel.of(
                moments,
                {name: each for name, each in closes.items() if each is not None},
                longest_age_days=self.catalog.cross.longest_age_days,
                members={name: each.at(dates) for name, each in members.items()},
            )
        self._aligned[key] = found
        while len(self._aligned) > 1 and self._bytes() > _KEPT_BYTES:
            del self._aligned[next(iter(self._aligned))]
        return found

    def first_leak(
        self, index: pd.DatetimeIndex, moments: IntArray, names: Sequence[str], own: Instrument
    ) -> Leak | None:
        """The first aligned close that differs where all later bars of all series are taken away.

        It is looked for at some cuts, once for all instruments of one clock.
        """
        whole = self.aligned(index, moments, names, own)
        key = (moments.tobytes(), tuple(names))
        if key not in self._leaks:
            self._leaks[key] = None
            for cut in sorted({len(moments) * part // _CUTS for part in range(1, _CUTS)} - {0}):
                closes = {name: self.series[name].closes for name in whole.names}
                now = int(moments[cut - 1])
                known = {name: each.until(now) for name, each in closes.items() if each}
                age = self.catalog.cross.longest_age_days
                part = KnownPanel.of(moments[:cut], known, longest_age_days=age, members={})
                differs = ~((part.logs == whole.logs[:, :cut]) | np.isnan(part.logs))
                differs |= np.isnan(part.logs) & ~np.isnan(whole.logs[:, :cut])
                if differs.any():
                    peer, row = (int(each[0]) for each in np.nonzero(differs))
                    values = float(whole.logs[peer, row]), float(part.logs[peer, row])
                    self._leaks[key] = Leak(whole.names[peer], row, cut, *values)
                    break
        return self._leaks[key]

    def _bytes(self) -> int:
        return sum(each.size_bytes for each in self._aligned.values())
