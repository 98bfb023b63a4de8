"""The breakout from a Donchian channel, as the turtles traded it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from trading_pipeline.domain.rule_plan import Condition, Rule, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    sided_stops,
    stop_loss,
)
from trading_pipeline.strategies.lines import extremes_before, highest_before, lowest_before
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.windows import Window

__all__ = ["DonchianBreakout", "DonchianBreakoutParams"]


class DonchianBreakoutParams(StrategyParams):
    """Windows of entry and exit, a stop and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("exit", "entry"),
            "the exit window of {exit} bars must not be longer than the entry window of {entry}",
            or_equal=True,
        ),
    )

    entry: Window = 20
    """Bars whose highest high must be exceeded, the bar itself left out."""
    exit: Window = 10
    """Bars below whose lowest low the position is closed; at most as many as `entry`."""
    stop: Distance | None = "2 atr"
    """Distance of the stop loss, such as `2 atr`, `1.5 percent` or `10 points`; null: none."""
    direction: Direction = "long_only"
    """`long_short` also sells new lows."""


class DonchianBreakout(Strategy[DonchianBreakoutParams]):
    """Buy a close above the highest high of `entry` bars; sell one below the low of `exit` bars.

    A position that was stopped is opened again by the next close beyond the channel. The turtles
    bought during the bar and measured N, their ATR, over 20 bars; here closes decide, and the ATR
    is that of 14 bars. Source: Curtis Faith, Way of the Turtle (2007), systems 1 and 2.
    """

    name: ClassVar[str] = "donchian_breakout"

    def signals(self, market: Market, params: DonchianBreakoutParams) -> Signals:
        """Breakouts of every bar; none in the first `entry` bars or before the stop is known."""
        close = market.close
        high, low, exit_low, exit_high = self._channels(market, params)
        ready = can_be_placed(market, params.stop)
        down = ready & (close < low)
        return sided(
            params.direction,
            up=ready & (close > high),
            down=down,
            exit_long=close < exit_low,
            exit_short=close > exit_high,
            stop_loss=stop_loss(market, params.stop, down),
        )

    def sweep_plan(self, market: Market, many: Sequence[DonchianBreakoutParams]) -> RulePlan:
        """The close, and highs and lows of each distinct window."""
        lines, stop = SweepLines(len(many), many[0].direction), many[0].stop
        high, low = market.bars["high"].to_numpy(), market.bars["low"].to_numpy()
        close = lines.one(market.close)
        entries = lines.one(np.where(can_be_placed(market, stop), market.close, np.nan))
        entry, leave = whole_numbers_of(many, "entry"), whole_numbers_of(many, "exit")
        above = lines.all_at_once(entry, lambda w: extremes_before(high, w, np.maximum))
        below = lines.all_at_once(leave, lambda w: extremes_before(low, w, np.minimum))
        down: Rule = ()
        exit_short: Rule = ()
        if lines.direction == "long_short":
            lows = lines.all_at_once(entry, lambda w: extremes_before(low, w, np.minimum))
            highs = lines.all_at_once(leave, lambda w: extremes_before(high, w, np.maximum))
            down = [[Condition(entries, "below", lows)]]
            exit_short = [[Condition(close, "above", highs)]]
        return lines.rules(
            up=[[Condition(entries, "above", above)]],
            down=down,
            exit_long=[[Condition(close, "below", below)]],
            exit_short=exit_short,
            **sided_stops(market, stop),
        )

    def warmup_bars(self, params: DonchianBreakoutParams) -> int:
        """The entry window, or the 14 bars of an ATR if those are more."""
        return max(params.entry, distance_warmup(params.stop))

    def chart_lines(self, market: Market, params: DonchianBreakoutParams) -> list[ChartLine]:
        """The extremes that decide: of both sides with `long_short`."""
        high, low, exit_low, exit_high = self._channels(market, params)
        lines = [
            ChartLine(f"High {params.entry}", high, style="step"),
            ChartLine(f"Exit low {params.exit}", exit_low, style="step"),
        ]
        if params.direction == "long_short":
            lines.append(ChartLine(f"Low {params.entry}", low, style="step"))
            lines.append(ChartLine(f"Exit high {params.exit}", exit_high, style="step"))
        return lines

    def _channels(self, market: Market, params: DonchianBreakoutParams) -> tuple[FloatArray, ...]:
        high, low = market.bars["high"].to_numpy(), market.bars["low"].to_numpy()
        return (
            highest_before(high, params.entry),
            lowest_before(low, params.entry),
            lowest_before(low, params.exit),
            highest_before(high, params.exit),
        )
