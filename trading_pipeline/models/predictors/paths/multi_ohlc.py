"""The predictor `multi_ohlc`: whole bars of a path, each a possible one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.predictors.paths.autoregression import (
    bootstrap_spread,
    fitted_values,
    residual_sample,
    unrolled,
)
from trading_pipeline.models.predictors.paths.bar_shapes import log_bars, shapes_of
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

__all__ = ["MultiOhlc", "MultiOhlcParams"]

_FIELDS = ("open", "high", "low", "close")
_QUANTILES = (("_q05", 0.05), ("_q95", 0.95))
_SUFFIXES = ("", *(suffix for suffix, _ in _QUANTILES))
_VALUES_AT_ONCE = 4_000_000


class MultiOhlcParams(PathParams):
    """Parameters of forecasts of whole bars."""

    lags: int = Field(default=5, ge=1, le=100)
    """Bars of the past that each step looks at."""
    paths: int = Field(default=399, ge=99, le=9999)
    """Bootstrap paths that medians and intervals are made from."""


class MultiOhlc(PathPredictor):
    """Open, high, low and close of each step: a typical bar, and the 5 % and 95 % quantiles.

    Close, body and the roots of two wicks (`bar_shapes`) are forecast together by least squares on
    the lags of all four, so that a wide bar foretells wide ones. Residuals of whole bars are drawn
    together, and each path has possible bars only: low <= min(open, close) and max(open, close) <=
    high. Order statistics keep that order, so the four columns of a quantile have it too.

    The typical bar has the expected close and body. Its high and low lie as far from the middle of
    the body as they do in the median of the paths.

    The state holds `coefficients` and the `residuals` to draw from. Prices are in the basis of the
    bars that were given, which is forward-adjusted.
    """

    name: ClassVar[str] = "multi_ohlc"
    columns: ClassVar[Mapping[str, str]] = {
        "open": "expected open of the step, forward-adjusted",
        "high": "high of a bar of the usual range around what is expected",
        "low": "low of such a bar",
        "close": "expected close of the step, forward-adjusted",
        **{
            f"{field}_q05": f"{field} that the outcome is below in 5 % of cases"
            for field in _FIELDS
        },
        **{
            f"{field}_q95": f"{field} that the outcome is above in 5 % of cases"
            for field in _FIELDS
        },
        "p_up": "probability of a higher close, above 0 and below 1",
    }
    price_columns: ClassVar[tuple[str, ...]] = tuple(
        f"{field}{suffix}" for suffix in _SUFFIXES for field in _FIELDS
    )
    params_type: ClassVar[type[PredictorParams]] = MultiOhlcParams
    series: ClassVar[int] = 4

    def learned_series(self, bars: pd.DataFrame) -> FloatArray:
        """The shapes of the bars."""
        return shapes_of(bars)

    def fit(self, rows: TrainingRows) -> State:
        """Coefficients and residuals; see `fitted_recursion` for errors."""
        coefficients, residuals = self.fitted_recursion(rows, _params(rows.params))
        sample = residual_sample(residuals, parameters=len(coefficients), seed=rows.seed)
        return {"coefficients": coefficients, "residuals": sample}

    def predict(self, state: State, rows: PredictionRows) -> pd.DataFrame:
        """A line for each row and step that is asked for."""
        params, steps = _params(rows.params), self.asked(rows)
        inputs, closes = self.origins(rows, params)
        spread = bootstrap_spread(
            state["coefficients"],
            state["residuals"],
            steps=int(steps[-1]),
            paths=params.paths,
            seed=rows.spec.seed,
        )
        # (4, steps, paths): what is sorted lies side by side
        spread = np.ascontiguousarray(
            _since_the_start(spread, axis=1)[:, steps - 1].transpose(2, 1, 0)
        )
        size = max(_VALUES_AT_ONCE // (params.paths * len(steps)), 1)
        by_step = _since_the_start(unrolled(state["coefficients"], int(steps[-1])), axis=0)
        expected = np.stack([fitted_values(each, inputs) for each in by_step[steps - 1]]).transpose(
            2, 1, 0
        )
        parts = [
            self._bars(expected[:, first : first + size], spread)
            for first in range(0, len(inputs), size)
        ]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for name in self.price_columns:
            columns[name] = closes[:, None] * np.exp(columns[name])
        return lines_of(rows, steps, _ordered(columns))

    def _bars(self, expected: FloatArray, spread: FloatArray) -> dict[str, FloatArray]:
        """Logs over the last close, shape (rows, steps) each.

        `expected`: shapes since the start, (4, rows, steps); `spread`: (4, steps, paths).
        """
        paths = log_bars(expected[..., None] + spread[:, None])
        opened, high, low, close = paths  # (rows, steps, paths) each
        middle = (opened + close) / 2.0
        above, below = _median(high - middle), _median(middle - low)
        count = close.shape[-1]
        ranks = [round(level * (count + 1)) - 1 for _, level in _QUANTILES]
        typical_close, typical_open = expected[0], expected[0] - expected[1]
        centre = (typical_open + typical_close) / 2.0
        found = {
            "open": typical_open,
            "high": np.maximum(centre + above, np.maximum(typical_open, typical_close)),
            "low": np.minimum(centre - below, np.minimum(typical_open, typical_close)),
            "close": typical_close,
            "p_up": ((close > 0.0).sum(axis=-1) + 1.0) / (count + 2.0),
        }
        for field, values in zip(_FIELDS, paths, strict=True):
            values.partition(ranks, axis=-1)
            for (suffix, _), rank in zip(_QUANTILES, ranks, strict=True):
                found[f"{field}{suffix}"] = values[..., rank].copy()
        return found

    def close_forecasts(self, predictions: pd.DataFrame, last_close: FloatArray) -> pd.DataFrame:
        """The closes as log returns."""
        names = {"yhat": "close", "q05": "close_q05", "q95": "close_q95"}
        return pd.DataFrame(
            {
                name: np.log(predictions[column].to_numpy() / last_close)
                for name, column in names.items()
            },
            index=predictions.index,
        )

    def range_forecasts(self, predictions: pd.DataFrame) -> FloatArray:
        """Log of high over low of the typical bar."""
        found: FloatArray = np.log(predictions["high"].to_numpy() / predictions["low"].to_numpy())
        return found

    def check(self, predictions: pd.DataFrame) -> None:
        """Raise `DataQualityError` for a bar that cannot be."""
        for suffix in _SUFFIXES:
            opened, high, low, close = (predictions[f"{name}{suffix}"] for name in _FIELDS)
            possible = (
                (low > 0.0)
                & (low <= np.minimum(opened, close))
                & (np.maximum(opened, close) <= high)
                & np.isfinite(high)
            )
            if not possible.all():
                row = int(np.argmin(possible.to_numpy()))
                raise DataQualityError(
                    f"The forecast at {predictions.index[row]} is no possible bar: "
                    f"{dict(predictions.iloc[row])}.",
                    row=row,
                )


def _median(values: FloatArray) -> FloatArray:
    """Middle value along the last axis, whose order is lost."""
    middle = values.shape[-1] // 2
    values.partition(middle, axis=-1)
    return values[..., middle].copy()


def _since_the_start(shapes: FloatArray, axis: int) -> FloatArray:
    """Shapes with the log return since the first step in place of each bar's own."""
    found = shapes.copy()
    found[..., 0] = shapes[..., 0].cumsum(axis=axis)
    return found


def _ordered(columns: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """The columns without the last bit by which an exponential may break their order."""
    for suffix in _SUFFIXES:
        opened, high, low, close = (columns[f"{name}{suffix}"] for name in _FIELDS)
        columns[f"{_FIELDS[1]}{suffix}"] = np.maximum(high, np.maximum(opened, close))
        columns[f"{_FIELDS[2]}{suffix}"] = np.minimum(low, np.minimum(opened, close))
    return columns


def _params(given: PredictorParams) -> MultiOhlcParams:
    if not isinstance(given, MultiOhlcParams):
        raise TypeError(f"parameters of 'multi_ohlc' are needed, not {type(given).__name__}")
    return given
