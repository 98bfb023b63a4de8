"""Whether any trial beats a benchmark by more than the best of as many would by luck.

The test for superior predictive ability (Hansen 2005), and the trials that beat the benchmark when
all are tested at once (StepM, Romano and Wolf 2005), with the stationary bootstrap. The numbers are
those of the package `arch`, whose loops take ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.search.superior_ability_kernel import (
    lagged_products,
    sum_resampled_rows,
)
from trading_pipeline.performance.search.trial_table import usable_trials
from trading_pipeline.performance.stationary_bootstrap import optimal_block_bars

__all__ = ["SuperiorAbility", "superior_ability"]

_FEWEST_BARS = 100
_MOST_VALUES = 250_000
"""Larger tables are joined to fewer rows: each of them is resampled whole, many times."""
_FEWEST_ROWS, _MOST_ROWS = 250, 5_000
"""Bounds of these rows; the time for the variance of one trial grows with their square."""


@dataclass(frozen=True, kw_only=True)
class SuperiorAbility:
    """The outcome of both tests.

    Parameters
    ----------
    lower, consistent, upper
        P-values; `consistent` is the test's own, the others bound it.
    superior
        Columns of the trials that beat the benchmark at `size`, with all trials tested at once.
    size
        Probability of naming any trial wrongly.
    block_bars
        Mean length of a resampled block, in rows.
    rows, joined_bars
        Rows that were resampled, and how many bars each one joins; 1 where none were joined.
    trials, left_out
        Trials that were tested, and those that were not: NaN or constant returns.
    """

    lower: float
    consistent: float
    upper: float
    superior: tuple[int, ...]
    size: float
    block_bars: float
    rows: int
    joined_bars: int
    trials: int
    left_out: int


def superior_ability(
    returns: npt.ArrayLike,
    benchmark: npt.ArrayLike,
    *,
    block_bars: int | None = None,
    samples: int = 1_000,
    size: float = 0.05,
    seed: int = 7,
) -> SuperiorAbility:
    """P-value that no trial has a higher mean return than the benchmark, and those that have.

    Parameters
    ----------
    returns
        Simple bar returns, (bars, trials), in order of time.
    benchmark
        Returns of the benchmark on the same bars; zeros for cash.
    block_bars
        Mean length of a block; None takes that of Politis and White for the difference between the
        trial with the highest mean and the benchmark.
    samples
        Resampled histories.
    size
        Level at which trials are named.
    seed
        Of the random numbers.

    Tables of more than 5,000 bars or 250,000 values are joined to fewer rows, sums of neighbouring
    bars (at least 250 rows; what does not fill a row is left out at the old end).

    Raises
    ------
    DataQualityError
        For a benchmark of another length or with a value that is not finite.
    InsufficientDataError
        Below 100 bars, or without a trial whose returns vary.
    ConfigurationError
        For a size outside (0, 1), fewer than 100 samples, or a block below 1 bar.
    """
    _check_knobs(block_bars, samples, size)
    table = usable_trials(returns)
    held = np.asarray(benchmark, dtype=np.float64)
    bars, trials = table.returns.shape
    if held.shape != (bars,) or not np.isfinite(held).all():
        raise DataQualityError(
            f"The benchmark has the shape {held.shape} and {int(np.isfinite(held).sum())} finite "
            f"returns; it needs {bars}, one for each bar of the trials.",
            bars=bars,
        )
    if bars < _FEWEST_BARS or trials < 1:
        raise InsufficientDataError(
            f"There are {trials} trials with returns that vary, on {bars} bars; the test needs at "
            f"least 1 trial and {_FEWEST_BARS} bars.",
            trials=trials,
            bars=bars,
        )
    rows = min(bars, _MOST_ROWS, max(_FEWEST_ROWS, _MOST_VALUES // trials))
    joined = -(-bars // rows)
    values, held = _joined(table.returns, joined), _joined(held[:, np.newaxis], joined)
    best = int(np.argmax(values.mean(axis=0)))
    if block_bars is None:
        block_bars = max(1, round(optimal_block_bars(values[:, best] - held[:, 0])))
    differences = values - held
    simulated = _recentred_means(differences, float(block_bars), samples, seed)
    means = differences.mean(axis=0)
    lower, consistent, upper = [float((s.max(axis=1) > means.max()).mean()) for s in simulated]
    superior = _step_down(simulated[1], means, size)
    return SuperiorAbility(
        lower=lower,
        consistent=consistent,
        upper=upper,
        superior=tuple(table.columns[superior].tolist()),
        size=size,
        block_bars=float(block_bars),
        rows=len(values),
        joined_bars=joined,
        trials=trials,
        left_out=table.left_out,
    )


def _recentred_means(
    differences: FloatArray, block_bars: float, samples: int, seed: int
) -> list[FloatArray]:
    """Mean differences of resampled histories, (samples, trials), in Hansen's three recentrings.

    Means below zero are not taken off (lower), those that the law of the iterated logarithm calls
    too low are not (consistent), all are (upper).
    """
    rows, trials = differences.shape
    means = differences.mean(axis=0)
    too_low = means < -np.sqrt(
        _long_run_variances(differences, means, block_bars) / rows * 2 * np.log(np.log(rows))
    )
    generator = np.random.default_rng(seed)
    sums = np.empty((samples, trials))
    for sample in range(samples):
        starts = generator.integers(0, rows, (rows,))
        draws = generator.random((rows,))
        sum_resampled_rows(differences, starts, draws, 1.0 / block_bars, sums[sample])
    resampled = sums / rows
    taken_off = (np.where(means < 0, 0.0, means), np.where(too_low, 0.0, means), means)
    return [resampled - each for each in taken_off]


def _long_run_variances(
    differences: FloatArray, means: FloatArray, block_bars: float
) -> FloatArray:
    """Variances of the means times the rows, under the stationary bootstrap (Hansen 2005, (8))."""
    rows, chance = len(differences), 1.0 / block_bars
    products = lagged_products(differences - means)
    variances: FloatArray = products[0] / rows
    for lag in range(1, rows):
        weight = (1.0 - lag / rows) * (1 - chance) ** lag + lag / rows * (1 - chance) ** (
            rows - lag
        )
        variances += 2 * weight * products[lag] / rows
    return variances


def _step_down(simulated: FloatArray, means: FloatArray, size: float) -> list[int]:
    """Trials that beat the benchmark: those found are set aside and the others tested again.

    The loop of StepM on the same resampled histories, (samples, trials).
    """
    left = np.ones(len(means), dtype=np.bool_)
    while left.any():
        critical = np.percentile(simulated[:, left].max(axis=1), 100.0 * (1 - size))
        named = left & (means > critical)
        if not named.any():
            break
        left &= ~named
    return np.flatnonzero(~left).tolist()


def _joined(values: FloatArray, bars: int) -> FloatArray:
    """Sums of as many neighbouring rows; the remainder is left out at the old end."""
    if bars == 1:
        return values
    kept = values[len(values) % bars :]
    found: FloatArray = kept.reshape(-1, bars, values.shape[1]).sum(axis=1)
    return found


def _check_knobs(block_bars: int | None, samples: int, size: float) -> None:
    if not 0.0 < size < 1.0:
        raise ConfigurationError(
            f"The size is {size}; it must lie between 0 and 1, for example 0.05.", size=size
        )
    if samples < 100:
        raise ConfigurationError(
            f"There are {samples} samples; at least 100 are needed to tell a p-value.",
            samples=samples,
        )
    if block_bars is not None and not block_bars >= 1:
        raise ConfigurationError(
            f"The mean block is {block_bars} bars; it must be 1 or more.", block_bars=block_bars
        )
