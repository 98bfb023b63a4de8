"""Faults that can be planted in synthetic bars, to see that the checks find them.

A fault is written `kind@moment`, for example `spike@2012-03-05`; the moment is UTC. Bars are a
frame after `domain.bars`. A fault depends on its moment alone, so that every span shows the same
bars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean

__all__ = ["FAULT_KINDS", "REACH", "Fault", "parse_faults", "plant_faults"]

REACH = timedelta(days=14)
"""Bars before a span that are needed too, so that a run that began there continues in it."""
_SPIKE, _RIVAL, _SPLIT = 1.7, 2.37, 2.0
_ABSENT = pd.Timedelta(days=120)
_NO_VOLUME = pd.Timedelta(days=90)


@dataclass(frozen=True)
class Fault:
    """One fault; `at` is an aware UTC moment, and the first bar from then on is the wrong one."""

    kind: str
    at: datetime


def parse_faults(texts: Sequence[str]) -> tuple[Fault, ...]:
    """Faults from `kind@moment`.

    Raises `UnknownNameError` for an unknown kind, `ConfigurationError` for text that is no moment.

    >>> parse_faults(["split@2012-03-05"])[0].at.isoformat()
    '2012-03-05T00:00:00+00:00'
    """
    found = []
    for text in texts:
        kind, _, moment = str(text).partition("@")
        if kind not in FAULT_KINDS:
            raise UnknownNameError(
                f"There is no synthetic fault {kind!r}. {did_you_mean(kind, FAULT_KINDS)}",
                name=kind,
                kind="fault",
            )
        try:
            at = datetime.fromisoformat(moment)
        except ValueError as error:
            raise ConfigurationError(
                f"The synthetic fault {text!r} names no moment. Write it as {kind}@2012-03-05.",
                fault=text,
            ) from error
        found.append(Fault(kind, at if at.tzinfo else at.replace(tzinfo=UTC)))
    return tuple(found)


def plant_faults(
    bars: pd.DataFrame, faults: Sequence[Fault], timeframe: Timeframe, now: datetime
) -> pd.DataFrame:
    """The bars with the faults in them; what lies before `bars` is not touched.

    `now`: the moment of the request, on which `restated` depends.
    """
    for fault in faults:
        index = pd.DatetimeIndex(bars.index)
        start = pd.Timestamp(fault.at)
        first = int(index.searchsorted(start))
        # where the series begins after the fault, its first bar is not the one that was meant
        has_bar = first < len(index) and (first > 0 or index[0] - start < pd.Timedelta(days=4))
        if fault.kind in _LASTING:
            bars = _LASTING[fault.kind](bars, start, pd.Timestamp(now))
        elif has_bar:
            bars = _SINGLE[fault.kind](bars, first, timeframe)
    return bars


def _set(bars: pd.DataFrame, at: int | slice, **values: float) -> pd.DataFrame:
    changed = bars.copy()
    for name, value in values.items():
        column = changed[name].to_numpy(copy=True)
        column[at] = value
        changed[name] = column
    return changed


def _gap(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return bars.drop(bars.index[at : at + 2])


def _duplicate(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return pd.concat([bars.iloc[: at + 1], bars.iloc[at:]])


def _conflict(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return pd.concat([bars.iloc[: at + 1], bars.iloc[[at]] * 1.001, bars.iloc[at + 1 :]])


def _unsorted(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    order = np.arange(len(bars))
    order[at : at + 2] = order[at : at + 2][::-1]
    return bars.iloc[order]


def _off_grid(bars: pd.DataFrame, at: int, timeframe: Timeframe) -> pd.DataFrame:
    stamps = bars.index.to_numpy().copy()
    stamps[at] += np.timedelta64(int(timeframe.length.total_seconds() / 3), "s")
    return bars.set_axis(pd.DatetimeIndex(stamps, tz="UTC", name="ts"), axis=0)


def _extra(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    """A copy of the bar on the Saturday after it."""
    stamp = bars.index[at]
    saturday = stamp + pd.Timedelta(days=(5 - stamp.day_of_week) % 7 or 7)
    copied = bars.iloc[[at]].set_axis(pd.DatetimeIndex([saturday], name="ts"), axis=0)
    return pd.concat([bars, copied]).sort_index(kind="stable")


def _ohlc(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return _set(bars, at, high=float(bars["low"].iloc[at]) * 0.99)


def _negative(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return _set(bars, at, low=-1.0)


def _not_a_number(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    return _set(bars, at, close=float("nan"))


def _stale(bars: pd.DataFrame, at: int, timeframe: Timeframe) -> pd.DataFrame:
    count = 25 if timeframe.is_intraday else 6
    close = float(bars["close"].iloc[at])
    return _set(bars, slice(at, at + count), open=close, high=close, low=close, close=close)


def _spike(bars: pd.DataFrame, at: int, _timeframe: Timeframe) -> pd.DataFrame:
    close = float(bars["close"].iloc[at]) * _SPIKE
    return _set(bars, at, close=close, high=max(close, float(bars["high"].iloc[at])))


def _scaled(bars: pd.DataFrame, start: pd.Timestamp, factor: float) -> pd.DataFrame:
    later = bars.index >= start
    changed = bars.copy()
    changed.loc[later, ["open", "high", "low", "close"]] *= factor
    changed.loc[later, "volume"] /= factor
    return changed


def _split(bars: pd.DataFrame, start: pd.Timestamp, _now: pd.Timestamp) -> pd.DataFrame:
    return _scaled(bars, start, 1.0 / _SPLIT)


def _rival(bars: pd.DataFrame, start: pd.Timestamp, _now: pd.Timestamp) -> pd.DataFrame:
    absent = (bars.index >= start) & (bars.index < start + _ABSENT)
    return _scaled(bars.loc[~absent], start, _RIVAL)


def _no_volume(bars: pd.DataFrame, start: pd.Timestamp, _now: pd.Timestamp) -> pd.DataFrame:
    changed = bars.copy()
    changed.loc[(bars.index >= start) & (bars.index < start + _NO_VOLUME), "volume"] = 0.0
    return changed


def _late(bars: pd.DataFrame, start: pd.Timestamp, _now: pd.Timestamp) -> pd.DataFrame:
    return bars.loc[bars.index < start]


def _restated(bars: pd.DataFrame, start: pd.Timestamp, now: pd.Timestamp) -> pd.DataFrame:
    """The last bar before the moment has another volume once the moment has come."""
    position = int(pd.DatetimeIndex(bars.index).searchsorted(start)) - 1
    if now < start or position < 0:
        return bars
    return _set(bars, position, volume=float(bars["volume"].iloc[position]) + 1.0)


_SINGLE: dict[str, Callable[[pd.DataFrame, int, Timeframe], pd.DataFrame]] = {
    "gap": _gap,
    "duplicate": _duplicate,
    "conflict": _conflict,
    "unsorted": _unsorted,
    "off_grid": _off_grid,
    "extra_bar": _extra,
    "ohlc": _ohlc,
    "negative_price": _negative,
    "not_a_number": _not_a_number,
    "stale": _stale,
    "spike": _spike,
}
_LASTING: dict[str, Callable[[pd.DataFrame, pd.Timestamp, pd.Timestamp], pd.DataFrame]] = {
    "split": _split,
    "other_company": _rival,
    "no_volume": _no_volume,
    "late": _late,
    "restated": _restated,
}
FAULT_KINDS = (*_SINGLE, *_LASTING)
