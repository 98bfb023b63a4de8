"""What people write to choose results and trades, read into filters: bounds, moments, zones."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from trading_pipeline.domain.moments import midnight
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.storage.stores.result_queries import Bound

__all__ = ["between", "chart_span", "moment", "number_bounds", "time_span", "time_zone"]

_BOUND = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*(?P<sign><=|>=|==|<|>|=)\s*(?P<value>\S+)\s*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def number_bounds(texts: Sequence[str]) -> tuple[Bound, ...]:
    """Conditions such as `sharpe>=0.5`; a value may end in `%`.

    Raises `ConfigurationError` for a text that is none.

    >>> number_bounds(["sharpe >= 0.5", "max_drawdown>-20%"])[1]
    Bound(name='max_drawdown', sign='>', value=-0.2)
    """
    return tuple(map(_bound, texts))


def _bound(text: str) -> Bound:
    found = _BOUND.fullmatch(text)
    if found is not None:
        digits, percent, rest = found["value"].partition("%")
        try:
            value = float(digits) / (100.0 if percent else 1.0)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and not rest:
            sign = found["sign"].replace("==", "=")
            return Bound(found["name"], sign, value)  # type: ignore[arg-type]
    raise ConfigurationError(
        f"{text[:200]!r} is no condition. Write a number's name, one of < <= > >= =, and a value, "
        "as in 'sharpe>=0.5' or 'max_drawdown>-20%'.",
        value=text,
    )


def moment(text: str, name: str, zone: tzinfo = UTC) -> datetime:
    """A day (its start in `zone`) or an ISO 8601 moment with a zone; `name`: what it was given for.

    The answer is in UTC. A day whose midnight the clocks skip starts when they go on. Raises
    `ConfigurationError` for anything else.

    >>> moment("2012-01-03", "--from").isoformat(), moment("2012-01-03T09:30-05:00", "--to").hour
    ('2012-01-03T00:00:00+00:00', 14)
    """
    try:
        if _DAY.fullmatch(text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), time(), zone).astimezone(UTC)
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(
        f"{name}: {text[:200]!r} is no day, and no moment with a zone. Write 2012-01-03, or "
        "2012-01-03T14:30Z.",
        name=name,
        value=text,
    )


def time_span(first: str | None, last: str | None) -> tuple[datetime | None, datetime | None]:
    """From `first` to `last`, which is itself still wanted, as a bound that is not.

    Raises as `moment`, and for a first moment after the last.

    >>> [each.isoformat() for each in time_span("2012-01-03", "2012-01-03")]
    ['2012-01-03T00:00:00+00:00', '2012-01-04T00:00:00+00:00']
    """
    start = None if first is None else moment(first, "--from")
    if last is None:
        return start, None
    end = moment(last, "--to")
    if start is not None and start > end:
        raise ConfigurationError(
            f"--from {first} is after --to {last}, so no trade lies between. Exchange them.",
            first=first,
            last=last,
        )
    whole_day = _DAY.fullmatch(last.strip()) is not None
    try:
        return start, end + (timedelta(days=1) if whole_day else timedelta(microseconds=1))
    except OverflowError:
        return start, None


def chart_span(
    first: str | None, last: str | None, zone: tzinfo, *, sessions: bool
) -> tuple[datetime | None, datetime | None]:
    """From `first`, which counts, to `last`, which does not, in UTC; days are those of `zone`.

    `sessions`: bars are named by their session's date at 00:00 UTC, so a bound is a date: the one
    that is written, or that of a moment in `zone`. Raises as `moment`, and for a span that is
    empty.

    >>> from zoneinfo import ZoneInfo
    >>> new_york = ZoneInfo("America/New_York")
    >>> span = chart_span("2012-03-11", "2012-03-12", new_york, sessions=False)
    >>> [each.isoformat() for each in span]
    ['2012-03-11T05:00:00+00:00', '2012-03-12T04:00:00+00:00']
    """

    def bound(text: str | None, name: str) -> datetime | None:
        if text is None:
            return None
        found = moment(text, name, zone)
        return midnight(found.astimezone(zone).date()) if sessions else found

    start, end = bound(first, "--from"), bound(last, "--to")
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(
            f"Nothing lies between --from {first} and --to {last}, since the end does not count. "
            "Give a later --to: the day after the last one that is wanted.",
            first=first,
            last=last,
        )
    return start, end


def between(column: str, option: str, low: float | None, high: float | None) -> tuple[Bound, ...]:
    """Conditions of `--min-<option>` and `--max-<option>`; none for a bound that is None.

    Raises `ConfigurationError` for NaN, an infinity, or a least value above the greatest.
    """
    given = [("min", ">=", low), ("max", "<=", high)]
    for bound, _, value in given:
        if value is not None and not math.isfinite(value):
            raise ConfigurationError(
                f"--{bound}-{option}: {value} bounds nothing. Give a number, or leave it out.",
                name=option,
            )
    if low is not None and high is not None and low > high:
        raise ConfigurationError(
            f"--min-{option} {low:g} is above --max-{option} {high:g}, so nothing lies between. "
            "Exchange them.",
            name=option,
        )
    return tuple(
        Bound(column, sign, float(value))  # type: ignore[arg-type]
        for _, sign, value in given
        if value is not None
    )


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; `UnknownNameError` offers the closest ones.

    >>> time_zone("America/New_York").key
    'America/New_York'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = did_you_mean(name, available_timezones())
        hint = close if close.startswith("Did") else "Zones are named like America/New_York."
        raise UnknownNameError(
            f"There is no time zone {name[:200]!r}. {hint}", name=name, kind="zone"
        ) from None
