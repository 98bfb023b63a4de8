"""What the tests of metrics share: a real series, the oracle library, small trades."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# A busy machine or a first compilation is no failure of a property.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def index_close() -> np.ndarray:
    """Adjusted closes of the S&P 500, 1999-01-04 to 2018-12-31, from the package `arch`."""
    from arch.data import sp500

    return sp500.load()["Adj Close"].to_numpy(dtype=np.float64)


@pytest.fixture(scope="session")
def index_returns(index_close) -> np.ndarray:
    return index_close[1:] / index_close[:-1] - 1.0


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The library empyrical-reloaded; its import warns about optional parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("empyrical")


@pytest.fixture
def trades() -> pd.DataFrame:
    """Six round trips, two of them short, the last one open; numbers to count by hand."""
    stamps = pd.date_range("2024-01-01", periods=6, tz="UTC").as_unit("us")
    return pd.DataFrame(
        {
            "trade_no": [1, 2, 3, 4, 5, 6],
            "side": ["long", "short", "long", "long", "short", "long"],
            "quantity": [10.0, 10.0, 5.0, 5.0, 10.0, 20.0],
            "entry_ts": stamps,
            "entry_price": [100.0, 100.0, 200.0, 200.0, 100.0, 50.0],
            "exit_ts": [*stamps[1:], pd.NaT],
            "exit_price": [110.0, 95.0, 180.0, 200.0, 104.0, 70.0],
            "fees": [1.0, 1.0, 1.0, 1.0, 1.0, 0.5],
            "slippage": [0.5, 0.5, 0.0, 0.0, 0.0, 0.0],
            "pnl": [100.0, 50.0, -100.0, 0.0, -40.0, 400.0],
            "return": [0.10, 0.05, -0.10, 0.0, -0.04, 0.40],
            "bars_held": [3, 4, 5, 1, 2, 9],
            "mfe": [0.1] * 6,
            "mae": [-0.1] * 6,
            "exit_reason": ["signal"] * 5 + ["open"],
            "is_open": [False] * 5 + [True],
        }
    )


def curve(values, start="2024-01-01", freq="D") -> pd.Series:
    """Equity values under daily stamps."""
    index = pd.date_range(start, periods=len(values), freq=freq, tz="UTC", name="ts").as_unit("us")
    return pd.Series(np.asarray(values, dtype=np.float64), index=index)


@pytest.fixture
def make_curve():
    return curve
