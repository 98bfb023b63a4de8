"""Breaks of a range at the beginning of a session: what the opening strategies share."""

from __future__ import annotations

import numpy as np

from trading_pipeline.domain.signals import BoolArray, FloatArray, Signals
from trading_pipeline.strategies.base import Direction
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import price_level
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sessions import Sessions

__all__ = ["BARS_OF_A_TRADE", "range_lines", "session_breaks"]

BARS_OF_A_TRADE = 3
"""The bar that decides, that of the entry, at whose close the exit is decided, and the last one."""


def session_breaks(
    market: Market,
    sessions: Sessions,
    of: BoolArray,
    *,
    direction: Direction,
    reward: float | None,
    with_candle: bool = False,
) -> Signals:
    """Each session's first close beyond the high, and the first beyond the low, of its bars `of`.

    The other end of the range is the stop; the target lies `reward` times the risk away. Every bar
    on which nothing may be entered closes what is open. `with_candle`: only breaks to the side to
    which the range's only bar closed.
    """
    bars, close = market.bars, market.close
    high, low = _ends(market, sessions, of)
    may = sessions.may_enter & ~of
    up, down = may & (close > high), may & (close < low)
    if with_candle:
        rise = sessions.highest(close - bars["open"].to_numpy(), of)
        up, down = up & (rise > 0.0), down & (rise < 0.0)
    # on the range's own bars its ends are not known yet
    stop = np.where(may, np.where(down, high, low), np.nan)
    target = None if reward is None else price_level(market, close + reward * (close - stop))
    return sided(
        direction,
        up=sessions.first_of_session(up),
        down=sessions.first_of_session(down),
        exit_long=~may,
        exit_short=~may,
        stop_loss=price_level(market, stop),
        take_profit=target,
    )


def range_lines(market: Market, sessions: Sessions, of: BoolArray) -> list[ChartLine]:
    """Both ends of the range, on the bars on which a break of it may be entered."""
    may = sessions.may_enter & ~of
    ends = (np.where(may, end, np.nan) for end in _ends(market, sessions, of))
    names = ("Range high", "Range low")
    return [ChartLine(name, end, style="step") for name, end in zip(names, ends, strict=True)]


def _ends(market: Market, sessions: Sessions, of: BoolArray) -> tuple[FloatArray, FloatArray]:
    bars = market.bars
    high = sessions.highest(bars["high"].to_numpy(), of)
    return high, sessions.lowest(bars["low"].to_numpy(), of)
