"""Scalping crosses of short averages inside a session."""

from __future__ import annotations

from typing import ClassVar

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    stop_loss,
    take_profit,
)
from trading_pipeline.strategies.exponential_average import exponential_average
from trading_pipeline.strategies.intraday.session_range import BARS_OF_A_TRADE
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sessions import sessions_of
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["EmaScalper", "EmaScalperParams"]


class EmaScalperParams(TwoWindows):
    """Two windows, target, stop and direction."""

    fast: Window = 9
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window = 21
    """Window of the slow average, in bars."""
    target: Distance | None = "2 points"
    """Distance of the target, such as `2 points`, `0.2 percent` or `1 atr`; null: none."""
    stop: Distance | None = "1 points"
    """Distance of the stop loss; null: none."""
    direction: Direction = "long_only"
    """`long_short` also sells crosses down."""


class EmaScalper(Strategy[EmaScalperParams]):
    """Buy a cross of short averages with a target in points; be flat at the session's end.

    Averages run on over the sessions. A cross back closes the position, and so does the open of the
    session's last bar. No entry on a session's first bar. Needs bars below one day. Source: Common
    practice of day traders; the averages are those of `ema_crossover`.
    """

    name: ClassVar[str] = "ema_scalper"

    def signals(self, market: Market, params: EmaScalperParams) -> Signals:
        """Crosses of every bar; `ConfigurationError` on bars that are too long for it."""
        sessions = sessions_of(market, self.name, bars=1 + BARS_OF_A_TRADE)
        fast, slow = self._averages(market, params)
        may = sessions.may_enter & can_be_placed(market, params.target, params.stop)
        above, below = crosses_above(fast, slow), crosses_above(slow, fast)
        up, down = may & above, may & below
        return sided(
            params.direction,
            up=up,
            down=down,
            exit_long=below | ~sessions.may_enter,
            exit_short=above | ~sessions.may_enter,
            stop_loss=stop_loss(market, params.stop, down),
            take_profit=take_profit(market, params.target, down),
        )

    def warmup_bars(self, params: EmaScalperParams) -> int:
        """The slow window, or the 14 bars of an ATR if those are more."""
        return max(params.slow, distance_warmup(params.target, params.stop))

    def chart_lines(self, market: Market, params: EmaScalperParams) -> list[ChartLine]:
        """Both averages."""
        fast, slow = self._averages(market, params)
        return [ChartLine(f"EMA {params.fast}", fast), ChartLine(f"EMA {params.slow}", slow)]

    def _averages(self, market: Market, params: EmaScalperParams) -> tuple[FloatArray, FloatArray]:
        close = market.close
        return exponential_average(close, params.fast), exponential_average(close, params.slow)
