"""How many independent trials correlated ones are worth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trading_pipeline.performance.search.trial_table import usable_trials

__all__ = ["effective_trials"]


def effective_trials(returns: npt.ArrayLike) -> float:
    """The participation ratio of the trials' correlations: `N^2 / sum of squared correlations`.

    It is the squared sum of the eigenvalues of the correlation matrix over the sum of their squares
    (Bun, Bouchaud and Potters 2017, "Cleaning large correlation matrices"): 1.0 for equal trials,
    N for independent ones, m for m groups of equal size whose members are equal. A squared
    correlation of independent returns is about 1 over the number of bars by chance; that much is
    taken off. `returns`: (bars, trials); trials with NaN or constant returns do not count. NaN
    without any trial or below 3 bars. Raises `DataQualityError` for anything but a table.

    >>> noise = np.random.default_rng(1).normal(size=(2_000, 10))
    >>> round(effective_trials(np.repeat(noise, 3, axis=1)), 1)
    10.0
    """
    values = usable_trials(returns).returns
    bars, trials = values.shape
    if trials < 1 or bars < 3:
        return math.nan
    scaled = values - values.mean(axis=0)
    scaled /= np.sqrt(np.einsum("ij,ij->j", scaled, scaled))
    correlations = scaled.T @ scaled
    chance = 1.0 / (bars - 1.0)
    others = float((correlations * correlations).sum()) - trials
    total = trials + (others - trials * (trials - 1) * chance) / (1.0 - chance)
    return float(min(trials * trials / max(total, trials), trials))
