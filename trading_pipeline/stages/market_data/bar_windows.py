"""What to ask a source for each window: its span, its state, and from where on.

A window is OPEN while it runs, SETTLING for seven days after its end, then FINAL. Spans are aware
UTC and half-open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import MissingDataError
from trading_pipeline.market_data.calendars import session_dates
from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.stages.market_data.universe import clipped_span
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt
from trading_pipeline.storage.stores.reference import Listing

__all__ = [
    "SETTLING",
    "WindowAsk",
    "expiry",
    "is_fresh",
    "is_settled",
    "may_continue",
    "overlap_start",
    "refuse_remembered",
    "window_asks",
]

SETTLING = timedelta(days=7)
_OVERLAP_BARS, _OVERLAP_SESSIONS = 5, 3
_SETTLING_ASKED_EVERY = timedelta(days=1)
_LONGEST_CLOSURE = timedelta(days=5)
_NO_DATA_LASTS = {
    "OPEN": timedelta(hours=1),
    "SETTLING": timedelta(hours=1),
    "FINAL": timedelta(days=1),
}


@dataclass(frozen=True)
class WindowAsk:
    """A window of an instrument, and the part of it in which bars can exist.

    `span` is None where the instrument is not listed in the window. `instrument` carries the
    source's listing where universe.yaml gives none.
    """

    instrument: Instrument
    window: Window
    span: tuple[datetime, datetime] | None
    state: str

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The span, or the whole window where there is none."""
        return self.span or (self.window.start, self.window.end)


def window_asks(
    workspace: Workspace,
    instrument_id: str,
    windows: Iterable[Window],
    *,
    listing: Listing | None = None,
) -> list[WindowAsk]:
    """One ask a window, oldest first, clipped to the instrument's span and to its listing.

    The span is the universe's unless the instrument has its own. `listing` replaces the stored one.
    """
    instrument = workspace.catalog.instrument(instrument_id)
    if listing is None:
        listing = workspace.reference.listings().get(instrument_id, (None, None))
    grid, now = workspace.catalog.universe.grid_of(instrument_id), workspace.clock()
    begin = datetime(grid.start.year, grid.start.month, grid.start.day, tzinfo=now.tzinfo)
    listed = replace(
        instrument,
        listed_from=listing[0] or instrument.listed_from,
        listed_to=listing[1] or instrument.listed_to,
    )
    found = []
    for window in sorted(windows):
        end = min(window.end, grid.end_moment or window.end)
        span = clipped_span(max(window.start, begin), end, instrument, listing)
        found.append(WindowAsk(listed, window, span, _state(end, now)))
    return found


def _state(end: datetime, now: datetime) -> str:
    if end > now:
        return "OPEN"
    return "SETTLING" if now - end < SETTLING else "FINAL"


def is_settled(attempt: FetchAttempt, ask: WindowAsk) -> bool:
    """True where the attempt's answer is final and was for the same span and series.

    A window that was FINAL by a clock since set back is not: it may have been asked for too early.
    """
    return (
        attempt.status in ("ok", "not_listed", "no_rows")
        and attempt.state == ask.state == "FINAL"
        and (attempt.requested_from, attempt.requested_to) == ask.bounds
        and _same_series(attempt, ask)
    )


def is_fresh(attempt: FetchAttempt, ask: WindowAsk, now: datetime) -> bool:
    """True where a window that is not final has every bar that is due by now.

    A settling window is asked for once a day, since its source may still restate it.
    """
    if (
        attempt.status not in ("ok", "no_rows")
        or attempt.state != ask.state
        or (attempt.requested_from, attempt.requested_to) != ask.bounds
        or not _same_series(attempt, ask)
        or not attempt.fetched_at <= now
        or (ask.state != "OPEN" and now - attempt.fetched_at >= _SETTLING_ASKED_EVERY)
    ):
        return False
    lately = ask.instrument.timeframe.length * 3 + _LONGEST_CLOSURE
    start, end = max(ask.bounds[0], attempt.fetched_at - lately), min(ask.bounds[1], now)
    if start >= end:
        return True
    due = due_bars(ask.instrument, Window(start, end), now=now)
    if not len(due):
        return True
    return attempt.last_ts is not None and pd.Timestamp(attempt.last_ts) >= due[-1]


def may_continue(attempt: FetchAttempt | None, ask: WindowAsk) -> bool:
    """True where the stored bars are a sound beginning, so that only newer ones are asked for."""
    return (
        attempt is not None
        and attempt.status == "ok"
        and attempt.rows > 0
        and attempt.requested_from == ask.bounds[0]
        and attempt.requested_to <= ask.bounds[1]
        and _same_series(attempt, ask)
    )


def _same_series(attempt: FetchAttempt, ask: WindowAsk) -> bool:
    finer = ask.instrument.resample_from
    return attempt.source == ask.instrument.source and attempt.resampled_from == (
        None if finer is None else finer.value
    )


def overlap_start(stored: pd.DataFrame, instrument: Instrument) -> datetime:
    """Stamp from which the newest bars are asked for again: 5 bars or 3 sessions, the longer.

    `stored` has at least one bar; the last one is the watermark.

    >>> from trading_pipeline.domain.timeframe import Timeframe
    >>> days = pd.date_range("2012-01-03", periods=9, tz="UTC")
    >>> daily = Instrument(symbol="X", timeframe=Timeframe.D1, source="s")
    >>> overlap_start(pd.DataFrame(index=days), daily).day
    7
    """
    index = pd.DatetimeIndex(stored.index)
    by_bars = index[-min(_OVERLAP_BARS, len(index))]
    days = session_dates(index, instrument.timeframe, instrument.calendar)
    last = days.unique()[-_OVERLAP_SESSIONS:]
    by_sessions = index[int(days.searchsorted(last[0]))]
    first: datetime = min(by_bars, by_sessions).to_pydatetime()
    return first


def refuse_remembered(answer: FetchAttempt | None, ask: WindowAsk) -> None:
    """Raise what the source said lately, instead of asking it for the same span again."""
    if (
        answer is None
        or (answer.requested_from, answer.requested_to) != ask.bounds
        or answer.source != ask.instrument.source
    ):
        return
    raise MissingDataError(
        f"{answer.reason} It was asked at {answer.fetched_at:%Y-%m-%d %H:%M} UTC and is not asked "
        f"again before {answer.expires_at:%Y-%m-%d %H:%M} UTC, unless you say so: trading-pipeline "
        f"run {ask.instrument.id} --refetch.",
        instrument=ask.instrument.id,
        window=ask.window.key,
        remembered=True,
    )


def expiry(state: str, now: datetime) -> datetime:
    """Moment until which a source that had no data for a window is not asked for it again."""
    return now + _NO_DATA_LASTS[state]
