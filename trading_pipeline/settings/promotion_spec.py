"""When a new live model takes the place of the one that forecasts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trading_pipeline.settings.spec_model import SpecModel

__all__ = ["PromotionSpec"]


class PromotionSpec(SpecModel):
    """The rule by which a challenger becomes champion; it concerns `live/<name>` alone.

    `rule`: `not_worse` promotes unless the challenger is worse by more than `errors` standard
    errors; `better` promotes only where it is better by more than that; `always` does not compare.
    `minimum_effective_rows`: with fewer rows nothing can be told, so `not_worse` promotes and
    `better` does not.
    """

    rule: Literal["not_worse", "better", "always"] = "not_worse"
    errors: float = Field(default=2.0, gt=0.0, le=10.0)
    minimum_effective_rows: float = Field(default=20.0, ge=2.0)
