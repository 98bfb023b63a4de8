"""Scores of probability forecasts. Probabilities and rates are fractions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError

__all__ = [
    "ProbabilityScores",
    "ReliabilityBin",
    "auc_error",
    "reliability_table",
    "score_probabilities",
]

_SMALLEST = 1e-15


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Forecasts between `lower` and `upper`: their mean, and how often the event happened."""

    lower: float
    upper: float
    rows: int
    mean_forecast: float
    observed_rate: float


@dataclass(frozen=True, kw_only=True)
class ProbabilityScores:
    """Scores of forecasts of a yes-or-no outcome.

    `base_rate`: share of yes. `brier`: mean squared error, 0.25 for a constant forecast of 0.5.
    `brier_skill`: improvement over the Brier score of the base rate, as a share of it; negative
    when the base rate does better, None if the base rate has no error. `log_loss`: mean negative
    log likelihood (nats). `auc`: None if only one outcome occurs. `accuracy`: share of correct
    forecasts at a threshold of 0.5. `expected_calibration_error`: gap between forecast and rate
    over ten bins, weighted by rows.

    `effective_rows`: what the rows are worth as independent ones. The errors are standard errors
    for that many rows: `auc_error`, `brier_error`, `accuracy_error`, `base_rate_error`; None in
    scores of models that were saved before errors were computed, `auc_error` also without an AUC.
    `base_rate_brier`: Brier score of the base rate that `brier_skill` compares with.
    """

    rows: int
    base_rate: float
    brier: float
    brier_skill: float | None
    log_loss: float
    auc: float | None
    accuracy: float
    expected_calibration_error: float
    effective_rows: float | None = None
    auc_error: float | None = None
    brier_error: float | None = None
    accuracy_error: float | None = None
    base_rate_error: float | None = None
    base_rate_brier: float | None = None

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain values."""
        return asdict(self)


def score_probabilities(
    outcomes: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    uniqueness: npt.ArrayLike | None = None,
    base_rates: npt.ArrayLike | None = None,
) -> ProbabilityScores:
    """Scores of `probabilities` of `outcomes` (0.0 or 1.0), one each, at least one.

    A forecast of exactly 0.5 counts as yes. Brier (1950), Monthly Weather Review 78; AUC is the
    Mann-Whitney statistic, which counts a tie as one half, and its error that of `auc_error`. The
    other errors are the deviation of a row's contribution over the root of the effective rows.

    Parameters
    ----------
    uniqueness
        What each row is worth as an independent one, above 0 and at most 1; it moves the errors
        alone. None for 1.
    base_rates
        Forecasts to compare with: for each row the base rate that was known before it. None
        compares with the share of yes among the rows themselves, which nobody knew before.

    Raises
    ------
    DataQualityError
        For other outcomes, NaN, forecasts outside [0, 1], unequal lengths, or a uniqueness that is
        not above 0 and at most 1.

    >>> score_probabilities([1, 0, 1, 0], [0.75, 0.25, 0.5, 0.5]).brier
    0.15625
    """
    actual, forecast = _checked(outcomes, probabilities)
    worth = np.ones(len(actual)) if uniqueness is None else _checked_worth(uniqueness, actual)
    base = float(actual.mean())
    constant = base if base_rates is None else _checked(outcomes, base_rates)[1]
    squared = (forecast - actual) ** 2
    brier, reference = float(squared.mean()), float(np.mean((constant - actual) ** 2))
    clipped = np.clip(forecast, _SMALLEST, 1.0 - _SMALLEST)
    likelihood = actual * np.log(clipped) + (1.0 - actual) * np.log1p(-clipped)
    bins = reliability_table(actual, forecast)
    gap = sum(one.rows * abs(one.mean_forecast - one.observed_rate) for one in bins)
    right = (forecast >= 0.5) == (actual == 1.0)
    auc, effective = _auc(actual, forecast), float(worth.sum())
    return ProbabilityScores(
        rows=len(actual),
        base_rate=base,
        brier=brier,
        brier_skill=1.0 - brier / reference if reference > 0.0 else None,
        log_loss=float(-likelihood.mean()),
        auc=auc,
        accuracy=float(np.mean(right)),
        expected_calibration_error=float(gap / len(actual)),
        effective_rows=effective,
        auc_error=(
            None
            if auc is None
            else auc_error(auc, float(worth @ actual), float(worth @ (1.0 - actual)))
        ),
        brier_error=float(squared.std() / np.sqrt(effective)),
        accuracy_error=float(right.std() / np.sqrt(effective)),
        base_rate_error=float(actual.std() / np.sqrt(effective)),
        base_rate_brier=reference,
    )


def auc_error(auc: float, ones: float, zeros: float) -> float:
    """Standard error of an AUC from `ones` and `zeros` effective rows of either outcome.

    Hanley and McNeil (1982), Radiology 143, with two changes for few rows: counts below 1 are taken
    as 1, and one pair that is neither right nor wrong is added to the AUC, so that a perfect
    ranking of few rows keeps an error.

    >>> round(auc_error(0.53, 26, 26), 3)
    0.081
    """
    ones, zeros = max(ones, 1.0), max(zeros, 1.0)
    pairs = ones * zeros
    area = (auc * pairs + 0.5) / (pairs + 1.0)
    both_above = area / (2.0 - area)
    above_both = 2.0 * area**2 / (1.0 + area)
    variance = (
        area * (1.0 - area)
        + (ones - 1.0) * (both_above - area**2)
        + (zeros - 1.0) * (above_both - area**2)
    ) / pairs
    return float(np.sqrt(variance))


def reliability_table(
    outcomes: npt.ArrayLike, probabilities: npt.ArrayLike, *, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Forecasts in `bins` bins of equal width; omits empty bins and puts 1.0 in the last one."""
    actual, forecast = _checked(outcomes, probabilities)
    number = np.minimum((forecast * bins).astype(int), bins - 1)
    return tuple(
        ReliabilityBin(
            lower=one / bins,
            upper=(one + 1) / bins,
            rows=int((number == one).sum()),
            mean_forecast=float(forecast[number == one].mean()),
            observed_rate=float(actual[number == one].mean()),
        )
        for one in np.unique(number).tolist()
    )


def _auc(actual: npt.NDArray[np.float64], forecast: npt.NDArray[np.float64]) -> float | None:
    positives = int(actual.sum())
    negatives = len(actual) - positives
    if positives == 0 or negatives == 0:
        return None
    _, group, counts = np.unique(forecast, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    ranks = (last_rank - (counts - 1) / 2.0)[group]
    total = float(ranks[actual == 1.0].sum())
    return (total - positives * (positives + 1) / 2.0) / (positives * negatives)


def _checked(
    outcomes: npt.ArrayLike, probabilities: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    actual = np.asarray(outcomes, dtype="float64")
    forecast = np.asarray(probabilities, dtype="float64")
    if actual.ndim != 1 or actual.shape != forecast.shape or not len(actual):
        raise DataQualityError(
            f"Forecasts of shape {forecast.shape} cannot be scored against outcomes of shape "
            f"{actual.shape}; give one of each for at least one row."
        )
    if not np.isin(actual, (0.0, 1.0)).all():
        raise DataQualityError("Outcomes must be 0.0 or 1.0; leave rows without an outcome out.")
    if not ((forecast >= 0.0) & (forecast <= 1.0)).all():
        raise DataQualityError(
            "Forecasts must be probabilities from 0 to 1; leave rows with NaN out before scoring."
        )
    return actual, forecast


def _checked_worth(
    uniqueness: npt.ArrayLike, actual: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    worth = np.asarray(uniqueness, dtype="float64")
    if worth.shape != actual.shape or not ((worth > 0.0) & (worth <= 1.0)).all():
        raise DataQualityError(
            f"Give a uniqueness above 0 and at most 1 for each of the {len(actual)} rows."
        )
    return worth
