"""This file holds the engine's speed measurement; it prints the table of docs/engine.md.

Run `python benchmarks/engine_speed.py`. Process CPU time (all threads added up), best of several, after
one warm-up; vectorbt and backtesting.py are measured in the same process where they are installed.
Data is a seeded random walk, averages of 10 and 30 bars, 10 bps a fill, full equity.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest import (
    BacktestSettings,
    CrossingPlan,
    Fraction,
    Signals,
    ValidatedBars,
    run_backtest,
    run_sweep,
    validate_bars,
)
from trading_pipeline.strategies.moving_average import crosses_above, simple_moving_average

COSTS = BacktestSettings(initial_cash=1e6, commission_bps=10)
STOPS = COSTS.model_copy(
    update={"slippage_bps": 5, "stop_loss": 0.05, "take_profit": 0.1, "trailing_stop": 0.06}
)
FAST, SLOW = tuple(range(5, 45)), tuple(range(50, 300, 10))


def market(rows: int) -> pd.DataFrame:
    """A seeded random walk of minutes."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.0005, rows))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.001, rows)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.001, rows)))
    index = pd.date_range("1990-01-01", periods=rows, freq="min", tz="UTC", name="ts").as_unit("us")
    prices = {"open": open_, "high": high, "low": low, "close": close, "volume": 1e6}
    return pd.DataFrame(prices, index=index)


def measure(work: Callable[[], Any], times: int) -> tuple[float, float]:
    """(process CPU seconds, wall seconds), the best of `times` calls after one warm-up."""
    work()
    cpu = wall = np.inf
    for _ in range(times):
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        cpu = min(cpu, time.process_time() - began_cpu)
        wall = min(wall, time.perf_counter() - began)
    return cpu, wall


def averages_cross(bars: ValidatedBars) -> tuple[Any, Any]:
    """(up, down) crosses of averages of 10 and 30 bars."""
    fast, slow = (simple_moving_average(bars.close, window) for window in (10, 30))
    return crosses_above(fast, slow), crosses_above(slow, fast)


def sweep(bars: ValidatedBars, settings: BacktestSettings) -> Any:
    """1,000 combinations, the averages included."""
    windows = FAST + SLOW
    rows = np.array([simple_moving_average(bars.close, window) for window in windows])
    pairs = np.array(
        [(FAST.index(f), len(FAST) + SLOW.index(s)) for f, s in itertools.product(FAST, SLOW)]
    )
    return run_sweep(bars, CrossingPlan(rows=rows, pairs=pairs), settings)


def vectorbt_run(frame: pd.DataFrame, up: Any, down: Any) -> Callable[[], Any] | None:
    """The same run by vectorbt, or None where it is not installed."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    buy, sell = (np.concatenate(([False], x[:-1])) for x in (up, down))
    close, open_ = frame["close"].to_numpy(), frame["open"].to_numpy()

    def run() -> float:  # arrays and no equity: the fastest way through vectorbt that was found
        portfolio = vbt.Portfolio.from_signals(
            close, entries=buy, exits=sell, price=open_, size=np.inf, fees=0.001, init_cash=1e6,
            direction="longonly",
        )  # fmt: skip
        portfolio.trades.records  # noqa: B018 - the work is done when it is asked for
        return float(portfolio.final_value())

    return run


def vectorbt_sweep(frame: pd.DataFrame, combinations: int) -> Callable[[], Any] | None:
    """The first combinations of the sweep by vectorbt, with the same metrics."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    chosen = list(itertools.product(FAST, SLOW))[:combinations]
    fast, slow = [c[0] for c in chosen], [c[1] for c in chosen]

    def run() -> Any:
        quick = vbt.MA.run(frame["close"], fast)
        sluggish = vbt.MA.run(frame["close"], slow)
        portfolio = vbt.Portfolio.from_signals(
            frame["close"],
            entries=quick.ma_crossed_above(sluggish).vbt.fshift(1),
            exits=quick.ma_crossed_below(sluggish).vbt.fshift(1),
            price=frame["open"], size=np.inf, fees=0.001, init_cash=1e6, freq="min",
        )  # fmt: skip
        return portfolio.max_drawdown(), portfolio.sharpe_ratio(), portfolio.trades.count()

    return run


def backtesting_run(frame: pd.DataFrame, up: Any, down: Any) -> Callable[[], Any] | None:
    """The same run by backtesting.py, or None where it is not installed."""
    try:
        from backtesting import Backtest, Strategy
    except ImportError:
        return None

    class Crossing(Strategy):
        def init(self) -> None:
            self.up = self.I(lambda: up.astype(float))
            self.down = self.I(lambda: down.astype(float))

        def next(self) -> None:
            if self.up[-1]:
                self.buy()
            elif self.down[-1] and self.position:
                self.position.close()

    named = frame.rename(columns=str.capitalize).tz_localize(None)
    test = Backtest(named, Crossing, cash=1e12, commission=0.001, finalize_trades=False)
    return lambda: float(test.run()["Equity Final [$]"])


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    lines = [("work", "ours", "vectorbt", "ratio", "backtesting.py", "ratio")]
    for rows, times in ((5_000, 300), (1_000_000, 7)):
        frame = market(rows)
        bars = validate_bars(frame)
        up, down = averages_cross(bars)
        signals = Signals.long_only(up, down)
        _, ours = measure(lambda b=bars, s=signals: run_backtest(b, s, COSTS), times)
        peer, slow = vectorbt_run(frame, up, down), None
        theirs = measure(peer, 5)[1] if peer else np.nan
        if rows <= 5_000:
            slow = backtesting_run(frame, up, down)
        slowest = measure(slow, 2)[1] if slow else np.nan
        lines.append(
            (f"one run, {rows:,} bars, wall ms", f"{ours * 1e3:.3f}", f"{theirs * 1e3:.1f}",
             f"{theirs / ours:.0f}", f"{slowest * 1e3:.0f}", f"{slowest / ours:.0f}")
        )  # fmt: skip
        if rows <= 5_000:
            _, unchecked = measure(lambda f=frame, s=signals: run_backtest(f, s, COSTS), times)
            lines.append(
                ("the same with checking the frame", f"{unchecked * 1e3:.3f}", f"{theirs * 1e3:.1f}",
                 f"{theirs / unchecked:.0f}", "", "")
            )  # fmt: skip
    for rows, times, some in ((5_000, 10, 100), (100_000, 3, 20)):
        frame = market(rows)
        bars = validate_bars(frame)
        ours, wall = measure(lambda b=bars: sweep(b, COSTS), times)
        peer = vectorbt_sweep(frame, some)
        unit = rows * 1_000 / 1e9
        theirs = measure(peer, 1)[0] / (rows * some / 1e9) if peer else np.nan
        lines.append(
            (f"sweep of 1,000, {rows:,} bars, CPU ns a bar and combination ({wall:.3f} s wall)",
             f"{ours / unit:.2f}", f"{theirs:.0f}", f"{theirs / (ours / unit):.0f}", "", "")
        )  # fmt: skip
        stops, _ = measure(lambda b=bars: sweep(b, STOPS), times)
        lines.append(
            (f"sweep with stop, target, trail, slippage, {rows:,} bars, CPU ns",
             f"{stops / unit:.2f}", "", "", "", "")
        )  # fmt: skip
    for rows, times in ((5_000, 300), (100_000, 30), (1_000_000, 7)):
        bars = validate_bars(market(rows))
        levels = {"stop_loss": Fraction(0.05), "take_profit": Fraction(0.1)}
        signals = Signals.long_only(*averages_cross(bars), trailing_stop=Fraction(0.06), **levels)
        ours, _ = measure(lambda b=bars, s=signals: run_backtest(b, s, STOPS), times)
        lines.append(
            (f"one run with stops, {rows:,} bars, CPU ns a bar", f"{ours / rows * 1e9:.2f}",
             "", "", "", "")
        )  # fmt: skip
    for number, line in enumerate(lines):
        sys.stdout.write("| " + " | ".join(line) + " |\n")
        if not number:
            sys.stdout.write("|---" * len(line) + "|\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"\nPeak memory of this process, peers included: {peak} MB\n")


if __name__ == "__main__":
    main()
