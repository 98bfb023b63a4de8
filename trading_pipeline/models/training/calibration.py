"""The sigmoid that turns an estimator's margin into a calibrated probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ModelTrainingError

__all__ = ["SigmoidCalibration", "fit_sigmoid", "sigmoid"]

FloatArray = npt.NDArray[np.float64]
_STEPS = 100
_TOLERANCE = 1e-10


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


def fit_sigmoid(margins: npt.ArrayLike, outcomes: npt.ArrayLike) -> SigmoidCalibration:
    """Maximum-likelihood slope and intercept on held-out rows, with a slope of 0 or more.

    A negative slope would reverse the estimator's ranking on the evidence of a short tail. In that
    case the best fit with slope 0 is used: the smoothed base rate for every row. Platt (1999) with
    his smoothed targets, by Newton steps with halving as in Lin, Lin and Weng (2007), Machine
    Learning 68. Raises `ModelTrainingError` when all outcomes are equal or the fit fails.
    """
    margin = np.asarray(margins, dtype="float64")
    outcome = np.asarray(outcomes, dtype="float64")
    yes = float(outcome.sum())
    no = len(outcome) - yes
    if yes == 0.0 or no == 0.0:
        raise ModelTrainingError(
            f"The {len(outcome)} rows held back for calibration all have the outcome "
            f"{'up' if yes else 'down'}, so no probability can be fitted to them. Train on a "
            "longer span, or set 'calibration: null'.",
            rows=len(outcome),
        )
    target = np.where(outcome == 1.0, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0))
    centre, scale = float(margin.mean()), float(margin.std())
    if scale > 0.0:
        slope, intercept = _newton((margin - centre) / scale, target)
        if slope > 0.0:
            return SigmoidCalibration(
                slope=slope / scale, intercept=intercept - slope * centre / scale
            )
    rate = float(target.mean())
    return SigmoidCalibration(slope=0.0, intercept=float(np.log(rate / (1.0 - rate))))


def _newton(margin: FloatArray, target: FloatArray) -> tuple[float, float]:
    design = np.column_stack([margin, np.ones_like(margin)])
    rate = float(target.mean())
    point = np.array([0.0, np.log(rate / (1.0 - rate))])
    loss = _loss(design @ point, target)
    for _ in range(_STEPS):
        probability = sigmoid(design @ point)
        gradient = design.T @ (probability - target)
        if np.abs(gradient).max() < _TOLERANCE * len(target):
            break
        weight = probability * (1.0 - probability)
        hessian = design.T @ (design * weight[:, None]) + 1e-12 * np.eye(2)
        direction = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10:
            moved = point - size * direction
            new_loss = _loss(design @ moved, target)
            if new_loss < loss - 1e-4 * size * float(gradient @ direction):
                point, loss = moved, new_loss
                break
            size /= 2.0
        else:
            break  # no step lowers the loss further: this is the optimum to machine precision
    return float(point[0]), float(point[1])


def _loss(margin: FloatArray, target: FloatArray) -> float:
    return float(np.sum(np.logaddexp(0.0, margin) - target * margin))
