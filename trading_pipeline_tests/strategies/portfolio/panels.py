"""Small panels of several markets for the tests of portfolio strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.strategies import SHIPPED, Market, Panel

PRICES = ("open", "high", "low", "close")


def market(
    closes: Sequence[float], index: pd.DatetimeIndex, known_at: pd.DatetimeIndex | None = None
) -> Market:
    """A market whose four prices are one value a bar."""
    columns = dict.fromkeys(PRICES, np.asarray(closes, dtype=np.float64))
    frame = pd.DataFrame(columns | {"volume": np.full(len(closes), 100.0)}, index=index)
    return Market(frame, None, known_at, timeframe=Timeframe("1d"))


def panel(
    closes: Mapping[str, Sequence[float]],
    start: str = "2024-01-01",
    *,
    freq: str = "D",
    **options: object,
) -> Panel:
    """A panel of equal clocks, a bar a day unless `freq` says otherwise."""
    length = len(next(iter(closes.values())))
    index = pd.date_range(start, periods=length, freq=freq, tz="UTC", name="ts").as_unit("us")
    return Panel({name: market(each, index) for name, each in closes.items()}, **options)


def random_panel(count: int = 4, rows: int = 700, seed: int = 3, **options: object) -> Panel:
    """Correlated random walks on business days."""
    generator = np.random.default_rng(seed)
    common = generator.normal(0.0003, 0.008, (rows, 1))
    own = generator.normal(0.0, 0.01, (rows, count)) * np.linspace(0.5, 2.0, count)
    closes = 100.0 * np.exp(np.cumsum(common + own, axis=0))
    names = [f"{letter}_1d" for letter in "ABCDEFGH"[:count]]
    return panel(
        {name: closes[:, k] for k, name in enumerate(names)}, "2020-01-01", freq="B", **options
    )


def month_ends(seen: Panel) -> np.ndarray:
    """True on the last row of each month but the last row of all."""
    month = pd.DatetimeIndex(seen.index).month.to_numpy()
    return np.append(month[1:] != month[:-1], False)


def weights_of(name: str, seen: Panel, **params: object) -> np.ndarray:
    """Weights of a shipped portfolio strategy."""
    return SHIPPED.weights(name, seen, SHIPPED.validate_params(name, params))
