"""What features may know of a series besides its bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trading_pipeline.domain.timeframe import Timeframe

__all__ = ["FeatureContext", "Memory"]

Memory = Literal["warmup", "all"]
"""How far back a feature remembers: its warm-up, or all bars, as an expanding quantile does."""


@dataclass(frozen=True)
class FeatureContext:
    """What the bars alone do not tell: their timeframe and the calendar of their sessions."""

    timeframe: Timeframe
    calendar: str
