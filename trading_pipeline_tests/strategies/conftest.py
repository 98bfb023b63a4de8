"""What the tests of strategies share: small markets, with and without predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from trading_pipeline.strategies import Market

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
    bars = bars_of(random_closes())
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
