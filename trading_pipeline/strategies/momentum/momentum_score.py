"""Five indicators vote on momentum."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    trailing_stop,
)
from trading_pipeline.strategies.exponential_average import exponential_average
from trading_pipeline.strategies.lines import (
    indicator_lines,
    relative_strength,
)
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["MomentumScore", "MomentumScoreParams"]

_SIGNAL = 9  # bars of the MACD's signal line


class MomentumScoreParams(TwoWindows):
    """Windows of the indicators, two levels of their score, a trailing stop and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        *TwoWindows.ascending,
        Ascending(("leave", "enter"), "leave of {leave} must be below enter of {enter}"),
    )

    fast: Window = 12
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window = 26
    """Window of the slow average, in bars."""
    window: Window = 14
    """Window of the RSI and of the rate of change, in bars."""
    enter: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Buy where the score, -1 to 1, rises above it; above `leave`."""
    leave: Annotated[float, Field(ge=-1.0, lt=1.0)] = 0.0
    """Leave where the score is at or below it (for a short at or above minus it)."""
    trail: Distance | None = "1.5 atr"
    """Distance of the trailing stop, such as `1.5 atr`, `1 percent` or `5 points`; null: none."""
    direction: Direction = "long_only"
    """`long_short` also sells where the score falls below minus `enter`."""


class MomentumScore(Strategy[MomentumScoreParams]):
    """Buy where most of five indicators say up; leave where they do not, or by a trailing stop.

    The score is the mean of five votes, each 1, 0 or -1: the close against the slow average, the
    fast average against the slow one, the RSI against 50, the MACD against its signal line of 9
    bars, and the close against that of `window` bars ago. `confidence` is its size. Source: A
    composite; for its parts Robert Colby, The Encyclopedia of Technical Market Indicators (2003).
    """

    name: ClassVar[str] = "momentum_score"

    def signals(self, market: Market, params: MomentumScoreParams) -> Signals:
        """Crosses of the score on every bar; none until all five votes are known on two bars."""
        score = _score(market.close, params)
        ready = can_be_placed(market, params.trail)
        return sided(
            params.direction,
            up=ready & crosses_above(score, params.enter),
            down=ready & crosses_below(score, -params.enter),
            exit_long=score <= params.leave,
            exit_short=score >= -params.leave,
            trailing_stop=trailing_stop(market, params.trail),
            confidence=np.abs(score),
        )

    def warmup_bars(self, params: MomentumScoreParams) -> int:
        """Bars until the slowest vote, and one more for a cross of the score."""
        votes = max(params.slow + _SIGNAL - 2, params.window)
        return max(votes + 1, distance_warmup(params.trail))

    def chart_lines(self, market: Market, params: MomentumScoreParams) -> list[ChartLine]:
        """The score and the levels at which positions begin and end, in a pane of its own."""
        sides = (1.0,) if params.direction == "long_only" else (1.0, -1.0)
        levels = {side * level for side in sides for level in (params.enter, params.leave)}
        score = _score(market.close, params)
        return [ChartLine("Score", score, pane="Score", levels=tuple(sorted(levels)))]


def _score(close: FloatArray, params: MomentumScoreParams) -> FloatArray:
    from trading_pipeline.features.rolling import lagged

    fast = exponential_average(close, params.fast)
    slow = exponential_average(close, params.slow)
    line, signal, _ = indicator_lines(
        "MACD",
        pd.Series(close),
        fastperiod=params.fast,
        slowperiod=params.slow,
        signalperiod=_SIGNAL,
    )
    differences = (
        close - slow,
        fast - slow,
        relative_strength(close, params.window) - 50.0,
        line - signal,
        close - lagged(close, params.window),
    )
    score: FloatArray = np.mean(np.sign(differences), axis=0)
    return score
