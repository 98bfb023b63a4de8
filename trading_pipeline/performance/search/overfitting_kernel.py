"""The compiled loop over all splits of combinatorially symmetric cross-validation."""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["judge_splits"]

FloatArray = npt.NDArray[np.float64]
_FLAT = 1e-12
"""Variance over mean square below which returns do not vary but for rounding."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _ratio(total: float, square: float, rows: float) -> float:
    """Sharpe ratio per bar from a sum and a sum of squares; 0.0 where returns do not vary."""
    mean, mean_square = total / rows, square / rows
    variance = mean_square - mean * mean
    return 0.0 if variance <= _FLAT * mean_square else mean / math.sqrt(variance)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def judge_splits(
    sums: FloatArray,
    squares: FloatArray,
    splits: npt.NDArray[np.int64],
    block_rows: int,
    found: FloatArray,
) -> None:
    """Fill `found`, one row a split: logit of the winner's rank, its ratio in and out of sample.

    `sums`, `squares`: (blocks, trials) of the returns; `splits`: the blocks in sample, one row a
    split, half of all. The winner has the highest ratio in sample; among equal ones it is the
    worst out of sample. Its rank out of sample is 1 and the number of trials below it.
    """
    blocks, trials = sums.shape
    rows = float(block_rows * splits.shape[1])
    all_sums, all_squares = np.zeros(trials), np.zeros(trials)
    for block in range(blocks):
        for trial in range(trials):
            all_sums[trial] += sums[block, trial]
            all_squares[trial] += squares[block, trial]
    total, square = np.empty(trials), np.empty(trials)
    inside, outside = np.empty(trials), np.empty(trials)
    for split in range(splits.shape[0]):
        total[:] = 0.0
        square[:] = 0.0
        for block in splits[split]:
            for trial in range(trials):
                total[trial] += sums[block, trial]
                square[trial] += squares[block, trial]
        for trial in range(trials):  # no branch, so that several trials are computed at once
            inside[trial] = _ratio(total[trial], square[trial], rows)
            outside[trial] = _ratio(
                all_sums[trial] - total[trial], all_squares[trial] - square[trial], rows
            )
        winner = 0
        for trial in range(1, trials):
            tied = inside[trial] == inside[winner] and outside[trial] < outside[winner]
            if inside[trial] > inside[winner] or tied:
                winner = trial
        rank = 1
        for trial in range(trials):
            if outside[trial] < outside[winner]:
                rank += 1
        found[split, 0] = math.log(rank / (trials + 1.0 - rank))
        found[split, 1] = inside[winner]
        found[split, 2] = outside[winner]
