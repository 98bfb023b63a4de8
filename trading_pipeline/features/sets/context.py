"""What features may know of a series besides its bars."""

from __future__ import annotations

from dataclasses import dataclass

from trading_pipeline.domain.timeframe import Timeframe

__all__ = ["FeatureContext"]


@dataclass(frozen=True)
class FeatureContext:
    """What the bars alone do not tell: their timeframe and the calendar of their sessions."""

    timeframe: Timeframe
    calendar: str
