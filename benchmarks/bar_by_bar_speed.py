"""How fast strategies decide bar by bar, beside the same rule on whole arrays.

Run `uv run python -m benchmarks.bar_by_bar_speed`. CPU time of one process, best of three.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from trading_pipeline.features.indicators import indicator_arrays
from trading_pipeline.strategies import (
    BarByBarStrategy,
    History,
    Market,
    Signal,
    SignalType,
    StrategyParams,
    strategy,
    validate_params,
)
from trading_pipeline.strategies.fresh_strategies import fresh_signals
from trading_pipeline.strategies.lookahead_check import audit_strategy

BARS, FAST, SLOW = 5_000, 10, 30
Value = Callable[[History], float]


class Rule(BarByBarStrategy[StrategyParams]):
    """Buy where a value rises above 0, sell where it falls below."""

    name = "rule"

    def __init__(self, value: Value) -> None:
        self.value = value

    def on_start(self) -> None:
        """Nothing is known yet."""
        self.before = 0.0

    def on_bar(self, history: History) -> Signal:
        """The value's crossing of 0."""
        if len(history) < SLOW:
            return Signal(SignalType.HOLD)
        before, self.before = self.before, self.value(history)
        if before <= 0.0 < self.before:
            return Signal(SignalType.BUY)
        if self.before <= 0.0 < before:
            return Signal(SignalType.SELL)
        return Signal(SignalType.HOLD)


def averages(history: History) -> float:
    """Fast average less the slow one."""
    close = history.close
    return float(close[-FAST:].mean() - close[-SLOW:].mean())


def of_frame(history: History) -> float:
    """The same from a frame of all bars so far."""
    close = history.bars["close"]
    return float(close.iloc[-FAST:].mean() - close.iloc[-SLOW:].mean())


def of_library(history: History) -> float:
    """An RSI of TA-Lib of the last 200 closes, less 50."""
    close = pd.Series(history.close[-200:])
    return float(indicator_arrays("RSI", close, source="close", timeperiod=14)[0][-1] - 50.0)


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def run(rule: Rule, market: Market) -> None:
    """All signals of a rule."""
    rule.signals(market, StrategyParams())


def cpu_seconds(work: Callable[[], object]) -> float:
    """Least CPU seconds of three calls."""
    took = []
    for _ in range(3):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def main() -> None:
    """Print bars a second of each form, and the cost of one audit."""
    steps = np.random.default_rng(1).normal(0.0, 0.01, BARS)
    close = 100.0 * np.exp(np.cumsum(steps))
    days = pd.date_range("2000-01-01", periods=BARS, tz="UTC", name="ts").as_unit("us")
    prices = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    market, none = Market(pd.DataFrame({**prices, "volume": 1.0}, index=days)), StrategyParams()
    crossover, params = strategy("sma_crossover"), validate_params("sma_crossover", {})
    crossover.signals(market, params)
    whole = cpu_seconds(lambda: crossover.signals(market, params))
    write(f"{'signals of all bars at once':<34} {BARS / whole:>13,.0f} bars a second")
    for name, value in (
        ("on_bar, two averages", averages),
        ("on_bar, a frame at each bar", of_frame),
        ("on_bar, TA-Lib at each bar", of_library),
    ):
        rule = Rule(value)
        rule.signals(market.head(100), none)
        took = cpu_seconds(partial(run, rule, market))
        write(f"{name:<34} {BARS / took:>13,.0f} bars a second, 1 : {took / whole:,.0f}")
    rule = Rule(averages)
    once = cpu_seconds(partial(run, rule, market))
    audit = cpu_seconds(
        lambda: audit_strategy(
            lambda seen: rule.signals(seen, none),
            market,
            memory=SLOW,
            fresh=fresh_signals(rule, none),
        )
    )
    write(f"{'audit for look-ahead':<34} {audit / once:>13,.0f} runs")


if __name__ == "__main__":
    main()
