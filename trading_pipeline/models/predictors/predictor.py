"""What a predictor is: it owns its targets, prediction columns, scores, baselines and sanity rules.

Training, registry, cards, strategies, assets and reports ask a predictor for these; none of them
knows what a particular one forecasts. A user's own is one class in one file of
`runtime/config/predictors/` with the methods `fit` and `predict` (docs/models.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ConfigDict

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.models.predictors.estimators import Task
from trading_pipeline.settings.label_spec import LabelKind
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.spec_model import SpecModel

__all__ = [
    "Fit",
    "FloatArray",
    "History",
    "NoParams",
    "PredictionRows",
    "Predictor",
    "PredictorParams",
    "ScoredAs",
    "Scores",
    "State",
    "Task",
    "TrainingRows",
]

FloatArray = npt.NDArray[np.float64]
State = Mapping[str, Any]
"""What a fit gives: scikit-learn estimators, numpy arrays, numbers and text, by name."""
Scores = Mapping[str, float | int | None]
"""Scores by name; `<name>_error` is the standard error of `<name>`."""
ScoredAs = Literal["probability", "number", "path"]
"""How a model card scores what is forecast."""


class PredictorParams(SpecModel):
    """Parameters of a predictor, with a default for each; `predictor: {params: ...}` of a model."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class NoParams(PredictorParams):
    """For a predictor without parameters of its own."""


@dataclass(frozen=True, kw_only=True)
class History:
    """The instrument's bars, for a predictor with `needs_bars`.

    `bars`: forward-adjusted, index ts, columns open, high, low, close, volume. `known_at`: when
    each is known, aware UTC, increasing.
    """

    bars: pd.DataFrame
    known_at: pd.DatetimeIndex
    timeframe: Timeframe
    calendar: str

    def before(self, moment: pd.Timestamp) -> History:
        """The bars that were known before a moment."""
        return self.head(int(self.known_at.searchsorted(moment, side="left")))

    def until(self, moment: pd.Timestamp) -> History:
        """The bars that were known at a moment, that of the moment itself included."""
        return self.head(int(self.known_at.searchsorted(moment, side="right")))

    def head(self, bars: int) -> History:
        """The first bars."""
        return replace(self, bars=self.bars.iloc[:bars], known_at=self.known_at[:bars])


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """What a fit may learn from: rows whose target ended before the refit date.

    `features` and `targets` have one row each for a bar, with the same index ts. `features`:
    float64, finite. `targets`: t0, t1 (the target is known from t1 on) and what the predictor's
    `targets` gave. `weights`: one a row, above 0. `uniqueness`: what each row is worth as an
    independent one, above 0 and at most 1. `clock`: when each bar is known, for `row_uniqueness`.
    `history`: bars known before the refit date, where the predictor needs bars.
    """

    spec: ModelSpec
    params: PredictorParams
    features: pd.DataFrame
    targets: pd.DataFrame
    weights: FloatArray
    uniqueness: FloatArray
    clock: pd.DatetimeIndex
    history: History | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.targets)

    @property
    def values(self) -> FloatArray:
        """Features as an array, shape (rows, features)."""
        return self.features.to_numpy(dtype="float64")

    @property
    def seed(self) -> int:
        """Seed of every random number."""
        return self.spec.seed


@dataclass(frozen=True, kw_only=True)
class PredictionRows:
    """What is predicted from, one row a bar: `features` (finite), and when each is known.

    `history`: bars up to the last row, where the predictor needs bars. `steps`: horizons that are
    asked for; none means those of `Predictor.steps`. What is predicted for a row may use only bars
    and features that were known at its `known_at`; an audit removes later rows and compares.
    """

    spec: ModelSpec
    params: PredictorParams
    features: pd.DataFrame
    known_at: pd.DatetimeIndex
    history: History | None = None
    steps: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.features)

    @property
    def values(self) -> FloatArray:
        """Features as an array, shape (rows, features), one row after the other in memory.

        The order in memory can change the last bit of a sum of products.
        """
        return np.ascontiguousarray(self.features.to_numpy(dtype="float64"))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fit and how good it is.

    `scores`: by part, such as `train` (the rows it was fitted to) and `tail` (rows held back, each
    forecast by a fit from before it); a part `tail_<name>` scores a baseline or a variant.
    `details`: further numbers and tables as plain values. `rows_scored`: rows of `tail`.
    """

    state: State
    scores: Mapping[str, Scores] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    rows_scored: int = 0


class Predictor(ABC):
    """One kind of forecast. Subclasses write `columns`, `fit` and `predict`; the rest has defaults.

    A predictor keeps nothing between calls: what it learned is in the state that `fit` returns.
    """

    name: ClassVar[str]
    """Name in `predictor: {type: ...}` of a model; that of the file where none is given."""
    columns: ClassVar[Mapping[str, str]]
    """Prediction columns beside known_at, model_id and horizon, float64, with their meanings."""
    labels: ClassVar[tuple[str, ...]] = get_args(LabelKind)
    """Label types that it can learn."""
    task: ClassVar[Task | None] = None
    """Which kind of `estimator` it fits; None for one that brings its own method."""
    params_type: ClassVar[type[PredictorParams]] = NoParams
    needs_bars: ClassVar[bool] = False
    """Whether it reads bars beside features and labels."""
    bars_alone: ClassVar[bool] = False
    """Whether it reads nothing but bars: no features, and no labels, since it makes its targets."""
    label_features: ClassVar[tuple[str, ...]] = ()
    """Features that `targets` gets as columns beside the labels."""
    price_columns: ClassVar[tuple[str, ...]] = ()
    """Columns that are prices, in the basis of the bars that were given."""
    score_columns: ClassVar[Mapping[str, str]] = {}
    """Scores that the fold table shows, `<part>_<score>`, with their meanings."""
    scored_as: ClassVar[ScoredAs | None] = None
    """How the model card scores it: `probability`, the column `p_up` of a label of 1 or 0;
    `number`, the column `yhat` of the label, with `q05` and `q95` where there is an interval. None:
    not at all beyond its own `scores`, and the card says so."""
    headline: ClassVar[str | None] = None
    """The score that decides the card's verdict; None for that of `scored_as`."""

    @property
    def forecast_column(self) -> str | None:
        """The prediction column that is scored; None for paths, and without `scored_as`."""
        return {"probability": "p_up", "number": "yhat"}.get(self.scored_as or "")

    def check_spec(self, spec: ModelSpec) -> None:
        """Raise `ConfigurationError` for a spec that cannot be trained, beyond label, estimator and
        parameters, which are checked before."""
        del spec

    def targets(
        self,
        spec: ModelSpec,
        labels: pd.DataFrame,
        history: History | None,
    ) -> pd.DataFrame:
        """What is learned: index ts, columns t0, t1 and the targets; the labels as they are.

        t1 is the moment at which a row's target is known; a row that claims an earlier one would
        leak.
        """
        del spec, history
        return labels

    def steps(self, spec: ModelSpec, history: History | None) -> tuple[int, ...]:
        """Horizons in bars that each row is predicted for; one row a step in the predictions."""
        del history
        return (spec.label.horizon_bars,)

    def path(self, spec: ModelSpec, history: History | None) -> tuple[int, ...]:
        """Horizons of the newest forecast, where they may be more than are stored for each row."""
        return self.steps(spec, history)

    @abstractmethod
    def fit(self, rows: TrainingRows) -> State:
        """What is learned from the rows; equal rows and seed give an equal state, bit for bit."""

    @abstractmethod
    def predict(self, state: State, rows: PredictionRows) -> pd.DataFrame:
        """The prediction columns, index ts: one line for each row and step.

        With several `steps` the frame has a column `horizon` too, lines in order of ts and horizon.
        """

    def estimator_targets(self, targets: pd.DataFrame) -> FloatArray:
        """What the estimator of the spec learns, one a row: the column `label`; tuning asks."""
        return targets["label"].to_numpy(dtype="float64")

    def train(self, rows: TrainingRows) -> Fit | None:
        """The fit of a refit date and its scores; `InsufficientDataError` for no model.

        None, the default, means: `fit` on all rows, and `scores` of the predictor and of its
        baselines on the last rows, held back in blocks that a fit from before each forecasts.
        """
        del rows
        return None

    def check(self, predictions: pd.DataFrame) -> None:
        """Raise `DataQualityError` for predictions that cannot be, such as a probability of 2."""
        del predictions

    def scores(
        self,
        predictions: pd.DataFrame,  # noqa: ARG002
        targets: pd.DataFrame,  # noqa: ARG002
        uniqueness: FloatArray,  # noqa: ARG002
    ) -> Scores:
        """Scores of predictions whose targets are known, rows without NaN, one line each.

        `uniqueness` sums to the effective rows, from which errors are computed. None by default.
        """
        return {}

    def baselines(
        self,
        before: TrainingRows,  # noqa: ARG002
        targets: pd.DataFrame,  # noqa: ARG002
    ) -> Mapping[str, pd.DataFrame]:
        """Forecasts by name to compare with, for the rows of `targets`: the prediction columns.

        They know what was known before those rows: `before`, and of `targets` itself t0 and t1.
        """
        return {}

    def in_words(self, scores: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """The held-back scores of a row of the fold table in a sentence; None without any."""
        return None

    def summary(self, predictions: pd.DataFrame) -> dict[str, float]:
        """Numbers of a window's predictions for the asset page: the mean of each column."""
        return {f"mean_{name}": float(predictions[name].mean()) for name in self.columns}
