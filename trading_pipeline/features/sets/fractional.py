"""The feature set `frac_diff`: fractional differences of fixed width, of log prices.

A difference of order d between 0 (the series itself) and 1 (its change) keeps some of the series'
memory and loses most of its trend (Lopez de Prado 2018, "Advances in Financial Machine Learning",
chapter 5). Weights below the tolerance are cut, so every row is a sum over the same number of bars.
The weights do not add up to 0, so values depend on the price level; less so for a higher order.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec, plain_window

__all__ = ["FRAC_DIFF", "fractional_difference", "fractional_weights"]

_TOLERANCE = 1e-4
_MOST_WEIGHTS = 10_000


@functools.lru_cache(maxsize=64)
def fractional_weights(order: float, tolerance: float) -> tuple[float, ...]:
    """Weights of the present value, the one before, and so on, down to `tolerance`.

    w(0) = 1, w(k) = -w(k - 1) (order - k + 1) / k (equation 5.1 of the book). Raises
    `ConfigurationError` for an order outside 0 to 2 and for more than 10,000 weights.

    >>> fractional_weights(1.0, 1e-4)
    (1.0, -1.0)
    >>> [round(weight, 4) for weight in fractional_weights(0.5, 0.05)]
    [1.0, -0.5, -0.125, -0.0625]
    """
    if not (0.0 < order < 2.0 and tolerance > 0.0):
        raise ConfigurationError(
            f"A fractional difference needs an order between 0 and 2 and a tolerance above 0, were "
            f"{order} and {tolerance}.",
            order=order,
            tolerance=tolerance,
        )
    weights = [1.0]
    while True:
        weight = -weights[-1] * (order - len(weights) + 1.0) / len(weights)
        if abs(weight) < tolerance:
            return tuple(weights)
        weights.append(weight)
        if len(weights) > _MOST_WEIGHTS:
            raise ConfigurationError(
                f"A fractional difference of order {order} has more than {_MOST_WEIGHTS} weights "
                f"of {tolerance} or more. Give a greater tolerance.",
                order=order,
                tolerance=tolerance,
            )


def fractional_difference(
    bars: pd.DataFrame, *, column: str, order: float, tolerance: float
) -> FloatArray:
    """Fractional difference of the column's log; volumes count as 1 + volume."""
    values = bars[column].to_numpy(dtype="float64")
    logs = np.log1p(values) if column == "volume" else np.log(values)
    weights = np.array(fractional_weights(order, tolerance))
    result = np.full(len(logs), np.nan)
    if len(logs) >= len(weights):
        result[len(weights) - 1 :] = np.convolve(logs, weights, mode="valid")
    return result


def _spec(column: str, order: float) -> FeatureSpec:
    return plain_window(
        f"frac_diff_{column}_{round(100 * order)}",
        (column,),
        len(fractional_weights(order, _TOLERANCE)) - 1,
        fractional_difference,
        f"Fractional difference of order {order} of the log of the {column}.",
        column=column,
        order=order,
        tolerance=_TOLERANCE,
    )


FRAC_DIFF = FeatureSet(
    name="frac_diff",
    version=1,
    specs=(
        *(_spec("close", order) for order in (0.3, 0.4, 0.5, 0.6, 0.8)),
        _spec("volume", 0.4),
    ),
)
"""Log close and volume with most of their trend, and some of their memory, taken away."""
