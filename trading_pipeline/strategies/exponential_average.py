"""Exponential averages that strategies share, and the MACD made of them, in the unit of the input.

For one window or for many at once, with the same bits: a sweep computes what a single run does.
Equal to TA-Lib's EMA and MACD but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.row_threads import share_rows
from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.domain.table_memory import empty_tables
from trading_pipeline.errors import StrategyError

__all__ = ["exponential_average", "exponential_averages", "macd_lines"]

IntArray: TypeAlias = npt.NDArray[np.int64]


def exponential_average(values: FloatArray, window: int) -> FloatArray:
    """EMA with weight 2 / (window + 1), begun with the mean of the first `window` values.

    NaN on the first `window - 1` rows. Raises `StrategyError` for a value that is not finite, which
    would spoil every later average.

    >>> exponential_average(np.array([1.0, 3.0, 8.0]), 2).round(9).tolist()
    [nan, 2.0, 6.0]
    """
    average: FloatArray = exponential_averages(values, [window])[0]
    return average


def exponential_averages(values: FloatArray, windows: Sequence[int]) -> FloatArray:
    """`exponential_average` of each window, one a row, bit for bit.

    >>> exponential_averages(np.array([1.0, 3.0, 8.0]), [1, 2]).round(9).tolist()
    [[1.0, 3.0, 8.0], [nan, 2.0, 6.0]]
    """
    lines = _checked(values)
    lengths = np.asarray(windows, dtype=np.int64)
    nothing = np.zeros_like(lengths)
    (found,) = empty_tables((len(lengths), values.shape[0]))
    _smooth(lines, nothing, lengths, nothing, found)
    return found


def macd_lines(values: FloatArray, windows: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    """Moving average convergence and divergence of many windows (fast, slow, signal), one a row.

    Returns (lines, row of the MACD of each): each distinct MACD is a row, then come the signal
    lines, one for each of `windows`. Both averages of a MACD begin on the same bar. A signal line
    is NaN on the first `slow + signal - 2` rows.
    """
    lines = _checked(values)
    fast, slow, lengths = np.array(windows, dtype=np.int64).reshape(-1, 3).T.copy()
    # one number for a pair: thousands of sets are sorted by it at once
    _, first, which = np.unique(
        fast * (slow.max(initial=0) + 1) + slow, return_index=True, return_inverse=True
    )
    begins = slow - 1
    fast, slow = fast[first], slow[first]
    (found,) = empty_tables((len(first) + len(lengths), values.shape[0]))
    (slower,) = empty_tables((len(first), values.shape[0]))
    macd, signals = found[: len(first)], found[len(first) :]
    nothing = np.zeros_like(slow)
    _smooth(lines, nothing, fast, slow - fast, macd)
    _smooth(lines, nothing, slow, nothing, slower)

    def subtract(at: int, end: int) -> None:
        macd[at:end] -= slower[at:end]

    share_rows(len(macd), subtract)
    _smooth(macd, which, lengths, begins, signals)
    return found, which


def _smooth(
    lines: FloatArray, which: IntArray, windows: IntArray, begins: IntArray, found: FloatArray
) -> None:
    # numba takes a second to import, and most processes that load a strategy never run one
    from trading_pipeline.strategies.exponential_kernel import SIDE_BY_SIDE, smoothed

    def part(first: int, last: int) -> None:
        rows = slice(first, last)
        smoothed(lines, which[rows], windows[rows], begins[rows], found[rows])

    share_rows(len(windows), part, together=SIDE_BY_SIDE)


def _checked(values: FloatArray) -> FloatArray:
    """The values as one row, all of them finite."""
    line = np.ascontiguousarray(values, dtype=np.float64)
    if not np.isfinite(line).all():
        row = int(np.argmin(np.isfinite(line)))
        raise StrategyError(
            f"An exponential average needs finite values; row {row} is {line[row]}.", row=row
        )
    return line[np.newaxis]
