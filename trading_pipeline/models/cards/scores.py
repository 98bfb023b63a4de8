"""Scores of probability forecasts. Probabilities and rates are fractions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError

__all__ = ["ProbabilityScores", "ReliabilityBin", "reliability_table", "score_probabilities"]

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
    `brier_skill`: improvement over the base rate's Brier score, as a share of it; negative when
    the base rate does better, None if the base rate has no error. `log_loss`: mean negative log
    likelihood (nats). `auc`: None if only one outcome occurs. `accuracy`: share of correct
    forecasts at a threshold of 0.5. `expected_calibration_error`: gap between forecast and rate
    over ten bins, weighted by rows.
    """

    rows: int
    base_rate: float
    brier: float
    brier_skill: float | None
    log_loss: float
    auc: float | None
    accuracy: float
    expected_calibration_error: float

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain values."""
        return asdict(self)


def score_probabilities(outcomes: npt.ArrayLike, probabilities: npt.ArrayLike) -> ProbabilityScores:
    """Scores of `probabilities` of `outcomes` (0.0 or 1.0), one each, at least one.

    A forecast of exactly 0.5 counts as yes. Raises `DataQualityError` for other outcomes, NaN,
    forecasts outside [0, 1] or unequal lengths. Brier (1950), Monthly Weather Review 78; AUC is the
    Mann-Whitney statistic, which counts a tie as one half.

    >>> score_probabilities([1, 0, 1, 0], [0.75, 0.25, 0.5, 0.5]).brier
    0.15625
    """
    actual, forecast = _checked(outcomes, probabilities)
    base = float(actual.mean())
    brier = float(np.mean((forecast - actual) ** 2))
    reference = base * (1.0 - base)
    clipped = np.clip(forecast, _SMALLEST, 1.0 - _SMALLEST)
    likelihood = actual * np.log(clipped) + (1.0 - actual) * np.log1p(-clipped)
    bins = reliability_table(actual, forecast)
    gap = sum(one.rows * abs(one.mean_forecast - one.observed_rate) for one in bins)
    return ProbabilityScores(
        rows=len(actual),
        base_rate=base,
        brier=brier,
        brier_skill=1.0 - brier / reference if reference > 0.0 else None,
        log_loss=float(-likelihood.mean()),
        auc=_auc(actual, forecast),
        accuracy=float(np.mean((forecast >= 0.5) == (actual == 1.0))),
        expected_calibration_error=float(gap / len(actual)),
    )


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
