"""The predictor `autoregressive`: the path of log returns from their own past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.predictors.paths.autoregression import (
    bootstrap_spread,
    fitted_values,
    least_squares,
    residual_sample,
    unrolled,
)
from trading_pipeline.models.predictors.paths.bar_shapes import log_prices
from trading_pipeline.models.predictors.paths.path_predictor import (
    PathParams,
    PathPredictor,
    lines_of,
)
from trading_pipeline.models.predictors.predictor import (
    FloatArray,
    PredictionRows,
    PredictorParams,
    State,
    TrainingRows,
)

__all__ = ["Autoregressive", "AutoregressiveParams"]

_LEVELS = np.arange(1, 200) / 200.0
"""Levels at which the spread of each step is kept; a probability never leaves their span."""


class AutoregressiveParams(PathParams):
    """Parameters of an autoregression."""

    method: Literal["recursive", "direct"] = "recursive"
    """`recursive`: one fit for the next bar, its lags made anew from predicted bars at each step.
    `direct`: a fit for each step."""
    paths: int = Field(default=1000, ge=100, le=20_000)
    """Bootstrap paths that the intervals of `recursive` are made from."""


class Autoregressive(PathPredictor):
    """Log returns by least squares on their lags, with intervals from the residuals.

    The state holds `coefficients` and `spread`: how far outcomes lie from what is expected, at 199
    levels of each step. `recursive` takes it from bootstrap paths, `direct` from each step's own
    residuals. The interval is that of the training rows as a whole: it is no wider in wild times.
    """

    name: ClassVar[str] = "autoregressive"
    columns: ClassVar[Mapping[str, str]] = {
        "yhat": "expected log return from this close to the close of the step",
        "q05": "log return that the outcome is below in 5 % of cases",
        "q50": "median log return",
        "q95": "log return that the outcome is above in 5 % of cases",
        "p_up": "probability of a higher close, 0.005 to 0.995",
    }
    params_type: ClassVar[type[PredictorParams]] = AutoregressiveParams

    def learned_series(self, bars: pd.DataFrame) -> FloatArray:
        """Log returns of the closes."""
        return np.diff(log_prices(bars, "close"))[:, None]

    def reach(self, params: PathParams, steps: int) -> int:
        """One bar; with `direct` all steps."""
        return steps if _params(params).method == "direct" else 1

    def fit(self, rows: TrainingRows) -> State:
        """Coefficients and spread of every step; see `fitted_recursion` for errors."""
        params = _params(rows.params)
        steps = self._last_step(rows.spec, rows.history)
        if params.method == "direct":
            return self._direct(rows, params, steps)
        coefficients, residuals = self.fitted_recursion(rows, params)
        sample = residual_sample(residuals, parameters=len(coefficients), seed=rows.seed)
        spread = bootstrap_spread(
            coefficients, sample, steps=steps, paths=params.paths, seed=rows.seed
        )
        levels = np.quantile(spread[:, :, 0].cumsum(axis=1), _LEVELS, axis=0)
        return {"coefficients": coefficients, "spread": np.ascontiguousarray(levels.T)}

    def _direct(self, rows: TrainingRows, params: AutoregressiveParams, steps: int) -> State:
        inputs, series, at = self.learning_inputs(rows, params)
        reached = np.concatenate([[0.0], series[:, 0].cumsum()])
        outcomes = reached[at[:, None] + np.arange(1, steps + 1)] - reached[at][:, None]
        coefficients = least_squares(inputs, outcomes, weights=rows.weights, penalty=params.penalty)
        residuals = outcomes - fitted_values(coefficients, inputs)
        sample = residual_sample(residuals, parameters=len(coefficients), seed=rows.seed)
        levels = np.quantile(sample, _LEVELS, axis=0)
        return {"coefficients": coefficients, "spread": np.ascontiguousarray(levels.T)}

    def predict(self, state: State, rows: PredictionRows) -> pd.DataFrame:
        """A line for each row and step that is asked for."""
        params, steps = _params(rows.params), self.asked(rows)
        inputs, _ = self.origins(rows, params)
        coefficients, spread = state["coefficients"], state["spread"][steps - 1]
        if params.method == "recursive":
            by_step = unrolled(coefficients, int(steps[-1]))[:, :, 0]
            coefficients = by_step.cumsum(axis=0).T
        expected = fitted_values(coefficients[:, steps - 1], inputs)
        at_level = {name: int(np.flatnonzero(level == _LEVELS)[0]) for name, level in _QUANTILES}
        below = np.column_stack(
            [np.interp(-expected[:, step], spread[step], _LEVELS) for step in range(len(steps))]
        )
        quantiles = {name: expected + spread[:, row] for name, row in at_level.items()}
        return lines_of(rows, steps, {"yhat": expected, **quantiles, "p_up": 1.0 - below})

    def close_forecasts(self, predictions: pd.DataFrame, last_close: FloatArray) -> pd.DataFrame:
        """The columns as they are."""
        del last_close
        return predictions[["yhat", "q05", "q95"]]

    def check(self, predictions: pd.DataFrame) -> None:
        """Raise `DataQualityError` for quantiles that do not rise, or a number that is no
        probability."""
        rising = predictions["q05"].le(predictions["q50"]) & predictions["q50"].le(
            predictions["q95"]
        )
        wrong = ~(rising & predictions["p_up"].between(0.0, 1.0))
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            raise DataQualityError(
                f"The prediction at {predictions.index[row]} has quantiles that do not rise, or a "
                f"probability outside of 0 to 1: {dict(predictions.iloc[row])}.",
                row=row,
            )


_QUANTILES = (("q05", 0.05), ("q50", 0.5), ("q95", 0.95))


def _params(given: PredictorParams) -> AutoregressiveParams:
    if not isinstance(given, AutoregressiveParams):
        raise TypeError(f"parameters of an autoregression are needed, not {type(given).__name__}")
    return given
