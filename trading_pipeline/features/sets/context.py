"""What features may know of a series besides its bars."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd

from trading_pipeline.domain.as_known import InputsAsKnown
from trading_pipeline.domain.timeframe import Timeframe

__all__ = ["FeatureContext", "Memory"]

Memory = Literal["warmup", "all"]
"""How far back a feature remembers: its warm-up, or all bars, as an expanding quantile does."""


@dataclass(frozen=True)
class FeatureContext:
    """What the bars alone do not tell: timeframe, calendar of the sessions, and declared inputs.

    `inputs`: by name, a frame with one row a bar: the newest row that was known at the bar, with
    its `known_at`. It has no part in what makes two contexts equal.
    """

    timeframe: Timeframe
    calendar: str
    inputs: InputsAsKnown = field(default_factory=InputsAsKnown, compare=False, repr=False)

    def at(self, index: pd.Index) -> FeatureContext:
        """The context of these bars alone, with the rows of the inputs that belong to them."""
        return replace(self, inputs=self.inputs.rows(index)) if self.inputs else self
