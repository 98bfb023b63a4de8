"""Random runs by target weights, drawn from a seed so that rare orders are among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest import BacktestSettings, Rebalancing, TargetWeights
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline_tests.backtest.random_markets import frame


@dataclass(frozen=True)
class WeightRun:
    """What `run_portfolio_backtest` takes."""

    bars: dict[str, ValidatedBars]
    weights: TargetWeights
    settings: BacktestSettings
    others: dict[str, Any]


def weight_run(seed: int) -> WeightRun:
    """1 to 8 instruments on 1 to 90 bars: flat, coarse and wild prices, costs, shorts, gaps in the weights."""
    rng = np.random.default_rng(seed)

    def one_of(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    def mostly(common: Any, *rare: Any) -> Any:
        return common if rng.random() < 0.7 else one_of(*rare)

    def costs() -> dict[str, Any]:
        return {
            "commission_bps": one_of(0.0, 10.0, 50.0),
            "commission_per_order": mostly(0.0, 1.0, 20.0),
            "commission_per_share": mostly(0.0, 0.05),
            "commission_minimum": mostly(0.0, 5.0, 100.0),
            "commission_per_round_trip": mostly(0.0, 2.0),
            "slippage_bps": mostly(0.0, 5.0, 100.0),
            "slippage_price": mostly(0.0, 0.125, 60.0, 150.0),
            "allow_short": mostly(True, False),
            "lot_size": mostly(None, 1.0, 0.1, 100.0),
            "tick_size": mostly(None, 0.01, 0.25),
            "min_notional": mostly(0.0, 100.0, 5000.0),
            "multiplier": mostly(1.0, 5.0),
            "delta": mostly(1.0, 0.5),
            "periods_per_year": one_of(252.0, 365.0),
        }

    rows, count = one_of(1, 2, 3, 9, 40, 90), int(rng.integers(1, 9))
    names = [f"I{number}_1d" for number in range(count)]
    deviation = one_of(0.005, 0.03, 0.15, 0.5)
    bars = {name: _market(rng, rows, deviation) for name in names}
    leverage = one_of(1.0, 1.0, 2.0, 5.0)
    account = BacktestSettings(
        initial_cash=one_of(50.0, 1000.0, 1e5, 1e6), leverage=leverage, **costs()
    )
    own = {name: costs() for name in names if rng.random() < 0.7}
    index = next(iter(bars.values())).index
    keep = rng.random(rows) < one_of(0.3, 1.0)
    keep[int(rng.integers(rows))] = True
    columns = list(rng.permutation(names)) if rng.random() < 0.5 else names
    table = pd.DataFrame(_weights(rng, rows, count, leverage)[keep], index[keep], columns=names)
    return WeightRun(
        bars,
        TargetWeights(table[columns]),
        account,
        {
            "rebalancing": Rebalancing(
                calendar=one_of(None, None, "week", 3),
                threshold=one_of(None, None, 0.001, 0.02, 0.2),
            ),
            "instrument_settings": own if rng.random() < 0.4 else None,
            "priorities": {name: float(rng.integers(3)) for name in names},
        },
    )


def _market(rng: np.random.Generator, rows: int, deviation: float) -> ValidatedBars:
    """Bars that stand still, or walk; some on a grid, where prices are often equal."""
    close = np.full(rows, 50.0)
    open_ = close
    if rng.random() < 0.85:
        close = 100 * np.exp(np.cumsum(rng.normal(0, deviation, rows)))
        before = np.concatenate(([100.0], close[:-1]))
        open_ = before * np.exp(rng.normal(0, deviation / 2, rows))
    if rng.random() < 0.3:
        close, open_ = np.round(close * 2) / 2 + 0.5, np.round(open_ * 2) / 2 + 0.5
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return validate_bars(frame(np.column_stack((open_, high, low, close)).tolist()))


def _weights(rng: np.random.Generator, rows: int, count: int, leverage: float) -> Any:
    """Weights within the leverage, half of the time up to it; zeros, and NaN that leave earlier ones."""
    lowest = rng.choice([-0.5, 0.0])
    weights = rng.uniform(lowest, 1.0, (rows, count)) * leverage / count
    if rng.random() < 0.5:
        weights *= leverage / np.abs(weights).sum(axis=1, keepdims=True)
    if rng.random() < 0.05:
        weights[rng.random(weights.shape) < 0.2] *= 1e-300
    weights[rng.random(weights.shape) < rng.choice([0.0, 0.1, 0.4])] = 0.0
    # Where some are left out, the older ones in force must fit beside the new.
    missing = rng.choice([0.0, 0.0, 0.3, 0.7])
    if missing > 0.0:
        weights *= 0.5 if lowest == 0.0 else 0.4
        weights = np.clip(weights, -leverage / count, leverage / count)
        weights[rng.random(weights.shape) < missing] = np.nan
    weights[rng.random(rows) < rng.choice([0.0, 0.5, 0.9])] = np.nan
    return weights
