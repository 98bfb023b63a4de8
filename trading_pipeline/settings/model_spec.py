"""The specification of a model: estimator, features, label, training, calibration."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.promotion_spec import PromotionSpec
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = [
    "DURATION",
    "NOT_OF_A_FIT",
    "EstimatorSpec",
    "LabelSpec",
    "ModelSpec",
    "PredictorSpec",
    "Refit",
    "Span",
    "TrainingSpec",
    "TuningMetric",
    "TuningSpec",
]

NOT_OF_A_FIT = ("full_pass", "promotion", "max_age_days")
"""Keys that change no fit: what is done with it."""
Refit = Literal["window", "quarter", "month", "week", "day"]
TuningMetric = Literal["log_loss", "brier", "mse", "mae"]
Span: TypeAlias = int | str
"""`expanding`, a number of windows, or a length of time as `DURATION` says."""
DURATION = r"(?P<number>[1-9][0-9]{0,3})(?P<unit>[dwy])"
"""Calendar days, weeks or years, such as 250d, 12w or 3y."""
_MOST_COMBINATIONS = 64
_PATHS = ("autoregressive", "multi_ohlc")
"""Shipped predictors of a path, whose parameter `steps` says how many bars ahead it goes."""


class EstimatorSpec(SpecModel):
    """Kind of estimator and its parameters; both are checked where estimators are known."""

    type: Name = "logistic"
    params: dict[str, Any] = Field(default_factory=dict)


class PredictorSpec(SpecModel):
    """What is forecast, and its parameters; both are checked where predictors are known."""

    type: Name = "direction"
    params: dict[str, Any] = Field(default_factory=dict)


class TrainingSpec(SpecModel):
    """What a fit may read.

    `span`: "expanding", the number of windows before the refit date, or a length of time before it,
    such as "250d", "12w" or "3y"; or a mapping from timeframes to one of these. `minimum_rows`:
    below it the partition has no model. `embargo_bars`: rows dropped before the refit date on top
    of the purge. `weights`: a row counts by its label's average uniqueness, or each as 1.
    `half_life_bars`: bars after which a row counts half as much; None for no decay.
    """

    span: Span | dict[str, Span] = "expanding"
    minimum_rows: int = Field(default=500, ge=20)
    refit: Refit = "window"
    embargo_bars: int = Field(default=0, ge=0)
    weights: Literal["uniqueness", "equal"] = "uniqueness"
    half_life_bars: int | None = Field(default=None, ge=1)

    @field_validator("span", mode="before")
    @classmethod
    def _spans(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return _checked_span(given)
        known = [each.value for each in Timeframe]
        unknown = [key for key in given if key not in known]
        if unknown or not given:
            raise ValueError(
                f"a mapping has a span for each timeframe ({', '.join(known)})"
                + (f", and {unknown[0]!r} is none" if unknown else "")
            )
        return {str(key): _checked_span(span) for key, span in given.items()}


def _checked_span(given: object) -> object:
    if isinstance(given, int) and given < 1:
        raise ValueError("a sliding span needs at least 1 window")
    is_text = isinstance(given, str)
    if isinstance(given, int) or (
        is_text and (given == "expanding" or re.fullmatch(DURATION, str(given)))
    ):
        return given
    raise ValueError(
        "a span is 'expanding', a number of windows such as 3, a length of time such as 250d, 12w "
        "or 3y, or a mapping from timeframes to these"
    )


class TuningSpec(SpecModel):
    """Parameters of the estimator that each fit chooses by cross-validation of its own rows.

    `params`: values to try by name; all combinations are tried, in the order written. `splits`:
    blocks of the purged k-fold. `metric`: the smallest mean wins; None for `log_loss` of a
    classifier and `mse` of a regressor.
    """

    params: dict[str, list[Any]]
    splits: int = Field(default=5, ge=2, le=20)
    metric: TuningMetric | None = None

    @field_validator("params")
    @classmethod
    def _countable(cls, params: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if not params or not all(params.values()):
            raise ValueError("give at least one value to try, such as {alpha: [0.1, 1, 10]}")
        count = math.prod(len(values) for values in params.values())
        if count > _MOST_COMBINATIONS:
            raise ValueError(
                f"{count:,} combinations are more than {_MOST_COMBINATIONS}; each is fitted "
                "anew in every split of every fit. Try fewer values"
            )
        return params

    @property
    def combinations(self) -> list[dict[str, Any]]:
        """Every combination of the values, in the order written.

        >>> TuningSpec(params={"alpha": [1, 10]}).combinations
        [{'alpha': 1}, {'alpha': 10}]
        """
        return [
            dict(zip(self.params, values, strict=True))
            for values in itertools.product(*self.params.values())
        ]


class ModelSpec(SpecModel):
    """A model that is refitted walk-forward; the file `models/<name>.yaml`.

    `predictor`: a name alone means its defaults. `cross_features`: learn from the columns of
    `cross_features` too. `tuning`: None for the parameters of `estimator` alone. `full_pass`:
    whether `trading-pipeline run` and `demo` keep it up to date though no scenario trades it;
    `forecast` and the web UI work with any model. `promotion`: when a new live model forecasts in
    place of the old one. `max_age_days`: of a live model, in place of the limit of its timeframe.
    """

    name: Name
    predictor: PredictorSpec = PredictorSpec()
    estimator: EstimatorSpec = EstimatorSpec()
    features: Name = "core"
    cross_features: bool = False
    label: LabelSpec = LabelSpec()
    training: TrainingSpec = TrainingSpec()
    tuning: TuningSpec | None = None
    calibration: Literal["sigmoid"] | None = "sigmoid"
    seed: int = Field(default=7, ge=0, lt=2**32)
    full_pass: bool = True
    promotion: PromotionSpec = PromotionSpec()
    max_age_days: float | None = Field(default=None, gt=0.0)

    def with_steps(self, steps: int) -> ModelSpec:
        """The spec with so many `steps` where it forecasts a path and does not say how far."""
        given = self.predictor
        said = any(given.params.get(name) is not None for name in ("steps", "horizons"))
        if given.type not in _PATHS or said:
            return self
        stepped = given.model_copy(update={"params": {**given.params, "steps": steps}})
        return self.model_copy(update={"predictor": stepped})

    @property
    def hash(self) -> str:
        """Hash of all values that a fit follows from, defaults included."""
        return canonical_hash(self.model_dump(mode="json", exclude=set(NOT_OF_A_FIT)))

    @field_validator("predictor", mode="before")
    @classmethod
    def _from_name(cls, given: object) -> object:
        return {"type": given} if isinstance(given, str) else given

    @model_serializer(mode="wrap")
    def _without_unused(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # so that specs from before there was tuning keep their hash
        values: dict[str, Any] = dump(self)
        if self.tuning is None:
            values.pop("tuning", None)
        return values
