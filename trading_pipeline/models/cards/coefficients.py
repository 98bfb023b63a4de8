"""Coefficients of linear estimators over all fits, in units of each feature's deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.models.cards.card import Coefficient
from trading_pipeline.models.registry.fitted_model import FittedModel

__all__ = ["coefficients_over_fits"]

FloatArray = npt.NDArray[np.float64]


def coefficients_over_fits(models: Sequence[FittedModel]) -> tuple[Coefficient, ...]:
    """Mean and sample deviation over the fits, largest mean first; empty where none is linear.

    A pipeline that scales its features has coefficients of standardized ones already. Those of a
    linear estimator alone stay as they are, in the units of the features, and are left out.
    """
    found = [(model.columns, _standardized(model)) for model in models]
    linear = [(columns, each) for columns, each in found if each is not None]
    if not linear or any(columns != linear[-1][0] for columns, _ in linear):
        return ()
    by_fit = np.stack([each for _, each in linear])
    means = by_fit.mean(axis=0)
    spread = by_fit.std(axis=0, ddof=1) if len(by_fit) > 1 else np.zeros(by_fit.shape[1])
    same = (np.sign(by_fit) == np.sign(means)).mean(axis=0)
    order = np.argsort(-np.abs(means), kind="stable").tolist()
    return tuple(
        Coefficient(
            feature=str(linear[-1][0][at]),
            mean=float(means[at]),
            deviation=float(spread[at]),
            same_sign=float(same[at]),
        )
        for at in order
    )


def _standardized(model: FittedModel) -> FloatArray | None:
    """Coefficients of the first linear pipeline with a scaler among what was learned."""
    for learned in model.state.values():
        steps: Any = getattr(learned, "steps", None)
        if not steps or not hasattr(steps[0][1], "scale_"):
            continue
        coefficients = getattr(steps[-1][1], "coef_", None)
        if coefficients is not None and np.size(coefficients) == len(model.columns):
            return np.asarray(coefficients, dtype="float64").ravel()
    return None
