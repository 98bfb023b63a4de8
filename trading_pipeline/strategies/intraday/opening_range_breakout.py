"""The breakout from the range of a session's first minutes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.intraday.session_range import (
    BARS_OF_A_TRADE,
    range_lines,
    session_breaks,
)
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sessions import sessions_of
from trading_pipeline.strategies.windows import Multiple

__all__ = ["OpeningRangeBreakout", "OpeningRangeBreakoutParams"]


class OpeningRangeBreakoutParams(StrategyParams):
    """The range, the target and a direction."""

    minutes: Annotated[int, Field(ge=1, le=720)] = 30
    """Minutes from the session's open that make the range; a multiple of the bar's length."""
    reward: Multiple | None = None
    """Target, in multiples of the risk; null: none, the position is held to the session's end."""
    direction: Direction = "long_only"
    """`long_short` also sells breaks below the range."""


class OpeningRangeBreakout(Strategy[OpeningRangeBreakoutParams]):
    """Buy the first close above the range of a session's first minutes; be flat at its end.

    The stop is the other end of the range. At most one entry a session on each side. The position
    is closed at the open of the session's last bar. Needs bars below one day. Source: Toby Crabel,
    Day Trading with Short Term Price Patterns and Opening Range Breakout (1990).
    """

    name: ClassVar[str] = "opening_range_breakout"

    def signals(self, market: Market, params: OpeningRangeBreakoutParams) -> Signals:
        """Breaks of every bar; `ConfigurationError` on bars that are too long for it."""
        sessions = sessions_of(market, self.name, bars=BARS_OF_A_TRADE, minutes=params.minutes)
        return session_breaks(
            market,
            sessions,
            sessions.within(params.minutes),
            direction=params.direction,
            reward=params.reward,
        )

    def warmup_bars(self, params: OpeningRangeBreakoutParams) -> int:  # noqa: ARG002
        """1: the range has one bar or more, depending on the timeframe."""
        return 1

    def chart_lines(self, market: Market, params: OpeningRangeBreakoutParams) -> list[ChartLine]:
        """Both ends of the opening range."""
        sessions = sessions_of(market, self.name, bars=BARS_OF_A_TRADE, minutes=params.minutes)
        return range_lines(market, sessions, sessions.within(params.minutes))
