"""Random markets, decisions and settings of every kind for the oracle's comparison.

Prices lie on a grid of halves times a power of two, so that levels are often touched exactly at any
scale. Markets gap, stand still, lose their volume and last one bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
    SessionClose,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline_tests.backtest.random_markets import mostly

_FRACTIONS = [1 / 64, 1 / 32, 1 / 16]


@dataclass(frozen=True)
class RandomMarket:
    """Bars, and the grid's step, by which levels keep their distance to the prices."""

    bars: pd.DataFrame
    step: float


@st.composite
def markets(draw: st.DrawFn, *, most: int = 30) -> RandomMarket:
    """Bars of one instrument on daily or intraday stamps from 2024-03-07, before clocks change."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.one_of(st.just(1), st.integers(2, most), st.integers(most // 2, most)))
    freq = draw(st.sampled_from(["D", "6h", "h"]))
    index = pd.date_range("2024-03-07", periods=rows, freq=freq, tz="UTC", name="ts").as_unit("us")
    scale = draw(mostly(1.0, 2.0**-20, 2.0**20))
    return RandomMarket(_bars(rng, index, scale), 0.5 * scale)


def _bars(rng: np.random.Generator, index: pd.DatetimeIndex, scale: float) -> pd.DataFrame:
    still, last, rows = rng.random() < 0.1, 80, []
    dry = rng.choice([0.0, 0.3])
    for _ in range(len(index)):
        o = last if still else max(last + int(rng.choice([0, 0, 0, 1, -1, 2, -2, 6, -6])), 20)
        width = 0 if still or rng.random() < 0.1 else 5
        c = max(o + int(rng.integers(-width, width + 1)), 20)
        high = max(o, c) + int(rng.integers(0, width + 1))
        low = min(o, c) - int(rng.integers(0, width + 1))
        rows.append((o, high, low, c))
        last = c
    prices = np.array(rows, dtype=float) * 0.5 * scale
    bars = pd.DataFrame(prices, index=index, columns=["open", "high", "low", "close"])
    volume = rng.choice([4.0, 50.0, 1000.0], len(index))
    return bars.assign(volume=np.where(rng.random(len(index)) < dry, 0.0, volume))


@st.composite
def decisions(draw: st.DrawFn, market: RandomMarket, *, orders: bool = True) -> Signals:
    """Random decisions; price levels on the side where they belong, orders near the close."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    close, step = market.bars["close"].to_numpy(), market.step
    rows = len(close)
    density = draw(st.sampled_from([0.03, 0.1, 0.3]))
    flags = [rng.random(rows) < share for share in (0.3, density, density, density)]
    side = np.where(flags[0] & ~flags[1] & ~flags[2], 1.0, -1.0)

    def some(price: np.ndarray, blank: float) -> Any:
        holes = rng.random(rows) < blank
        kind = draw(st.sampled_from(["none", "one", "fractions", "prices", "prices"]))
        if kind == "none":
            return None
        if kind == "one":
            return Fraction(rng.choice(_FRACTIONS))
        if kind == "fractions":
            return Fraction(np.where(holes, np.nan, rng.choice(_FRACTIONS, rows)))
        return Price(np.where(holes, np.nan, np.maximum(price, step)))

    def away(most: int) -> np.ndarray:
        return rng.integers(1, most, rows) * step

    limit = stop_price = None
    if orders:
        limit = some(close - side * rng.integers(-2, 6, rows) * step, 0.5)
        stop_price = some(close + side * rng.integers(-2, 6, rows) * step, 0.6)
    # Price levels lie beyond any order price, which is at most 6 steps or 1/16 from the close.
    far = (8.0 * step + close / 15.0) if orders else 0.0
    size = None
    if draw(st.integers(0, 3)) == 0:
        size = np.where(rng.random(rows) < 0.5, np.nan, rng.choice([0.0, 0.25, 1.0, 1.5], rows))
    return Signals(
        entry_long=flags[0],
        exit_long=flags[1],
        entry_short=flags[2],
        exit_short=flags[3],
        size=size,
        limit_price=limit,
        stop_price=stop_price,
        stop_loss=some(close - side * (away(8) + far), 0.15),
        take_profit=some(close + side * (away(8) + far), 0.15),
        trailing_stop=some(away(8), 0.15),
    )


sizings = st.one_of(
    st.sampled_from([0.3, 1.0, 2.0]).map(lambda x: PercentOfEquity(percent=x)),
    st.sampled_from([0.5, 7.0, 500.0]).map(lambda x: FixedQuantity(quantity=x)),
    st.sampled_from([1.0, 500.0, 5000.0]).map(lambda x: FixedCash(cash=x)),
    st.sampled_from([0.01, 0.1]).map(lambda x: PercentAtRisk(percent=x)),
    st.sampled_from([0.25, 1.0, 2.0]).map(lambda x: TargetWeight(weight=x)),
    st.builds(
        VolatilityTarget,
        annual_volatility=st.sampled_from([0.1, 1.0]),
        lookback_bars=st.sampled_from([2, 5]),  # few enough to be summed in one order
        maximum_weight=st.sampled_from([0.5, 2.0]),
    ),
)

#: Settings of the account: one set for all its instruments.
account_settings = st.fixed_dictionaries(
    {
        "initial_cash": st.sampled_from([1000.0, 100_000.0]),
        "fill": st.sampled_from(["next_open", "next_open", "same_close"]),
        "leverage": mostly(1.0, 3.0),
        "maintenance_margin": mostly(None, 0.25, 0.6),
        "daily_profit_target": mostly(None, 20.0),
        "daily_loss_limit": mostly(None, 20.0),
        "cash_rate": mostly(0.0, 0.1),
        "session_close": mostly(
            None,
            SessionClose(time="16:00", zone="America/New_York"),
            SessionClose(time="17:30", zone="Europe/Berlin"),
        ),
        "periods_per_year": st.sampled_from([252.0, 8760.0]),
    }
)

#: Settings that each instrument has for itself.
instrument_settings = st.fixed_dictionaries(
    {
        "intrabar": st.sampled_from(["pessimistic", "optimistic", "ohlc_path"]),
        "limit_fill": st.sampled_from(["through", "touch"]),
        "time_in_force": st.sampled_from(["gtc", "gtc", "day", 1, 2, 3]),
        "sizing": sizings,
        "pyramiding": mostly(1, 2, 4),
        "commission_bps": st.sampled_from([0.0, 10.0]),
        "maker_commission_bps": mostly(None, 2.0),
        "commission_per_order": mostly(0.0, 1.0),
        "commission_per_share": mostly(0.0, 0.05),
        "commission_minimum": mostly(0.0, 5.0),
        "commission_per_round_trip": mostly(0.0, 2.0),
        "slippage_bps": mostly(0.0, 5.0, 100.0),
        "slippage_price": mostly(0.0, 0.125),
        "slippage_volume_share": mostly(0.0, 0.1, 4.0),
        "maximum_participation": mostly(None, 0.02, 0.25),
        "unfilled": st.sampled_from(["cancel", "keep"]),
        "allow_short": mostly(True, False),
        "lot_size": mostly(None, 1.0, 0.1),
        "tick_size": mostly(None, 0.01, 0.25),
        "min_notional": mostly(0.0, 100.0),
        "multiplier": mostly(1.0, 5.0),
        "delta": mostly(1.0, 0.5),
        "stop_loss": mostly(None, 0.03125),
        "take_profit": mostly(None, 0.03125),
        "trailing_stop": mostly(None, 0.03125),
        "max_holding_bars": mostly(None, 1, 3),
        "borrow_rate": mostly(0.0, 0.2),
        "funding_rate": mostly(0.0, 0.2, -0.2),
    }
)


@st.composite
def whole_settings(draw: st.DrawFn) -> BacktestSettings:
    """Settings of every kind for one instrument."""
    return BacktestSettings(**draw(account_settings), **draw(instrument_settings))


actions_of = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 12), st.just("split"), st.sampled_from([2.0, 0.5, 1.5])),
        st.tuples(st.integers(1, 12), st.just("dividend"), st.sampled_from([0.25, 3.0])),
    ),
    max_size=3,
    unique_by=lambda each: (each[0], each[1]),
)


@dataclass(frozen=True)
class SharedMarket:
    """Several instruments on the same stamps; `present` says which bars each has."""

    index: pd.DatetimeIndex
    markets: list[RandomMarket]
    present: list[np.ndarray]


@st.composite
def shared_markets(draw: st.DrawFn, *, most: int = 24) -> SharedMarket:
    """Two to four instruments that miss bars now and then; each stamp has one of them at least."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, count = draw(st.integers(1, most)), draw(st.integers(2, 4))
    freq = draw(st.sampled_from(["D", "6h", "h"]))
    index = pd.date_range("2024-03-07", periods=rows, freq=freq, tz="UTC", name="ts").as_unit("us")
    scales = [draw(mostly(1.0, 2.0**-20, 2.0**10)) for _ in range(count)]
    found = [RandomMarket(_bars(rng, index, scale), 0.5 * scale) for scale in scales]
    holes = rng.choice([0.0, 0.2])
    present = [rng.random(rows) >= holes for _ in range(count)]
    present[0] = present[0] | ~np.any(present, axis=0)
    return SharedMarket(index, found, present)


@st.composite
def target_weights(draw: st.DrawFn, rows: int, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(weights by bar, bars at which they are restored, threshold)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.choice([-0.5, 0.0, 0.25, 0.5, 1.0], (rows, count))
    weights[rng.random((rows, count)) < draw(st.sampled_from([0.1, 0.8]))] = np.nan
    rebalance = rng.random(rows) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    return weights, rebalance, draw(st.sampled_from([0.0, 0.05, 0.3]))
