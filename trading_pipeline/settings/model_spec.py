"""The specification of a model: estimator, features, label, training, calibration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.promotion_spec import PromotionSpec
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = [
    "NOT_OF_A_FIT",
    "EstimatorSpec",
    "LabelSpec",
    "ModelSpec",
    "PredictorSpec",
    "Refit",
    "TrainingSpec",
]

NOT_OF_A_FIT = ("full_pass", "promotion", "max_age_days")
"""Keys that change no fit: what is done with it."""
Refit = Literal["window", "quarter", "month", "week", "day"]


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

    `span`: "expanding", or the number of windows before the refit date. `minimum_rows`: below it
    the partition has no model. `embargo_bars`: rows dropped before the refit date on top of the
    purge. `weights`: a row counts by its label's average uniqueness, or each as 1.
    `half_life_bars`: bars after which a row counts half as much; None for no decay.
    """

    span: Literal["expanding"] | int = "expanding"
    minimum_rows: int = Field(default=500, ge=20)
    refit: Refit = "window"
    embargo_bars: int = Field(default=0, ge=0)
    weights: Literal["uniqueness", "equal"] = "uniqueness"
    half_life_bars: int | None = Field(default=None, ge=1)

    @field_validator("span")
    @classmethod
    def _positive(cls, span: str | int) -> str | int:
        if isinstance(span, int) and span < 1:
            raise ValueError("a sliding span needs at least 1 window")
        return span


class ModelSpec(SpecModel):
    """A model that is refitted walk-forward; the file `models/<name>.yaml`.

    `predictor`: a name alone means its defaults. `cross_features`: learn from the columns of
    `cross_features` too. `full_pass`: whether `trading-pipeline run` and `demo` keep it up to date
    though no scenario trades it; `forecast` and the web UI work with any model. `promotion`: when a
    new live model forecasts in place of the old one. `max_age_days`: of a live model, in place of
    the limit of its timeframe.
    """

    name: Name
    predictor: PredictorSpec = PredictorSpec()
    estimator: EstimatorSpec = EstimatorSpec()
    features: Name = "core"
    cross_features: bool = False
    label: LabelSpec = LabelSpec()
    training: TrainingSpec = TrainingSpec()
    calibration: Literal["sigmoid"] | None = "sigmoid"
    seed: int = Field(default=7, ge=0, lt=2**32)
    full_pass: bool = True
    promotion: PromotionSpec = PromotionSpec()
    max_age_days: float | None = Field(default=None, gt=0.0)

    @property
    def hash(self) -> str:
        """Hash of all values that a fit follows from, defaults included."""
        return canonical_hash(self.model_dump(mode="json", exclude=set(NOT_OF_A_FIT)))

    @field_validator("predictor", mode="before")
    @classmethod
    def _from_name(cls, given: object) -> object:
        return {"type": given} if isinstance(given, str) else given
