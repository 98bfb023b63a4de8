"""The breakout from a session's first candle."""

from __future__ import annotations

from typing import ClassVar

from trading_pipeline.domain.signals import BoolArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.intraday.session_range import (
    BARS_OF_A_TRADE,
    range_lines,
    session_breaks,
)
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sessions import Sessions, sessions_of
from trading_pipeline.strategies.windows import Multiple

__all__ = ["FirstCandleBreakout", "FirstCandleBreakoutParams"]


class FirstCandleBreakoutParams(StrategyParams):
    """The target, whether the candle's own direction counts, and a direction."""

    reward: Multiple | None = 2.0
    """Target, in multiples of the risk; null: none, the position is held to the session's end."""
    with_candle: bool = True
    """Only breaks to the side to which the first candle closed."""
    direction: Direction = "long_only"
    """`long_short` also sells breaks below the candle."""


class FirstCandleBreakout(Strategy[FirstCandleBreakoutParams]):
    """Buy the first close above the session's first candle, if that one rose; be flat at its end.

    The stop is the candle's low (for a short its high), the target `reward` times the risk away. A
    session whose first bar is missing has no trade. Needs bars below one day. Source: Zarattini and
    Aziz, Can Day Trading Really Be Profitable? (2023), with a close beyond the candle as trigger.
    """

    name: ClassVar[str] = "first_candle_breakout"

    def signals(self, market: Market, params: FirstCandleBreakoutParams) -> Signals:
        """Breaks of every bar; `ConfigurationError` on bars that are too long for it."""
        sessions, candle = self._candle(market)
        return session_breaks(
            market,
            sessions,
            candle,
            direction=params.direction,
            reward=params.reward,
            with_candle=params.with_candle,
        )

    def warmup_bars(self, params: FirstCandleBreakoutParams) -> int:  # noqa: ARG002
        """1: the candle."""
        return 1

    def chart_lines(
        self,
        market: Market,
        params: FirstCandleBreakoutParams,  # noqa: ARG002
    ) -> list[ChartLine]:
        """High and low of the session's first candle."""
        return range_lines(market, *self._candle(market))

    def _candle(self, market: Market) -> tuple[Sessions, BoolArray]:
        """The sessions, and which bars are the first of theirs."""
        sessions = sessions_of(market, self.name, bars=1 + BARS_OF_A_TRADE)
        return sessions, sessions.inside & (sessions.ends <= sessions.opens + sessions.length)
