"""What people write to choose results and trades, read into filters: bounds, moments, zones."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from trading_pipeline.domain.moments import midnight
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.storage.stores.result_queries import Bound

__all__ = ["day_after", "moment", "number_bounds", "time_zone"]

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


def moment(text: str, name: str) -> datetime:
    """A day (its start in UTC) or an ISO 8601 moment with a zone; `name`: what it was given for.

    Raises `ConfigurationError` for anything else.

    >>> moment("2012-01-03", "--from").isoformat(), moment("2012-01-03T09:30-05:00", "--to").hour
    ('2012-01-03T00:00:00+00:00', 14)
    """
    try:
        if _DAY.fullmatch(text.strip()):
            return midnight(date.fromisoformat(text.strip()))
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


def day_after(text: str, name: str) -> datetime:
    """The first moment after a day or a moment that is itself still wanted; raises as `moment`.

    >>> day_after("2012-01-03", "--to").isoformat()
    '2012-01-04T00:00:00+00:00'
    """
    found = moment(text, name)
    try:
        whole_day = _DAY.fullmatch(text.strip()) is not None
        return found + (timedelta(days=1) if whole_day else timedelta(microseconds=1))
    except OverflowError:
        return found


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
