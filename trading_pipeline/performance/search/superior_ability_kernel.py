"""The compiled loops of the test for superior ability: sums of resampled rows and of lags.

Each sum runs through the rows in order, as numpy adds the rows of a table, so the numbers are those
of `arch.bootstrap.SPA` to the last bit (of a single trial, which numpy adds in pairs, but for
rounding).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["lagged_products", "sum_resampled_rows"]

FloatArray = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def sum_resampled_rows(
    table: FloatArray,
    starts: npt.NDArray[np.int64],
    draws: FloatArray,
    chance: float,
    sums: FloatArray,
) -> None:
    """Fill `sums` by column with one resampled history of the table, (rows, trials).

    Row `i` of it follows the one before, the first after the last, where `draws[i] > chance`; else
    a block begins at the row `starts[i]`.
    """
    rows, trials = table.shape
    sums[:] = 0.0
    place = 0
    for row in range(rows):
        if row == 0 or not draws[row] > chance:
            place = starts[row]
        else:
            place += 1
            if place == rows:
                place = 0
        for trial in range(trials):
            sums[trial] += table[place, trial]


@numba.njit(cache=True, nogil=True)
def lagged_products(table: FloatArray) -> FloatArray:
    """Sums of each value times the one `lag` rows later, (lags, trials), from lag 0 on."""
    rows, trials = table.shape
    found = np.zeros((rows, trials))
    for lag in range(rows):
        for row in range(rows - lag):
            for trial in range(trials):
                found[lag, trial] += table[row, trial] * table[row + lag, trial]
    return found
