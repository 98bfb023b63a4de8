"""What the tests of strategies share: small markets, with and without predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.strategies import Market, strategy, validate_params

# A busy machine or a first compilation is no failure of a property.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


MakeMarket = Callable[..., Market]


def bars_of(closes: Sequence[float], start: str = "2024-01-01") -> pd.DataFrame:
    """Bars whose four prices are one value a day."""
    values = np.asarray(closes, dtype=np.float64)
    index = pd.date_range(start, periods=len(values), tz="UTC", name="ts").as_unit("us")
    columns = dict.fromkeys(("open", "high", "low", "close"), values)
    return pd.DataFrame(columns | {"volume": np.full(len(values), 100.0)}, index=index)


def ohlc_of(rows: Sequence[Sequence[float]], index: pd.DatetimeIndex | None = None) -> pd.DataFrame:
    """Bars from rows of open, high, low and close; one a day unless `index` says when."""
    bars = bars_of([row[3] for row in rows])
    bars[["open", "high", "low", "close"]] = np.array(rows, dtype=np.float64)
    return bars if index is None else bars.set_axis(index.as_unit("us").rename("ts"), axis=0)


def market_of(rows: Sequence[Sequence[float]]) -> Market:
    """A market of daily rows of open, high, low and close."""
    return Market(ohlc_of(rows))


def in_sessions(
    rows: Sequence[Sequence[float]],
    start: str,
    *,
    timeframe: str = "30m",
    calendar: str = "XNYS",
) -> Market:
    """A market of intraday rows of open, high, low and close, one after the other from `start`."""
    length = Timeframe(timeframe).length
    index = pd.date_range(start, periods=len(rows), freq=length, tz="UTC")
    return Market(ohlc_of(rows, index), timeframe=timeframe, calendar=calendar)


def signals_of(name: str, market: Market, **params: object) -> Signals:
    """Signals of a shipped strategy."""
    return strategy(name).signals(market, validate_params(name, params))


def where(flags: np.ndarray) -> list[int]:
    """Rows on which a flag is True."""
    return [int(row) for row in np.flatnonzero(flags)]


def intents(signals: Signals) -> dict[str, list[int]]:
    """Rows of each kind of decision, those without one left out."""
    names = ("entry_long", "exit_long", "entry_short", "exit_short")
    found = {name: where(getattr(signals, name)) for name in names}
    return {name: rows for name, rows in found.items() if rows}


def clock_of(bars: pd.DataFrame) -> pd.DatetimeIndex:
    """A session's close, 21:00 on the bar's date."""
    return (pd.DatetimeIndex(bars.index) + pd.Timedelta(hours=21)).rename("known_at")


def predictions_of(known_at: pd.DatetimeIndex, p_up: Sequence[float]) -> pd.DataFrame:
    """A frame of a direction model, one row a bar."""
    return pd.DataFrame(
        {
            "known_at": known_at,
            "model_id": "direction-TEST_1d",
            "horizon": 5,
            "p_up": np.asarray(p_up, dtype=np.float64),
        },
        index=known_at.normalize().rename("ts"),
    )


def random_closes(rows: int = 300, seed: int = 7) -> np.ndarray:
    """A random walk that crosses its averages often."""
    steps = np.random.default_rng(seed).normal(0.0, 0.02, rows)
    return 100.0 * np.exp(np.cumsum(steps))


def with_wicks(bars: pd.DataFrame, seed: int = 5) -> pd.DataFrame:
    """The bars with opens at the close before, and with random highs and lows around both."""
    generator = np.random.default_rng(seed)
    opens = bars["close"].shift(1).fillna(bars["close"])
    reach = bars["close"].mean() * 0.01 * np.abs(generator.normal(size=(2, len(bars))))
    both = np.array([opens, bars["close"]])
    return bars.assign(
        open=opens, high=both.max(axis=0) + reach[0], low=both.min(axis=0) - reach[1]
    )


@pytest.fixture
def make_market() -> MakeMarket:
    """`make_market(closes, p_up=None)`: a market, with predictions of the model `direction`."""

    def make(closes: Sequence[float], p_up: Sequence[float] | None = None) -> Market:
        bars = bars_of(closes)
        clock = clock_of(bars)
        frames = {} if p_up is None else {"direction": predictions_of(clock, p_up)}
        return Market(bars, None, clock, frames)

    return make


@pytest.fixture
def lively_market() -> Market:
    """300 random bars with a split, a dividend and random predictions, some of them missing.

    The model `meta` has the same numbers as `direction`, as p_act.
    """
    bars = with_wicks(bars_of(random_closes()))
    factor = np.ones(300)
    factor[120:] *= 2.0
    factor[200:] *= 1.01
    split = np.where(np.arange(300) >= 120, 2.0, 1.0)
    clock = clock_of(bars)
    generator = np.random.default_rng(3)
    p_up = np.clip(0.5 + 0.1 * generator.normal(size=300), 0.01, 0.99)
    p_up[generator.random(300) < 0.1] = np.nan
    frame = predictions_of(clock, p_up)
    keep = generator.random(300) > 0.05
    frames = {"direction": frame[keep], "meta": frame[keep].rename(columns={"p_up": "p_act"})}
    return Market(bars, factor, clock, frames, split_factor=split)


@pytest.fixture
def session_market() -> Market:
    """300 random bars of 15 minutes of a share, over an early close, with a split in between."""
    span = (datetime(2024, 11, 25, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC))
    index = expected_bars(*span, "15m", "XNYS")[:300]
    bars = with_wicks(bars_of(random_closes(seed=11))).set_axis(index, axis=0)
    factor = np.where(np.arange(300) >= 150, 2.0, 1.0)
    return Market(bars, factor, split_factor=factor, timeframe="15m", calendar="XNYS")
