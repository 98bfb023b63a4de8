"""One fit of an estimator on weighted rows, and its margins."""

from __future__ import annotations

import warnings

import numpy as np

from trading_pipeline.errors import ModelTrainingError
from trading_pipeline.models.predictors.estimators import Classifier, build_estimator, estimator
from trading_pipeline.models.predictors.value_groups import grouped_values
from trading_pipeline.models.training.calibration import FloatArray
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["fit_estimator", "margins_of"]


def fit_estimator(
    spec: ModelSpec, values: FloatArray, outcomes: FloatArray, weights: FloatArray
) -> Classifier:
    """The estimator of `spec`, fitted to rows of features and outcomes 0.0 or 1.0.

    `weights` count independent rows: an estimator's penalties are as strong against ten rows of
    weight 0.1 as against one row. Weights that are all 1.0 change nothing, bit for bit. Raises
    `ModelTrainingError` if all outcomes are equal, or if the estimator fails or does not converge.
    """
    if outcomes.min() == outcomes.max():
        raise ModelTrainingError(
            f"All {len(outcomes)} training rows of the model {spec.name!r} have the outcome "
            f"{'up' if outcomes[0] else 'down'}; there is nothing to tell apart. Train on a longer "
            "span or change the label.",
            rows=len(outcomes),
        )
    unfitted = build_estimator(spec.estimator.type, spec.estimator.params, seed=spec.seed)
    definition, given = estimator(spec.estimator.type), {}
    if not (weights == 1.0).all():
        given = {definition.weight_argument: weights}
        if definition.most_distinct_values is not None:
            values = grouped_values(values, most_distinct=definition.most_distinct_values)
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fitted: Classifier = unfitted.fit(values, outcomes.astype("int64"), **given)
            return fitted
        except (ValueError, ArithmeticError, ConvergenceWarning) as error:
            raise ModelTrainingError(
                f"The estimator {spec.estimator.type!r} of the model {spec.name!r} could not be "
                f"fitted to {len(outcomes)} rows: {str(error).splitlines()[0]}. Change its "
                "parameters ('max_iter' where it did not converge).",
                estimator=spec.estimator.type,
            ) from error


def margins_of(fitted: Classifier, values: FloatArray) -> FloatArray:
    """Margin of each row, above 0 for up."""
    return np.asarray(fitted.decision_function(values), dtype="float64")
