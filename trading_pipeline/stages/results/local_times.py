"""Stamps of results in another time zone than UTC, where they are moments at all.

A daily or weekly bar of a listed market is named by its session's date, which is no moment: it
stays as it is in every zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.schedule import ALWAYS, exchange_zone
from trading_pipeline.stages.results.asked import time_zone

__all__ = ["ResultClock"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ResultClock:
    """How stamps are shown: in UTC, in a zone, or in that of each instrument's calendar.

    `instruments`: rows of the table `instruments` by id. `local`: the zone of the calendar.
    `zone`: IANA name that holds for every stamp; it outranks `local`.
    """

    instruments: Mapping[str, Row] = field(default_factory=dict)
    local: bool = False
    zone: str | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown zone before anything is shown in it."""
        if self.zone is not None:
            time_zone(self.zone)

    def zone_of(self, instrument: str) -> tzinfo:
        """Zone in which an instrument's stamps are shown; UTC where its calendar is unknown."""
        if self.zone is not None:
            return time_zone(self.zone)
        calendar = self._calendar(instrument)
        if not self.local or calendar is None:
            return UTC
        name = exchange_zone(calendar)
        return UTC if name == "UTC" else ZoneInfo(name)

    def shown(
        self, stamp: datetime | None, instrument: str, *, exact: bool = False
    ) -> datetime | date | None:
        """A bar's stamp: an aware moment of the zone, or the date of a session.

        `exact`: as it is stored, in UTC, a session as its date at 00:00.
        """
        if stamp is None:
            return None
        if exact:
            return stamp.astimezone(UTC)
        if self.names_a_session(instrument):
            return stamp.astimezone(UTC).date()
        return stamp.astimezone(self.zone_of(instrument))

    def told(self, instruments: Iterable[str]) -> str:
        """The zones of these instruments in words, for a label; `UTC` where there is no other."""
        names = sorted({str(self.zone_of(name)) for name in instruments}) or ["UTC"]
        return ", ".join(names)

    def _calendar(self, instrument: str) -> str | None:
        row = self.instruments.get(instrument)
        return None if row is None else str(row["calendar"])

    def names_a_session(self, instrument: str) -> bool:
        """True where a bar is named by its session's date, which is no moment."""
        calendar, ending = self._calendar(instrument), instrument.rpartition("_")[2]
        is_long = ending in (Timeframe.D1.value, Timeframe.W1.value)
        return is_long and calendar != ALWAYS
