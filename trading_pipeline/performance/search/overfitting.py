"""Probability of backtest overfitting: how often the best in sample is below the middle after it.

Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2017, "The
probability of backtest overfitting"): bars are cut into blocks, every half of the blocks is in
sample once and the other half out of sample. Sharpe ratios are per bar, from sums of the blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.search.overfitting_kernel import judge_splits
from trading_pipeline.performance.search.trial_table import usable_trials

__all__ = ["Overfitting", "overfitting_probability"]

_FEWEST_BLOCK_ROWS = 10
_MOST_BLOCKS = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Overfitting:
    """What became of the best in sample, over all splits.

    Parameters
    ----------
    probability
        Share of splits in which the winner is not above the middle out of sample (PBO).
    logits
        One value a split: log of the winner's relative rank out of sample over one less it.
    loss_probability
        Share of splits in which the winner's Sharpe ratio out of sample is below 0.
    degradation_slope
        Slope of the winner's ratio out of sample over that in sample, by least squares; below 0
        where a better fit did worse. NaN where the ratios in sample do not vary.
    trials, left_out
        Trials that were compared, and those that were not: NaN or constant returns.
    bars, blocks
        Bars that were used, and the blocks they were cut into.
    """

    probability: float
    logits: FloatArray
    loss_probability: float
    degradation_slope: float
    trials: int
    left_out: int
    bars: int
    blocks: int


def overfitting_probability(returns: npt.ArrayLike, *, blocks: int = 16) -> Overfitting:
    """The probability of backtest overfitting of trials on the same bars.

    A tie counts against the winner. Bars that do not fill the blocks are left out at the old end.
    Trials with a return that is not finite, and those whose returns never vary, are left out. A
    trial that does not vary in one half has a ratio of 0 there.

    Parameters
    ----------
    returns
        Simple bar returns, (bars, trials), in order of time.
    blocks
        An even number from 2 to 20; 16 give 12,870 splits.

    Raises
    ------
    ConfigurationError
        For another number of blocks.
    DataQualityError
        For returns that are not a table of numbers.
    InsufficientDataError
        For fewer than two trials that can be compared, or fewer than 10 bars a block.

    >>> noise = np.random.default_rng(42).normal(0.0, 0.01, (1_000, 20))
    >>> round(overfitting_probability(noise, blocks=8).probability, 6)
    0.828571
    """
    if isinstance(blocks, bool) or blocks not in range(2, _MOST_BLOCKS + 1, 2):
        raise ConfigurationError(
            f"The number of blocks is {blocks}; it must be even, from 2 to {_MOST_BLOCKS}, for "
            "example 16.",
            blocks=blocks,
        )
    table = usable_trials(returns)
    values = table.returns
    bars, trials = values.shape
    if trials < 2:
        raise InsufficientDataError(
            f"There are {trials} trials with returns that vary; at least 2 must be compared.",
            trials=trials,
        )
    block_rows = bars // blocks
    if block_rows < _FEWEST_BLOCK_ROWS:
        raise InsufficientDataError(
            f"There are {bars} bars; {blocks} blocks need at least {blocks * _FEWEST_BLOCK_ROWS}.",
            bars=bars,
            blocks=blocks,
        )
    kept = values[bars - blocks * block_rows :].reshape(blocks, block_rows, trials)
    splits = _splits(blocks)
    found = np.empty((len(splits), 3))
    sums, squares = kept.sum(axis=1), np.einsum("bij,bij->bj", kept, kept)
    judge_splits(sums, squares, splits, block_rows, found)
    logits, inside, outside = found.T
    return Overfitting(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits.copy(),
        loss_probability=float(np.mean(outside < 0.0)),
        degradation_slope=_slope(inside, outside),
        trials=trials,
        left_out=table.left_out,
        bars=blocks * block_rows,
        blocks=blocks,
    )


@cache
def _splits(blocks: int) -> npt.NDArray[np.int64]:
    """The blocks in sample of every split, one row each."""
    found = np.array(list(combinations(range(blocks), blocks // 2)), dtype=np.int64)
    found.setflags(write=False)
    return found


def _slope(inside: FloatArray, outside: FloatArray) -> float:
    centred = inside - inside.mean()
    squares = float(centred @ centred)
    if not squares > 1e-24 * max(float(inside @ inside), 1e-300):
        return math.nan
    return float(centred @ outside) / squares
