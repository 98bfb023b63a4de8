"""The source of synthetic bars: any symbol, timeframe and calendar, always the same.

All timeframes are cut from the same minutes, so four 15m bars are the 1h bar and a day's bars are
its daily bar. Nothing here says anything about a real market: reports on such bars say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import SHOWN_DIGITS, canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.moments import (
    WEEK,
    WEEK_ANCHOR,
    Flags,
    Moments,
    length_of,
    microseconds,
    monday_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import known_at, periods_per_year
from trading_pipeline.market_data.resampling import bars_of_groups
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
    require_timeframe,
    utc_now,
)
from trading_pipeline.market_data.sources.synthetic.faults import REACH, parse_faults, plant_faults
from trading_pipeline.market_data.sources.synthetic.paths import (
    EPOCH,
    SessionWalk,
    SyntheticSettings,
    minute_bars,
    session_walk,
)

__all__ = ["SyntheticSource"]

_CHUNK_WEEKS = 26


@dataclass(frozen=True)
class SyntheticSource:
    """Seeded bars from 1990 on, up to the last one that is complete.

    A bar depends on the settings, the symbol, the calendar and its own time; asking for another
    span gives the same bar. numpy may change its random streams with a new version, so its version
    is part of `client_version`.
    """

    settings: SyntheticSettings = field(default_factory=SyntheticSettings)
    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "synthetic"

    def capabilities(self) -> SourceCapabilities:
        """Every timeframe, no limit, no corporate actions."""
        return SourceCapabilities(timeframes=tuple(Timeframe), needs_network=False)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the span that are complete by now; before 1990 there are none."""
        require_timeframe(self, request.instrument)
        now = self.clock()
        version = canonical_hash(
            {
                name: getattr(self.settings, name)
                for name in self.settings.__dataclass_fields__
                if name != "faults" or self.settings.faults
            }
        )[:SHOWN_DIGITS]
        return BarBatch(
            frame=self._bars(request.instrument, request.start, min(request.end, now), now),
            price_basis="as_traded",
            fetched_at=now,
            client_version=f"synthetic {version} numpy {np.__version__}",
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:  # noqa: ARG002
        """No synthetic instrument splits or pays."""
        return []

    def _bars(
        self, instrument: Instrument, start: datetime, end: datetime, now: datetime
    ) -> pd.DataFrame:
        first, last = microseconds(start), microseconds(end)
        if last <= max(first, EPOCH):
            return empty_bars()
        calendar = instrument.calendar
        walk = session_walk(
            self.settings,
            instrument.symbol,
            calendar,
            periods_per_year(Timeframe.D1, calendar),
            (end.astimezone(UTC) + timedelta(days=15)).year,
        )
        faults = parse_faults(self.settings.faults)
        reach = int(REACH.total_seconds()) * 1_000_000 if faults else 0
        bars = _aggregated(walk, self.settings, instrument, max(first - reach, EPOCH), last)
        if faults:
            bars = plant_faults(bars, faults, instrument.timeframe, now)
        chosen = (bars.index >= pd.Timestamp(start)) & (bars.index < pd.Timestamp(end))
        bars = bars[np.asarray(chosen)]
        index = pd.DatetimeIndex(bars.index)
        complete = np.asarray(known_at(index, instrument.timeframe, calendar) <= pd.Timestamp(now))
        return bars[complete & ~self._left_out(index, instrument.symbol)]

    def _left_out(self, index: pd.DatetimeIndex, symbol: str) -> Flags:
        """Bars that the setting `missing_fraction` drops, by a hash of their own time."""
        mixed = index.asi8.astype(np.uint64) ^ np.uint64(
            self.settings.key(symbol, "missing") & (2**64 - 1)
        )
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)  # splitmix64
        return np.asarray(mixed / 2.0**64 < self.settings.missing_fraction)


def _aggregated(
    walk: SessionWalk, settings: SyntheticSettings, instrument: Instrument, first: int, last: int
) -> pd.DataFrame:
    """Whole bars of all weeks that touch the span, built half a year at a time."""
    weeks = (walk.schedule.labels - WEEK_ANCHOR) // WEEK
    begin, stop = (first - WEEK_ANCHOR) // WEEK - 1, (last - WEEK_ANCHOR) // WEEK + 2
    parts = []
    for week in range(int(begin), int(stop), _CHUNK_WEEKS):
        lower, upper = np.searchsorted(weeks, [week, min(week + _CHUNK_WEEKS, stop)])
        if upper > lower:
            minutes = minute_bars(walk, settings, instrument.symbol, int(lower), int(upper))
            parts.append(bars_of_groups(minutes, _labels(minutes, instrument)))
    return pd.concat(parts) if parts else empty_bars()


def _labels(minutes: pd.DataFrame, instrument: Instrument) -> Moments:
    """Label of the bar that each minute belongs to."""
    moment = minutes["moment"].to_numpy(dtype=np.int64)
    session = minutes["session"].to_numpy(dtype=np.int64)
    frame = instrument.timeframe
    if frame is Timeframe.D1:
        return session
    if frame is Timeframe.W1:
        mondays = monday_of(session)
        if instrument.calendar == ALWAYS:
            return mondays
        _, first, week = np.unique(mondays, return_index=True, return_inverse=True)
        return session[first][week]
    length = length_of(frame)
    if instrument.calendar in (ALWAYS, WEEKDAYS):
        return np.asarray(moment - moment % length)
    anchor = minutes["segment_open"].to_numpy(dtype=np.int64)
    return np.asarray(anchor + (moment - anchor) // length * length)
