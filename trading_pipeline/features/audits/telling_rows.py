"""Rows at which a rare leak is most likely to show.

A leak that stands in a few rows stands where something is rare: in the column itself, in the bar,
in the bar after it, or in the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["telling_rows"]

_MOST = 6  # rows of a kind
_DATES = 24  # last and first rows of days, weeks, months and years, of each
_VOLATILITY_BARS = 20
_USUAL_SHARE = 0.5


def telling_rows(
    bars: pd.DataFrame, table: pd.DataFrame, generator: np.random.Generator
) -> IntArray:
    """Distinct rows, the most telling of every kind first; the last bar is none of them.

    `table` holds the columns to judge, one row a bar. Kinds: largest and smallest values of each
    column; rows where a column leaves its usual value or comes back to it; bars with the largest
    and smallest return, gap, range, volume and volatility, and the bars before these; ends of runs;
    ends of days, weeks, months and years and the bars after them.
    """
    last = len(bars) - 1
    chosen: list[IntArray] = []
    for values in _bar_numbers(bars):
        rare = _extremes(values)
        chosen += [rare, rare - 1]
    chosen += list(_date_rows(pd.DatetimeIndex(bars.index), generator))
    for column in table.columns:
        chosen += list(_column_rows(table[column].to_numpy(), generator))
    longest = max((len(rows) for rows in chosen), default=0)
    # one of each kind, then the second of each: a prefix of the answer holds every kind
    ranked = [rows[place] for place in range(longest) for rows in chosen if place < len(rows)]
    distinct = np.array(list(dict.fromkeys(ranked)), dtype="int64")
    return distinct[(distinct >= 0) & (distinct < last)]


def _bar_numbers(bars: pd.DataFrame) -> Iterator[FloatArray]:
    close = bars["close"].to_numpy(dtype="float64")
    before = np.concatenate([close[:1], close[:-1]])
    change = close / before - 1.0
    yield change
    yield bars["open"].to_numpy(dtype="float64") / before - 1.0
    yield (bars["high"] - bars["low"]).to_numpy(dtype="float64") / close
    yield bars["volume"].to_numpy(dtype="float64")
    squares = np.cumsum(np.append(np.zeros(_VOLATILITY_BARS), change**2))
    yield squares[_VOLATILITY_BARS:] - squares[:-_VOLATILITY_BARS]
    yield _run_lengths(np.sign(change))


def _run_lengths(signs: FloatArray) -> FloatArray:
    """Bars since the sign changed, with the sign."""
    starts = np.flatnonzero(np.append(True, signs[1:] != signs[:-1]))
    begun = np.repeat(starts, np.diff(np.append(starts, len(signs))))
    return np.asarray((np.arange(len(signs)) - begun + 1) * signs, dtype="float64")


def _extremes(values: FloatArray) -> IntArray:
    """Rows of the largest and the smallest values in turn, NaN left out."""
    known = np.flatnonzero(~np.isnan(values))
    most = min(_MOST, len(known) // 2)
    if not most:
        return np.empty(0, dtype="int64")
    order = known[np.argsort(values[known], kind="stable")]
    return np.column_stack([order[: -most - 1 : -1], order[:most]]).ravel()


def _date_rows(index: pd.DatetimeIndex, generator: np.random.Generator) -> Iterator[IntArray]:
    # whole days since the epoch, counted from a Monday
    days = index.as_unit("s").asi8 // 86_400 + 3
    months = index.year.to_numpy() * 12 + index.month.to_numpy()
    for period in (days, days // 7, months, months // 12):
        ends = np.flatnonzero(period[1:] != period[:-1])
        if len(ends) >= len(index) - 1:  # every bar is a day of its own
            continue
        for rows in (ends, ends + 1):
            yield generator.permutation(rows)[:_DATES]


def _column_rows(values: FloatArray, generator: np.random.Generator) -> Iterator[IntArray]:
    yield _extremes(values)
    known = values[~np.isnan(values)]
    usual = np.nan
    if known.size:
        distinct, counts = np.unique(known, return_counts=True)
        if counts.max() > _USUAL_SHARE * known.size:
            usual = distinct[counts.argmax()]
    is_usual = np.isnan(values) if np.isnan(usual) else values == usual
    changes = np.flatnonzero(is_usual[1:] != is_usual[:-1])
    for rows in (changes, changes + 1):
        yield generator.permutation(rows)[:_MOST]
