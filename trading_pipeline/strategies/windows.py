"""Parameters that strategies share: windows of bars, a pair of them, and Bollinger bands."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.strategies.base import Ascending, StrategyParams
from trading_pipeline.strategies.lines import mean_and_deviation
from trading_pipeline.strategies.market import Market

__all__ = ["Bands", "Multiple", "TwoWindows", "Window", "bollinger_bands"]

Window = Annotated[int, Field(ge=2, le=2000)]
"""Bars of an indicator."""
Multiple = Annotated[float, Field(gt=0.0, le=20.0)]
"""How many deviations, true ranges or risks."""


class TwoWindows(StrategyParams):
    """A fast and a slow window; the fast one must be shorter."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("fast", "slow"),
            "the fast window of {fast} bars must be shorter than the slow one of {slow}",
        ),
    )

    fast: Window
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window
    """Window of the slow average, in bars."""


class Bands(StrategyParams):
    """Bollinger bands that a close can leave."""

    window: Window = 20
    """Window of the mean and the deviation, in bars."""
    width: Multiple = 2.0
    """Distance of the bands from the mean, in standard deviations."""

    @model_validator(mode="after")
    def _can_be_left(self) -> Bands:
        # the mean and the deviation hold the close itself: Samuelson's inequality
        most = math.sqrt(self.window - 1)
        if self.width >= most:
            raise ValueError(
                f"a close is never more than {most:.4g} deviations from the mean of {self.window} "
                f"bars that it is one of, so bands {self.width} deviations wide are never left; "
                "give a smaller width or a longer window"
            )
        return self


def bollinger_bands(market: Market, bands: Bands) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean of the closes, upper and lower band; NaN on the first `window - 1` bars."""
    mean, deviation = mean_and_deviation(market.close, bands.window)
    return mean, mean + bands.width * deviation, mean - bands.width * deviation
