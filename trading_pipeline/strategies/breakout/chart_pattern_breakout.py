"""The breakout from a chart pattern: a triangle, a flag, head and shoulders and others."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import ATR_BARS, price_level
from trading_pipeline.strategies.market import Market

__all__ = ["ChartPatternBreakout", "ChartPatternBreakoutParams"]

Family = Literal[
    "any",
    "head_shoulders",
    "double",
    "triple",
    "rectangle",
    "broadening",
    "triangle",
    "wedge",
    "channel",
    "flag",
    "cup",
]


class ChartPatternBreakoutParams(StrategyParams):
    """Which patterns count, which of their breakouts, and a direction."""

    family: Family = "any"
    """Family of patterns that count."""
    quality: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Least quality of a pattern, 0 to 1: how even, parallel or round it is."""
    breakouts: Literal["expected", "all"] = "expected"
    """`expected` leaves out breakouts against the direction that the pattern stands for."""
    direction: Direction = "long_only"
    """`long_short` also sells breakouts downward."""


class ChartPatternBreakout(Strategy[ChartPatternBreakoutParams]):
    """Buy the first close above a chart pattern, with the pattern's height as target.

    The stop is the pattern's opposite line on the bar of the breakout; the target lies the height
    of the pattern beyond the line that was broken. A breakout of any pattern against the position
    closes it. Where several patterns break on one bar, that of the best quality counts. Sources:
    Lo, Mamaysky and Wang, Foundations of Technical Analysis (2000); Thomas Bulkowski, Encyclopedia
    of Chart Patterns (2005).
    """

    name: ClassVar[str] = "chart_pattern_breakout"

    def signals(self, market: Market, params: ChartPatternBreakoutParams) -> Signals:
        """Breakouts of every bar; a pattern and its breakout are known at the close that has them.

        Patterns are those of `features.patterns`, in forward-adjusted bars.
        """
        from trading_pipeline.features.patterns import KINDS
        from trading_pipeline.features.patterns.search import search

        found = search(market.bars)
        family = np.array([params.family in ("any", kind.family) for kind in KINDS])
        expected = np.array([kind.direction for kind in KINDS])[found.codes]
        side = found.break_directions
        chosen = (side != 0) & family[found.codes] & (found.quality >= params.quality)
        if params.breakouts == "expected":
            chosen &= (expected == 0) | (expected == side)
        # of equal rows numpy keeps the last one written, here the best
        order = np.argsort(found.quality, kind="stable")
        order = order[chosen[order]]
        at, lines, side = found.break_rows[order], found.lines[order], side[order]
        upper = lines[:, 1] + lines[:, 2] * (at - lines[:, 0])
        lower = lines[:, 4] + lines[:, 5] * (at - lines[:, 3])
        broken, height = np.where(side > 0, upper, lower), found.heights[order]

        sides = np.zeros(len(market))
        stop, target = np.full((2, len(market)), np.nan)
        sides[at] = side
        stop[at] = np.where(side > 0, lower, upper)
        target[at] = broken + side * height
        return sided(
            params.direction,
            up=sides > 0,
            down=sides < 0,
            exit_long=sides < 0,
            exit_short=sides > 0,
            stop_loss=price_level(market, stop),
            take_profit=price_level(market, target),
        )

    def warmup_bars(self, params: ChartPatternBreakoutParams) -> int:  # noqa: ARG002
        """Those of the true range; a pattern takes several swings more, as many as it needs."""
        return ATR_BARS
