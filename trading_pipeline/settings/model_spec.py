"""This file holds the specification of a model: estimator, features, label, training, calibration."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator

from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["EstimatorSpec", "LabelSpec", "ModelSpec", "Refit", "TrainingSpec"]

Refit = Literal["window", "quarter", "month", "week", "day"]


class LabelSpec(SpecModel):
    """What is to be predicted: entered at the next open, held `horizon_bars` bars.

    Forward returns within `dead_zone_bps` basis points of zero have no direction.
    """

    type: Literal["direction", "forward_return"] = "direction"
    horizon_bars: int = Field(default=5, ge=1, le=5000)
    dead_zone_bps: float = Field(default=0.0, ge=0.0)

    @property
    def name(self) -> str:
        """Name of the label asset.

        >>> LabelSpec().name, LabelSpec(horizon_bars=20).name, LabelSpec(dead_zone_bps=10).name
        ('direction', 'direction_h20', 'direction_h5_z10')
        """
        if self == LabelSpec(type=self.type):
            return self.type
        digits = f"{Decimal(repr(self.dead_zone_bps)).normalize():f}".replace(".", "p")
        zone = f"_z{digits}" if self.dead_zone_bps else ""
        return f"{self.type}_h{self.horizon_bars}{zone}"


class EstimatorSpec(SpecModel):
    """Kind of estimator and its parameters; both are checked where estimators are known."""

    type: Name = "logistic"
    params: dict[str, Any] = Field(default_factory=dict)


class TrainingSpec(SpecModel):
    """What a fit may read.

    `span`: "expanding", or the number of windows before the refit date. `minimum_rows`: below it
    the partition has no model. `embargo_bars`: rows dropped before the refit date on top of the
    purge.
    """

    span: Literal["expanding"] | int = "expanding"
    minimum_rows: int = Field(default=500, ge=20)
    refit: Refit = "window"
    embargo_bars: int = Field(default=0, ge=0)

    @field_validator("span")
    @classmethod
    def _positive(cls, span: str | int) -> str | int:
        if isinstance(span, int) and span < 1:
            raise ValueError("a sliding span needs at least 1 window")
        return span


class ModelSpec(SpecModel):
    """A model that is refitted walk-forward; the file `models/<name>.yaml`.

    `cross_features`: learn from the columns of `cross_features` too.
    """

    name: Name
    estimator: EstimatorSpec = EstimatorSpec()
    features: Name = "core"
    cross_features: bool = False
    label: LabelSpec = LabelSpec()
    training: TrainingSpec = TrainingSpec()
    calibration: Literal["sigmoid"] | None = "sigmoid"
    seed: int = Field(default=7, ge=0, lt=2**32)
