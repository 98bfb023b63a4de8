"""One fit of an estimator on weighted rows, and its margins."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from trading_pipeline.errors import ModelTrainingError
from trading_pipeline.models.predictors.estimators import (
    Classifier,
    Task,
    build_estimator,
    estimator,
)
from trading_pipeline.models.predictors.value_groups import grouped_values
from trading_pipeline.models.training.calibration import FloatArray
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["fit_estimator", "fit_regressor", "margins_of"]

_SMALLEST_ODDS = 1e-6


def fit_estimator(
    spec: ModelSpec, values: FloatArray, outcomes: FloatArray, weights: FloatArray
) -> Classifier:
    """The estimator of `spec`, fitted to rows of features and outcomes 0.0 or 1.0.

    `weights` count independent rows: an estimator's penalties are as strong against ten rows of
    weight 0.1 as against one row; a random forest has none, and its leaves count rows. Weights that
    are all 1.0 change nothing, bit for bit. Raises `ModelTrainingError` if all outcomes are equal,
    or if the estimator fails or does not converge.
    """
    if outcomes.min() == outcomes.max():
        raise ModelTrainingError(
            f"All {len(outcomes)} training rows of the model {spec.name!r} have the outcome "
            f"{'up' if outcomes[0] else 'down'}; there is nothing to tell apart. Train on a longer "
            "span or change the label.",
            rows=len(outcomes),
        )
    fitted: Classifier = _fitted(spec, values, outcomes.astype("int64"), weights, task="classifier")
    return fitted


def fit_regressor(
    spec: ModelSpec, values: FloatArray, targets: FloatArray, weights: FloatArray
) -> Any:
    """The estimator of `spec` as a regressor of finite targets; see `fit_estimator`."""
    if targets.min() == targets.max():
        raise ModelTrainingError(
            f"All {len(targets)} training rows of the model {spec.name!r} have the target "
            f"{targets[0]:g}; there is nothing to learn. Train on a longer span or change the "
            "label.",
            rows=len(targets),
        )
    return _fitted(spec, values, targets, weights, task="regressor")


def margins_of(fitted: Any, values: FloatArray) -> FloatArray:
    """Margin of each row, above 0 for up; log odds where the estimator gives probabilities alone.

    Odds of 0 or 1 are taken as one part in a million away from it.
    """
    if hasattr(fitted, "decision_function"):
        return np.asarray(fitted.decision_function(values), dtype="float64")
    odds = np.clip(fitted.predict_proba(values)[:, 1], _SMALLEST_ODDS, 1.0 - _SMALLEST_ODDS)
    return np.asarray(np.log(odds) - np.log1p(-odds), dtype="float64")


def _fitted(
    spec: ModelSpec, values: FloatArray, wanted: Any, weights: FloatArray, *, task: Task
) -> Any:
    unfitted = build_estimator(
        spec.estimator.type, spec.estimator.params, seed=spec.seed, task=task
    )
    definition, given = estimator(spec.estimator.type), {}
    if not (weights == 1.0).all():
        given = {definition.weight_argument: weights}
        if definition.most_distinct_values is not None:
            values = grouped_values(values, most_distinct=definition.most_distinct_values)
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return unfitted.fit(values, wanted, **given)
        except (ValueError, ArithmeticError, ConvergenceWarning) as error:
            raise ModelTrainingError(
                f"The estimator {spec.estimator.type!r} of the model {spec.name!r} could not be "
                f"fitted to {len(wanted)} rows: {str(error).splitlines()[0]}. Change its "
                "parameters ('max_iter' where it did not converge).",
                estimator=spec.estimator.type,
            ) from error
