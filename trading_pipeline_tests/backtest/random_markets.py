"""Small markets for tests: from given prices, random ones, and the golden series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
)

FIRST_DAY = date(2024, 1, 1)


def frame(rows: Sequence[Sequence[float]], start: str = "2024-01-01") -> pd.DataFrame:
    """Daily bars from (open, high, low, close) rows."""
    index = pd.date_range(start, periods=len(rows), tz="UTC", name="ts").as_unit("us")
    bars = pd.DataFrame(
        np.array(rows, dtype=float).reshape(-1, 4), columns=["open", "high", "low", "close"]
    )
    return bars.assign(volume=1000.0).set_axis(index, axis=0)


def flat_bars(*prices: float) -> pd.DataFrame:
    """Bars that do not move inside: open, high, low and close are one price."""
    return frame([(price,) * 4 for price in prices])


def at(rows: int, *where: int) -> np.ndarray:
    """Bool array that is True at the given positions."""
    flags = np.zeros(rows, dtype=bool)
    flags[list(where)] = True
    return flags


def orders_at(
    rows: int,
    *,
    buy: Sequence[int] = (),
    sell: Sequence[int] = (),
    short: Sequence[int] = (),
    cover: Sequence[int] = (),
    **others: Any,
) -> Signals:
    """Signals at the given bars."""
    return Signals(
        entry_long=at(rows, *buy),
        exit_long=at(rows, *sell),
        entry_short=at(rows, *short),
        exit_short=at(rows, *cover),
        **others,
    )


def action(day: int, kind: Any, value: float) -> CorporateAction:
    """Action with the ex-date `day` days after the first bar."""
    return CorporateAction(
        instrument="TEST_1d",
        ex_date=FIRST_DAY + timedelta(days=day),
        kind=kind,
        value=value,
        source="test",
        seen_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


_seeds = st.integers(0, 2**32 - 1)


@st.composite
def bar_rows(draw: st.DrawFn, least: int = 2, most: int = 40) -> list[tuple[float, ...]]:
    """Bars on a grid of halves, with gaps: levels are then often touched exactly."""
    rng = np.random.default_rng(draw(_seeds))
    rows, last = [], 80
    for _ in range(draw(st.integers(least, most))):
        o = max(last + int(rng.choice([0, 0, 0, 1, -1, 2, -2, 6, -6])), 20)
        c = max(o + int(rng.integers(-4, 5)), 20)
        high, low = max(o, c) + int(rng.integers(0, 5)), min(o, c) - int(rng.integers(0, 5))
        rows.append((o / 2, high / 2, low / 2, c / 2))
        last = c
    return rows


@st.composite
def signals_for(draw: st.DrawFn, bars: Sequence[Sequence[float]]) -> Signals:
    """Random decisions; price levels lie near the close, mostly on the side where they belong."""
    rows = len(bars)
    rng = np.random.default_rng(draw(_seeds))
    close = np.array([bar[3] for bar in bars])

    def level(kind: str, price: np.ndarray, fractions: list[float]) -> Any:
        blank = rng.random(rows) < 0.15
        if kind == "one":
            return Fraction(rng.choice(fractions))
        if kind == "fractions":
            return Fraction(np.where(blank, np.nan, rng.choice(fractions, rows)))
        if kind == "prices":
            return Price(np.where(blank, np.nan, np.maximum(price, 0.5)))
        return None

    kinds = st.sampled_from(["none", "one", "fractions", "prices", "prices"])
    side = np.where(rng.random(rows) < 0.7, 1.0, -1.0)
    density = draw(st.sampled_from([0.05, 0.15, 0.3, 0.6]))
    size = None
    if draw(st.integers(0, 3)) == 0:
        size = np.where(rng.random(rows) < 0.5, np.nan, rng.uniform(0.0, 1.5, rows))
    entry_long, exit_long = rng.random(rows) < 0.3, rng.random(rows) < density
    entry_short, exit_short = rng.random(rows) < density, rng.random(rows) < density
    # Prices lie on the side where they belong; a gap may still open beyond them.
    side = np.where(entry_long & ~exit_long & ~entry_short, 1, -1)
    return Signals(
        entry_long=entry_long,
        exit_long=exit_long,
        entry_short=entry_short,
        exit_short=exit_short,
        size=size,
        stop_loss=level(
            draw(kinds), close - side * rng.integers(1, 8, rows) / 2, [1 / 64, 1 / 32, 1 / 16]
        ),
        take_profit=level(
            draw(kinds), close + side * rng.integers(1, 8, rows) / 2, [1 / 64, 1 / 32, 1 / 16]
        ),
        trailing_stop=level(draw(kinds), rng.integers(1, 8, rows) / 2, [1 / 64, 1 / 32, 1 / 16]),
    )


def mostly(common: Any, *others: Any) -> st.SearchStrategy[Any]:
    """One value in most draws, so that rare settings do not hide each other."""
    return st.sampled_from([common] * (2 * len(others)) + list(others))


settings_for = st.builds(
    BacktestSettings,
    initial_cash=st.sampled_from([1000.0, 100_000.0]),
    fill=st.sampled_from(["next_open", "same_close"]),
    intrabar=st.sampled_from(["pessimistic", "optimistic", "ohlc_path"]),
    limit_fill=st.sampled_from(["through", "touch"]),
    sizing=st.one_of(
        st.sampled_from([0.3, 1.0, 2.0]).map(lambda x: PercentOfEquity(percent=x)),
        st.sampled_from([0.5, 7.0, 500.0]).map(lambda x: FixedQuantity(quantity=x)),
        st.sampled_from([1.0, 500.0, 5000.0]).map(lambda x: FixedCash(cash=x)),
        st.sampled_from([0.01, 0.1]).map(lambda x: PercentAtRisk(percent=x)),
    ),
    commission_bps=st.sampled_from([0.0, 10.0]),
    maker_commission_bps=mostly(None, 2.0),
    commission_per_order=mostly(0.0, 1.0),
    commission_per_share=mostly(0.0, 0.05),
    commission_minimum=mostly(0.0, 5.0),
    commission_per_round_trip=mostly(0.0, 2.0),
    slippage_bps=mostly(0.0, 5.0, 100.0),
    slippage_price=mostly(0.0, 0.125),
    allow_short=mostly(True, False),
    leverage=mostly(1.0, 3.0),
    lot_size=mostly(None, 1.0, 0.1),
    tick_size=mostly(None, 0.01, 0.25),
    min_notional=mostly(0.0, 100.0),
    multiplier=mostly(1.0, 5.0),
    delta=mostly(1.0, 0.5),
    stop_loss=mostly(None, 0.03125),
    take_profit=mostly(None, 0.03125),
    trailing_stop=mostly(None, 0.03125),
    max_holding_bars=mostly(None, 1, 3),
)


@lru_cache
def golden_market(name: str) -> pd.DataFrame:
    """GOOG of backtesting.test, or S&P 500 of arch with high and low widened to hold open and close."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "goog":
            from backtesting import test

            given = test.GOOG
        else:
            from arch.data import sp500

            given = sp500.load()
    bars = given.rename(columns=str.lower)[["open", "high", "low", "close", "volume"]]
    bars = bars.astype("float64")
    prices = bars[["open", "high", "low", "close"]]
    bars = bars.assign(high=prices.max(axis=1), low=prices.min(axis=1))
    index = pd.DatetimeIndex(bars.index).tz_localize("UTC").as_unit("us").rename("ts")
    return bars.set_axis(index, axis=0)


def sma_signals(bars: pd.DataFrame, fast: int, slow: int, mode: str) -> Signals:
    """Strict crosses of two moving averages of the close."""
    close = bars["close"]
    quick, sluggish = close.rolling(fast).mean(), close.rolling(slow).mean()
    above, below = (quick > sluggish), (quick < sluggish)
    up = (above & (quick <= sluggish).shift(1, fill_value=False)).to_numpy()
    down = (below & (quick >= sluggish).shift(1, fill_value=False)).to_numpy()
    if mode == "long":
        return Signals.long_only(up, down)
    never = np.zeros(len(bars), dtype=bool)
    return Signals(entry_long=up, exit_long=never, entry_short=down, exit_short=never)
