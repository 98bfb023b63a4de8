"""The compiled loops behind resampled histories: their rows, deepest falls and growth."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["falls_and_growth", "follow_blocks"]

FloatArray = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def follow_blocks(draws: FloatArray, starts: npt.NDArray[np.int64], chance: float) -> None:
    """Turn `starts`, (samples, rows), into row numbers of blocks, joined end to start.

    Where a draw is below `chance`, and in the first row, a block begins at its start; every other
    row follows the one before.
    """
    samples, rows = starts.shape
    for sample in range(samples):
        place = starts[sample, 0]
        for row in range(1, rows):
            if draws[sample, row] < chance:
                place = starts[sample, row]
            else:
                place += 1
                if place == rows:
                    place = 0
            starts[sample, row] = place


@numba.njit(cache=True, nogil=True, error_model="numpy")
def falls_and_growth(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Deepest drawdown and final wealth of each row of `returns`, (histories, bars), from 1.0 on.

    Both are NaN in a row with a NaN, the first one too where wealth overflows.
    """
    histories, bars = returns.shape
    falls, growth = np.empty(histories), np.empty(histories)
    for history in range(histories):
        wealth, peak, lowest = 1.0, 1.0, np.inf
        for bar in range(bars):
            wealth *= 1.0 + returns[history, bar]
            peak = max(peak, wealth)
            share = wealth / peak
            if not share >= lowest:  # wealth that is NaN or infinite stays so: NaN to the end
                lowest = share
        growth[history] = wealth
        fall = lowest - 1.0
        falls[history] = 0.0 if fall > 0.0 else fall
    return falls, growth
