"""The same work done by vectorbt and backtesting.py; None if one is not installed.

Each is called in the fastest way we found and does the work that is timed for this engine: final
equity, the equity of every bar and the table of trades for single runs, three metrics for sweeps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engine_markets import FAST, SLOW

__all__ = [
    "Work",
    "backtesting_run",
    "vectorbt_portfolio",
    "vectorbt_rsi_sweep",
    "vectorbt_run",
    "vectorbt_sweep",
    "vectorbt_weights",
]

Work = Callable[[], Any]


def _later(flags: Any) -> Any:
    """Flags one row later: vectorbt fills on the row of the signal."""
    return np.concatenate((np.zeros_like(flags[:1]), flags[:-1]))


def vectorbt_run(frame: pd.DataFrame, up: Any, down: Any) -> Work | None:
    """One run by vectorbt, on plain arrays."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    buy, sell = _later(up), _later(down)
    close, open_ = frame["close"].to_numpy(), frame["open"].to_numpy()

    def run() -> Any:
        portfolio = vbt.Portfolio.from_signals(
            close, entries=buy, exits=sell, price=open_, size=np.inf, fees=0.001, init_cash=1e6,
            direction="longonly",
        )  # fmt: skip
        return portfolio.final_value(), portfolio.value(), portfolio.trades.records

    return run


def vectorbt_portfolio(frames: Mapping[str, pd.DataFrame], up: Any, down: Any) -> Work | None:
    """Signals of many instruments on shared cash by vectorbt; fixed cash per entry."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    close = np.column_stack([frame["close"].to_numpy() for frame in frames.values()])
    open_ = np.column_stack([frame["open"].to_numpy() for frame in frames.values()])
    buy, sell = _later(up), _later(down)

    def run() -> Any:
        portfolio = vbt.Portfolio.from_signals(
            close, entries=buy, exits=sell, price=open_, size=1e4, size_type="value", fees=0.001,
            init_cash=1e6, direction="longonly", group_by=True, cash_sharing=True,
        )  # fmt: skip
        return portfolio.final_value(), portfolio.value(), portfolio.trades.records

    return run


def vectorbt_weights(frames: Mapping[str, pd.DataFrame], weights: Any) -> Work | None:
    """Target weights of many instruments on shared cash by vectorbt; NaN rows leave them as they
    are.
    """
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    close = np.column_stack([frame["close"].to_numpy() for frame in frames.values()])
    open_ = np.column_stack([frame["open"].to_numpy() for frame in frames.values()])
    later = np.concatenate((np.full_like(weights[:1], np.nan), weights[:-1]))

    def run() -> Any:
        portfolio = vbt.Portfolio.from_orders(
            close, size=later, size_type="targetpercent", price=open_, val_price=open_, fees=0.001,
            init_cash=1e6, group_by=True, cash_sharing=True, call_seq="auto",
        )  # fmt: skip
        return portfolio.final_value(), portfolio.value(), portfolio.trades.records

    return run


def vectorbt_sweep(frame: pd.DataFrame, combinations: int) -> Work | None:
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


def vectorbt_rsi_sweep(frame: pd.DataFrame, combinations: int) -> Work | None:
    """Buys where the RSI falls below a level, sells where it is back at 50, by vectorbt."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    windows = [5 + number % 20 for number in range(combinations)]
    levels = [20.0 + number // 20 for number in range(combinations)]

    def run() -> Any:
        line = vbt.RSI.run(frame["close"], windows, ewm=True).rsi.to_numpy()
        falls = np.zeros_like(line, dtype=bool)
        falls[1:] = (line[1:] < levels) & (line[:-1] >= levels)
        portfolio = vbt.Portfolio.from_signals(
            frame["close"], entries=_later(falls), exits=_later(line >= 50.0), price=frame["open"],
            size=np.inf, fees=0.001, init_cash=1e6, freq="min",
        )  # fmt: skip
        return portfolio.max_drawdown(), portfolio.sharpe_ratio(), portfolio.trades.count()

    return run


def backtesting_run(frame: pd.DataFrame, up: Any, down: Any) -> Work | None:
    """One run by backtesting.py."""
    try:
        import backtesting
    except ImportError:
        return None
    # Its progress bar would be drawn over the table.
    backtesting.backtesting._tqdm = lambda rows, **_: rows

    class Crossing(backtesting.Strategy):
        def init(self) -> None:
            self.up = self.I(lambda: up.astype(float))
            self.down = self.I(lambda: down.astype(float))

        def next(self) -> None:
            if self.up[-1]:
                self.buy()
            elif self.down[-1] and self.position:
                self.position.close()

    named = frame.rename(columns=str.capitalize).tz_localize(None)
    test = backtesting.Backtest(named, Crossing, cash=1e12, commission=0.001, finalize_trades=False)
    return lambda: float(test.run()["Equity Final [$]"])
