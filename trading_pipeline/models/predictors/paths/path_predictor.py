"""What predictors of paths share: how far they go, what they learn from, and their scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from trading_pipeline.errors import (
    ConfigurationError,
    InsufficientDataError,
    ModelTrainingError,
)
from trading_pipeline.models.predictors.paths.autoregression import (
    fitted_values,
    lagged_rows,
    least_squares,
    spectral_radius,
)
from trading_pipeline.models.predictors.paths.bar_shapes import log_prices
from trading_pipeline.models.predictors.paths.horizons import STEPS, stored_horizons
from trading_pipeline.models.predictors.paths.path_scores import (
    PATH_SCORES,
    HorizonScores,
    path_in_words,
    score_held_back,
)
from trading_pipeline.models.predictors.predictor import (
    Fit,
    FloatArray,
    History,
    PredictionRows,
    Predictor,
    PredictorParams,
    ScoredAs,
    TrainingRows,
)
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["IntArray", "PathParams", "PathPredictor", "lines_of"]

IntArray = npt.NDArray[np.int64]
_ROWS_A_PARAMETER = 3


class PathParams(PredictorParams):
    """Parameters that every predictor of a path has."""

    lags: int = Field(default=10, ge=1, le=200)
    """Bars of the past that each step looks at."""
    steps: int | None = Field(default=None, ge=1, le=1000)
    """Bars ahead; none: 300, 144, 96, 96, 72, 42, 30, 13 for 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w."""
    horizons: tuple[int, ...] | None = None
    """Steps that are stored for every bar; none: 1, 2, 4, 8 and so on, and the last step."""
    penalty: float = Field(default=0.0, ge=0.0)
    """Penalty of ridge regression on standardized lags, a row; 0 is ordinary least squares."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        chosen = self.horizons
        if chosen is None:
            return self
        if not chosen or chosen[0] < 1 or list(chosen) != sorted(set(chosen)):
            raise ValueError(f"horizons must rise from 1 or more, such as [1, 5, 20]: {chosen}")
        if self.steps is not None and chosen[-1] > self.steps:
            raise ValueError(f"the horizon {chosen[-1]} lies beyond the {self.steps} steps")
        return self


class PathPredictor(Predictor):
    """Forecasts of the next bars, step by step, from the bars alone."""

    needs_bars: ClassVar[bool] = True
    bars_alone: ClassVar[bool] = True
    params_type: ClassVar[type[PredictorParams]] = PathParams
    score_columns: ClassVar[Mapping[str, str]] = PATH_SCORES
    scored_as: ClassVar[ScoredAs | None] = "path"
    series: ClassVar[int] = 1
    """Number of series that the recursion carries on."""

    @abstractmethod
    def learned_series(self, bars: pd.DataFrame) -> FloatArray:
        """What is forecast, a row a bar from the second on, shape (bars - 1, `series`)."""

    @abstractmethod
    def close_forecasts(self, predictions: pd.DataFrame, last_close: FloatArray) -> pd.DataFrame:
        """Expected log return to each step, `yhat`, and its 90 % interval, `q05` and `q95`.

        `last_close`: the close that each line of the predictions starts from.
        """

    def range_forecasts(self, predictions: pd.DataFrame) -> FloatArray | None:  # noqa: ARG002
        """Log of high over low at each step; None where it is not forecast."""
        return None

    def reach(self, params: PathParams, steps: int) -> int:  # noqa: ARG002
        """Bars after a row that its target needs."""
        return 1

    def steps(self, spec: ModelSpec, history: History | None) -> tuple[int, ...]:
        """The horizons that are stored."""
        params, last = self._params(spec), self._last_step(spec, history)
        if params.horizons is None:
            return stored_horizons(last)
        if params.horizons[-1] > last:
            raise ConfigurationError(
                f"The model {spec.name!r} stores the horizon {params.horizons[-1]}, and its path "
                f"has {last} steps. Give 'steps' of at least {params.horizons[-1]}.",
                model=spec.name,
            )
        return params.horizons

    def path(self, spec: ModelSpec, history: History | None) -> tuple[int, ...]:
        """Every step."""
        return tuple(range(1, self._last_step(spec, history) + 1))

    def targets(
        self, spec: ModelSpec, labels: pd.DataFrame, history: History | None
    ) -> pd.DataFrame:
        """`close_return`: the log return over the bars that a row's target needs."""
        del labels
        history = _needed(history)
        params = self._params(spec)
        closes = log_prices(history.bars, "close")
        reach = self.reach(params, self._last_step(spec, history))
        rows = np.arange(params.lags, len(closes) - reach, dtype=np.int64)
        known = history.known_at
        return pd.DataFrame(
            {
                "t0": known[rows],
                "t1": known[rows + reach],
                "close_return": closes[rows + reach] - closes[rows],
            },
            index=history.bars.index[rows],
        )

    def train(self, rows: TrainingRows) -> Fit:
        """The fit, and for each stored horizon its skill against drift and measured coverage."""
        state = self.fit(rows)
        horizons = score_held_back(self, rows, self.steps(rows.spec, rows.history))
        if not horizons:
            return Fit(state=state)
        return Fit(
            state=state,
            scores={"tail": _first_and_last(horizons)},
            details={"horizons": [each.as_dict() for each in horizons]},
            rows_scored=horizons[0].rows,
        )

    def in_words(self, scores: Mapping[str, Any]) -> str | None:
        """The skill against drift at the first and the last horizon, and the coverage."""
        return path_in_words(scores)

    def fitted_recursion(
        self, rows: TrainingRows, params: PathParams
    ) -> tuple[FloatArray, FloatArray]:
        """Coefficients of the next value on the last ones, and their residuals.

        Raises `InsufficientDataError` where there are too few rows, or where the fitted path would
        run away, and `ModelTrainingError` for a series that never changes.
        """
        inputs, series, at = self.learning_inputs(rows, params)
        outcomes = series[at]
        coefficients = least_squares(inputs, outcomes, weights=rows.weights, penalty=params.penalty)
        radius = spectral_radius(coefficients)
        if radius >= 1.0:
            raise InsufficientDataError(
                f"The path fitted to {len(inputs)} rows of the model {rows.spec.name!r} runs away: "
                f"each step would be {radius:.3f} times as far as the one before. Use fewer lags, "
                "a longer training span, or a penalty.",
                radius=radius,
            )
        return coefficients, outcomes - fitted_values(coefficients, inputs)

    def learning_inputs(
        self, rows: TrainingRows, params: PathParams
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """Lags of each training row, the whole series, and the position in it of the next value."""
        bars = _needed(rows.history).bars
        needed = _ROWS_A_PARAMETER * (1 + params.lags * self.series)
        if len(rows) < needed:
            raise InsufficientDataError(
                f"{len(rows)} rows are too few to fit {params.lags} lags of {self.series} series "
                f"each; {needed} are needed.",
                rows=len(rows),
            )
        series = self.learned_series(bars)
        positions = bars.index.get_indexer(rows.targets.index)
        inputs = lagged_rows(series, params.lags)[positions - params.lags]
        still = np.ptp(series[positions], axis=0) == 0.0
        if still[0]:
            raise ModelTrainingError(
                f"The close is the same, or changes by the same factor, in all {len(rows)} bars "
                f"that the model {rows.spec.name!r} would learn from ({rows.targets.index[0]} to "
                f"{rows.targets.index[-1]}); there is nothing to forecast. Check the bars, or "
                "train on another span.",
                rows=len(rows),
            )
        return inputs, series, positions

    def origins(self, rows: PredictionRows, params: PathParams) -> tuple[FloatArray, FloatArray]:
        """Lags and close of each row that is predicted from."""
        bars = _needed(rows.history).bars
        positions = bars.index.get_indexer(rows.features.index)
        if (positions < params.lags).any():
            first = rows.features.index[int(np.argmax(positions < params.lags))]
            raise InsufficientDataError(
                f"A path from {first} needs the {params.lags + 1} bars up to it, and they are not "
                "all there. Give a longer history.",
                ts=first,
            )
        inputs = lagged_rows(self.learned_series(bars), params.lags)[positions - params.lags]
        return inputs, bars["close"].to_numpy(dtype="float64")[positions]

    def asked(self, rows: PredictionRows) -> IntArray:
        """The steps that are asked for."""
        return np.asarray(rows.steps or self.steps(rows.spec, rows.history), dtype=np.int64)

    def params_of(self, given: PredictorParams) -> PathParams:
        """The parameters as what they are."""
        if not isinstance(given, PathParams):
            raise TypeError(f"the predictor {self.name!r} got {type(given).__name__}")
        return given

    def _params(self, spec: ModelSpec) -> PathParams:
        return self.params_of(self.params_type.model_validate(dict(spec.predictor.params)))

    def _last_step(self, spec: ModelSpec, history: History | None) -> int:
        return self._params(spec).steps or STEPS[_needed(history).timeframe]


def lines_of(
    rows: PredictionRows, steps: IntArray, columns: Mapping[str, FloatArray]
) -> pd.DataFrame:
    """One line for each row and step, from arrays of the shape (rows, steps)."""
    index = rows.features.index.repeat(len(steps))
    values = {name: np.ascontiguousarray(each).ravel() for name, each in columns.items()}
    return pd.DataFrame({"horizon": np.tile(steps, len(rows)), **values}, index=index)


def _needed(history: History | None) -> History:
    if history is None:
        raise ConfigurationError("A path is forecast from bars, and none were given.")
    return history


def _first_and_last(horizons: list[HorizonScores]) -> dict[str, float | int | None]:
    first, last = horizons[0].as_dict(), horizons[-1].as_dict()
    return {**first, "horizons": len(horizons), **{f"last_{name}": v for name, v in last.items()}}
