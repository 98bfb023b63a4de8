"""Seeded markets, signals and settings that the engine's benchmarks run on."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest import (
    BacktestSettings,
    CrossingPlan,
    Fraction,
    Signals,
    ValidatedBars,
    run_sweep,
)
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.strategies.crosses import crosses_above
from trading_pipeline.strategies.trend.moving_average import (
    simple_moving_average,
    simple_moving_averages,
)

__all__ = [
    "COSTS", "FAST", "SLOW", "STOPS", "averages_cross", "market", "share", "share_actions",
    "stop_signals", "sweep",
]  # fmt: skip

COSTS = BacktestSettings(initial_cash=1e6, commission_bps=10)
STOPS = COSTS.model_copy(
    update={"slippage_bps": 5, "stop_loss": 0.05, "take_profit": 0.1, "trailing_stop": 0.06}
)
FAST, SLOW = tuple(range(5, 45)), tuple(range(50, 300, 10))


def market(rows: int, seed: int = 1) -> pd.DataFrame:
    """A seeded random walk of minutes."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.0005, rows))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.001, rows)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.001, rows)))
    index = pd.date_range("1990-01-01", periods=rows, freq="min", tz="UTC", name="ts").as_unit("us")
    prices = {"open": open_, "high": high, "low": low, "close": close, "volume": 1e6}
    return pd.DataFrame(prices, index=index)


def share(rows: int, seed: int) -> pd.DataFrame:
    """A seeded random walk of business days."""
    days = pd.bdate_range("2000-01-03", periods=rows, tz="UTC", name="ts").as_unit("us")
    return market(rows, seed).set_index(days)


def share_actions(name: str, seed: int, bars: pd.DataFrame) -> list[CorporateAction]:
    """Two splits and a dividend each quarter, on days that differ between shares."""
    rows = np.arange(20 + 7 * seed % 65, len(bars), 65)
    effects = [("dividend", row, 0.3) for row in rows]
    effects += [("split", rows[len(rows) // 3], 2.0), ("split", rows[-3], 3.0)]
    return [
        CorporateAction(
            instrument=name, ex_date=bars.index[row].date(), kind=kind, value=value,
            source="benchmark", seen_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
        for kind, row, value in effects
    ]  # fmt: skip


def averages_cross(bars: ValidatedBars) -> tuple[Any, Any]:
    """(up, down) crosses of averages of 10 and 30 bars."""
    fast, slow = (simple_moving_average(bars.close, window) for window in (10, 30))
    return crosses_above(fast, slow), crosses_above(slow, fast)


def stop_signals(bars: ValidatedBars) -> Signals:
    """The crosses with a stop, a target and a trail on each position."""
    levels = {"stop_loss": Fraction(0.05), "take_profit": Fraction(0.1)}
    return Signals.long_only(*averages_cross(bars), trailing_stop=Fraction(0.06), **levels)


def sweep(bars: ValidatedBars, settings: BacktestSettings) -> Any:
    """1,000 combinations, the averages included."""
    rows = simple_moving_averages(bars.close, FAST + SLOW)
    pairs = np.array(
        [(FAST.index(f), len(FAST) + SLOW.index(s)) for f, s in itertools.product(FAST, SLOW)]
    )
    return run_sweep(bars, CrossingPlan(rows=rows, pairs=pairs), settings)
