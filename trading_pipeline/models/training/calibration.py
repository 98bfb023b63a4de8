"""The sigmoid that turns an estimator's margin into a calibrated probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError

__all__ = [
    "PRIOR_ROWS",
    "SigmoidCalibration",
    "fit_slope",
    "log_odds",
    "shrunk_base_rate",
    "sigmoid",
]

FloatArray = npt.NDArray[np.float64]
PRIOR_ROWS = 40.0
"""Effective rows without any information that base rate and slope are shrunk by.

A base rate has as many rows added, half of them up. A slope per unit of the margin's size has a
normal prior with mean 0 and variance `4 / PRIOR_ROWS`: so many rows with a base rate of one half
have the Fisher information `PRIOR_ROWS / 4` about it. See
docs/decisions/calibrated-probabilities.md.
"""
_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class SigmoidCalibration:
    """`p = 1 / (1 + exp(-(slope * margin + intercept)))`; a slope of 0 means no skill found."""

    slope: float
    intercept: float

    def probability(self, margins: FloatArray) -> FloatArray:
        """Probability of the event for each margin; NaN stays NaN."""
        return sigmoid(self.slope * margins + self.intercept)


def sigmoid(values: FloatArray) -> FloatArray:
    """Logistic function without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * values))


def log_odds(probability: float) -> float:
    """Inverse of `sigmoid`, for a probability between 0 and 1, exclusive."""
    return float(np.log(probability) - np.log1p(-probability))


def shrunk_base_rate(outcomes: FloatArray, weights: FloatArray) -> float:
    """Weighted share of ones, with `PRIOR_ROWS` rows added of which half are ones.

    It lies strictly between 0 and 1, and is 0.5 without rows: the mean of the posterior under a
    symmetric beta prior. `weights`: uniqueness of each row, so that their sum counts effective
    rows.

    >>> shrunk_base_rate(np.ones(80), np.full(80, 0.5))
    0.75
    """
    ones = float(weights @ outcomes)
    return (ones + 0.5 * PRIOR_ROWS) / (float(weights.sum()) + PRIOR_ROWS)


def fit_slope(
    margins: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    base_log_odds: npt.ArrayLike,
    weights: npt.ArrayLike,
) -> float:
    """Slope b of `p = sigmoid(base_log_odds + b * margin)` with the highest penalized likelihood.

    The penalty is that of `PRIOR_ROWS`, so the slope is small where the effective rows are few. It
    is never below 0: a negative one would reverse the estimator's ranking on the evidence of a few
    rows. The level is not fitted, because a level fitted to the same rows finds a return to their
    mean in every random walk (Stambaugh 1999, Journal of Financial Economics 54). After Platt
    (1999), with the likelihood of Lopez de Prado's uniqueness weights.

    Parameters
    ----------
    margins
        One for each row, less the mean of the estimator's margins on the rows that it was fitted
        to. The estimator has not seen these rows.
    outcomes
        0.0 or 1.0 for each row.
    base_log_odds
        Log odds of the base rate that was known before each row.
    weights
        Uniqueness of each row, above 0.

    Returns
    -------
    The slope per unit of `margins`; 0.0 without rows, for margins that are all 0, and where the
    ranking of the margins failed.

    Raises
    ------
    DataQualityError
        For lengths that differ, a weight that is not above 0, or a margin that is not finite.
    """
    margin, outcome, base, weight = (
        np.asarray(given, dtype="float64") for given in (margins, outcomes, base_log_odds, weights)
    )
    _check(margin, outcome, base, weight)
    largest = float(np.abs(margin).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    margin = margin / largest  # so that no square overflows or vanishes
    size = float(np.sqrt(weight @ margin**2 / weight.sum()))
    margin = margin / size

    def ascent(slope: float) -> float:
        misses = outcome - sigmoid(base + slope * margin)
        return float((weight * margin) @ misses - 0.25 * PRIOR_ROWS * slope)

    # the likelihood is concave, and beyond `high` the penalty outweighs every miss of at most 1
    low, high = 0.0, 4.0 / PRIOR_ROWS * float(weight @ np.abs(margin))
    if ascent(low) <= 0.0:
        return 0.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if ascent(middle) > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high) / size / largest


def _check(margin: FloatArray, outcome: FloatArray, base: FloatArray, weight: FloatArray) -> None:
    if not len(margin) == len(outcome) == len(base) == len(weight):
        raise DataQualityError(
            f"There are {len(margin)} margins, {len(outcome)} outcomes, {len(base)} base rates and "
            f"{len(weight)} weights; give one of each for a row."
        )
    if not (weight > 0.0).all():
        raise DataQualityError("The weight of a row must be above 0; leave the other rows out.")
    if not np.isfinite(margin).all():
        raise DataQualityError("A margin is not finite; leave rows without a margin out.")
