"""Whether any trial beats a benchmark by more than the best of as many would by luck.

The test for superior predictive ability (Hansen 2005), and the trials that beat the benchmark when
all are tested at once (StepM, Romano and Wolf 2005), with the stationary bootstrap of the package
`arch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.search.trial_table import usable_trials
from trading_pipeline.performance.stationary_bootstrap import optimal_block_bars

if TYPE_CHECKING:
    from arch.bootstrap import SPA

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
    from arch.bootstrap import SPA  # late: it takes a second to import

    test = SPA(
        -held,
        -values,
        block_size=block_bars,
        reps=samples,
        bootstrap="stationary",
        seed=seed,
    )
    test.compute()
    found = test.pvalues
    superior = _step_down(test, trials, size)
    return SuperiorAbility(
        lower=float(found["lower"]),
        consistent=float(found["consistent"]),
        upper=float(found["upper"]),
        superior=tuple(table.columns[superior].tolist()),
        size=size,
        block_bars=float(block_bars),
        rows=len(values),
        joined_bars=joined,
        trials=trials,
        left_out=table.left_out,
    )


def _step_down(test: SPA, trials: int, size: float) -> list[int]:
    """Trials that beat the benchmark: those found are set aside and the others tested again.

    The loop of StepM on the same resampled histories. That of `arch` 8.0 fails where a later round
    names all trials that are left.
    """
    found: list[int] = []
    while len(found) < trials:
        named = [int(row) for row in test.better_models(size)]
        if not named:
            break
        found += named
        left = np.ones(trials, dtype=np.bool_)
        left[found] = False
        if left.any():
            test.subset(left)
            test.compute()
    return sorted(found)


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
