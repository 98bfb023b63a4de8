"""The series of one instrument as research sees it: adjusted, with its clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import frame_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.adjustments import (
    adjustment_events,
    forward_adjust,
    forward_factors,
)
from trading_pipeline.market_data.calendars import known_at, session_dates
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.bar_content import changed_bars_error, changed_windows
from trading_pipeline.storage.stores.bars import FetchAttempt, require_usable

if TYPE_CHECKING:
    from trading_pipeline.stages.backtests.scenario_inputs import LoadedInputs

__all__ = ["InstrumentSeries", "events_hash", "stored_series"]

_KEPT_BARS = 1_000_000  # about 150 MB


def stored_series(workspace: Workspace, instrument_id: str) -> InstrumentSeries:
    """The series as it is stored now; the one that was read before where nothing has changed.

    Stages of one pass share what is kept, newest last, up to a million bars in all.
    """
    kept, series = workspace.series, InstrumentSeries(workspace, instrument_id)
    before = kept.pop(instrument_id, None)
    with workspace.warehouse.read():  # attempts, actions and bars of one moment
        if before is not None and before.made_from() == series.made_from():
            series = before
        kept[instrument_id] = series
        while sum(len(each.stored_bars) for each in kept.values()) > _KEPT_BARS and len(kept) > 1:
            del kept[next(iter(kept))]
    return series


def events_hash(events: pd.DataFrame, before: datetime) -> str:
    """Hash of the factors with an ex-date before a moment: later actions change nothing."""
    known = events.loc[events["ex_date"] < pd.Timestamp(before)]
    return frame_hash(known.reset_index(drop=True))


class InstrumentSeries:
    """Bars as traded, forward-adjusted bars and `known_at`, read once and cut as needed."""

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        self.instrument = workspace.catalog.instrument(instrument_id)
        self.kept_inputs: dict[str, LoadedInputs] = {}
        """What scenarios made of the series, by the scenario's hash."""
        self._workspace = workspace
        self._events_hashes: dict[datetime, str] = {}

    def made_from(self) -> tuple[Instrument, dict[str, FetchAttempt], list[CorporateAction]]:
        """All that the series follows from; equal for equal bars."""
        return self.instrument, self.attempts, self.actions

    @cached_property
    def raw(self) -> pd.DataFrame:
        """All stored bars as traded; `DataQualityError` where they are not those fetched."""
        self.require_unchanged()
        return self.stored_bars

    def require_unchanged(self) -> None:
        """Raise `DataQualityError` where stored bars are not those that were fetched."""
        if self.changed_windows:
            raise changed_bars_error(self.instrument.id, self.changed_windows)

    @cached_property
    def stored_bars(self) -> pd.DataFrame:
        """All stored bars as traded, whoever wrote them."""
        return self._workspace.bars.read_span(self.instrument.id, None, None)

    @cached_property
    def changed_windows(self) -> dict[str, str]:
        """By window key what is wrong with bars that are not those that were fetched."""
        attempts = self.attempts
        if any(each.status == "rejected" for each in attempts.values()):
            attempts = self._workspace.bars.content_attempts(self.instrument.id)
        return changed_windows(self.stored_bars, attempts)

    @cached_property
    def attempts(self) -> dict[str, FetchAttempt]:
        """Newest attempt that decided on a window's bars, by window key."""
        return self._workspace.bars.newest_attempts(self.instrument.id)

    @cached_property
    def actions(self) -> list[CorporateAction]:
        """Splits and dividends."""
        return self._workspace.reference.actions(self.instrument.id)

    @cached_property
    def known_at(self) -> pd.DatetimeIndex:
        """Moment from which each bar of `raw` is complete."""
        index = pd.DatetimeIndex(self.raw.index)
        return known_at(index, self.instrument.timeframe, self.instrument.calendar)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Factor of each ex-date."""
        return adjustment_events(self.actions, self.raw, sessions=self._sessions)

    @cached_property
    def factors(self) -> pd.DataFrame:
        """Columns `split` and `total`, one row a bar of `raw`."""
        index = pd.DatetimeIndex(self.raw.index)
        return forward_factors(index, self.events, sessions=self._sessions)

    @cached_property
    def adjusted(self) -> pd.DataFrame:
        """Forward-adjusted bars."""
        return forward_adjust(self.raw, self.events, sessions=self._sessions)

    def events_hash(self, before: datetime) -> str:
        """Hash of the factors with an ex-date before a moment: later actions change nothing."""
        if before not in self._events_hashes:
            self._events_hashes[before] = events_hash(self.events, before)
        return self._events_hashes[before]

    def bars_hashes(self, windows: Sequence[Window]) -> list[str]:
        """Content hash of each window; raises where one may not be built on."""
        require_usable(self.instrument.id, windows, self.attempts)
        return [self.attempts[window.key].content_hash or "" for window in windows]

    def span(self, start: datetime | None, end: datetime | None) -> slice:
        """Positions of the bars with `start <= ts < end`."""
        index = self.raw.index
        first = 0 if start is None else int(index.searchsorted(pd.Timestamp(start)))
        last = len(index) if end is None else int(index.searchsorted(pd.Timestamp(end)))
        return slice(first, last)

    @cached_property
    def _sessions(self) -> pd.DatetimeIndex | None:
        if not self.instrument.timeframe.is_intraday:
            return None
        index = pd.DatetimeIndex(self.raw.index)
        return session_dates(index, self.instrument.timeframe, self.instrument.calendar)
