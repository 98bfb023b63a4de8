"""Windows that cut every series by time. Starts and ends are aware UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean

__all__ = ["Cadence", "Window", "WindowGrid"]

Cadence = Literal["year", "quarter", "month"]
_MONTHS: dict[str, int] = {"year": 12, "quarter": 3, "month": 1}
_INSTANT = timedelta(microseconds=1)
_CRON: dict[str, str] = {
    "year": "0 0 1 1 *",
    "quarter": "0 0 1 1,4,7,10 *",
    "month": "0 0 1 * *",
}


@dataclass(frozen=True, order=True)
class Window:
    """Half-open span `start <= ts < end`; its key is the first day, `YYYY-MM-DD`."""

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Partition key.

        >>> Window(datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC)).key
        '2012-01-01'
        """
        return self.start.strftime("%Y-%m-%d")


@dataclass(frozen=True)
class WindowGrid:
    """All windows of the universe, from the one that contains `start` to that of the last day.

    `end` is exclusive; None means "until now". A window exists from the moment at which it starts,
    so the running one is part of the grid and later ones are not, whatever `end` is.

    >>> grid = WindowGrid(start=date(2000, 1, 1), end=date(2013, 3, 1), cadence="year")
    >>> grid.keys()[0], grid.keys()[-1], len(grid.keys())
    ('2000-01-01', '2013-01-01', 14)
    """

    start: date
    end: date | None
    cadence: Cadence = "year"

    def __post_init__(self) -> None:
        if self.cadence not in get_args(Cadence):
            raise ConfigurationError(
                f"The cadence {self.cadence!r} is none of year, quarter, month.",
                cadence=self.cadence,
            )
        if self.end is not None and self.end <= self.start:
            raise ConfigurationError(
                f"The universe ends at {self.end}, which is not after its start {self.start}. "
                "Set 'end' to a later day, or leave it out to run until now.",
                start=self.start,
                end=self.end,
            )

        if self.end is not None and self.end.year > 9998:
            raise ConfigurationError(
                f"The universe ends at {self.end}, beyond what dates can hold. Leave 'end' out to "
                "run until now.",
                end=self.end,
            )

    @property
    def first_start(self) -> datetime:
        """Start of the first window."""
        months = _MONTHS[self.cadence]
        month = (self.start.month - 1) // months * months + 1
        return datetime(self.start.year, month, 1, tzinfo=UTC)

    @property
    def cron_schedule(self) -> str:
        """Cron expression at which a window starts."""
        return _CRON[self.cadence]

    @property
    def end_moment(self) -> datetime | None:
        """Exclusive end of the span; None where it goes on until now."""
        if self.end is None:
            return None
        return datetime(self.end.year, self.end.month, self.end.day, tzinfo=UTC)

    @property
    def last_end(self) -> datetime | None:
        """End of the last window that there will be; None where there is always a next one."""
        if self.end_moment is None:
            return None
        *_, last = self._until(self.end_moment)
        return last.end

    def goes_on(self, now: datetime) -> bool:
        """True where more of the span is to come."""
        return self.end_moment is None or now < self.end_moment

    def last_moment(self, now: datetime | None = None) -> datetime:
        """Exclusive end of the part of the span that has passed."""
        now = now or datetime.now(UTC)
        return now if self.end_moment is None else min(self.end_moment, now)

    def windows(self, now: datetime | None = None) -> list[Window]:
        """Every window that has started, in time order; none before the first one."""
        now = now or datetime.now(UTC)
        stop = now + _INSTANT if self.end_moment is None else min(self.end_moment, now + _INSTANT)
        return self._until(stop)

    def keys(self, now: datetime | None = None) -> list[str]:
        """Keys of `windows`."""
        return [window.key for window in self.windows(now)]

    def window(self, key: str, now: datetime | None = None) -> Window:
        """The window with that key; `UnknownNameError` names the value and the closest keys."""
        windows = self.windows(now)
        for window in windows:
            if window.key == key:
                return window
        if not windows:
            raise UnknownNameError(
                f"There is no window {key!r}: the first one starts at {self.first_start:%Y-%m-%d}, "
                "which is still to come.",
                name=key,
                kind="window",
            )
        raise UnknownNameError(
            f"There is no window {key!r}: windows start at {windows[0].key}, one a {self.cadence}, "
            f"the last at {windows[-1].key}. {did_you_mean(key, [w.key for w in windows])}",
            name=key,
            kind="window",
        )

    def overlapping(
        self, start: datetime, end: datetime, now: datetime | None = None
    ) -> Sequence[Window]:
        """Windows that share a moment with `start <= ts < end`."""
        return [w for w in self.windows(now) if w.start < end and start < w.end]

    def _until(self, stop: datetime) -> list[Window]:
        """Windows that start before `stop`."""
        found, start = [], self.first_start
        while start < stop:
            end = self._next_start(start)
            found.append(Window(start, end))
            start = end
        return found

    def _next_start(self, start: datetime) -> datetime:
        month = start.month - 1 + _MONTHS[self.cadence]
        return start.replace(year=start.year + month // 12, month=month % 12 + 1)
