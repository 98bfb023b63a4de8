"""Simulated bars and fits that the tests of paths share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.models import (
    FittedModel,
    History,
    NoModel,
    fit_model,
    forecast,
)
from trading_pipeline.settings.model_spec import ModelSpec, TrainingSpec

LENGTH = {"1d": pd.Timedelta(days=1), "1m": pd.Timedelta(minutes=1)}


def returns(rows: int, *, rho: float = 0.0, seed: int = 0, deviation: float = 0.01) -> np.ndarray:
    """Log returns with a correlation of `rho` from one to the next."""
    shocks = np.random.default_rng(seed).normal(size=rows) * deviation
    found = np.zeros(rows)
    for row in range(1, rows):
        found[row] = rho * found[row - 1] + shocks[row]
    return found


def history(log_returns: np.ndarray, *, seed: int = 1, timeframe: str = "1d") -> History:
    """Bars with these returns of their closes and random bodies and wicks."""
    generator, rows = np.random.default_rng(seed), len(log_returns)
    close = 100.0 * np.exp(np.cumsum(log_returns))
    before = np.concatenate([[100.0], close[:-1]])
    opened = before * np.exp(generator.normal(size=rows) * 0.002)
    high = np.maximum(opened, close) * np.exp(np.abs(generator.normal(size=rows)) * 0.003)
    low = np.minimum(opened, close) * np.exp(-np.abs(generator.normal(size=rows)) * 0.003)
    length = LENGTH[timeframe]
    index = pd.date_range("2000-01-01", periods=rows, freq=length, tz="UTC", name="ts")
    bars = pd.DataFrame(
        {"open": opened, "high": high, "low": low, "close": close, "volume": 1.0},
        index=index.as_unit("us"),
    )
    return History(
        bars=bars,
        known_at=pd.DatetimeIndex(bars.index) + length,
        timeframe=Timeframe(timeframe),
        calendar="24/7",
    )


def fit(
    name: str, known: History, *, rows: int | None = None, minimum_rows: int = 100, **params: Any
) -> FittedModel | NoModel:
    """The model of the moment after the last bar, or after the first `rows`."""
    known = known if rows is None else known.head(rows)
    spec = ModelSpec(
        name="path",
        predictor={"type": name, "params": params},
        training=TrainingSpec(minimum_rows=minimum_rows),
    )
    nothing = pd.DataFrame(index=known.bars.index)
    refit_at = known.known_at[-1] + pd.Timedelta(microseconds=1)
    return fit_model(
        spec,
        nothing,
        nothing.iloc[:0],
        instrument="TEST_1d",
        refit_at=refit_at,
        test_end=refit_at + pd.Timedelta(days=1),
        feature_set_hash="",
        history=known,
    )


def forecasts(
    model: FittedModel | NoModel, known: History, rows: slice = slice(-1, None), **given: Any
) -> pd.DataFrame:
    """Forecasts from these bars."""
    assert isinstance(model, FittedModel), model
    return forecast(model, pd.DataFrame(index=known.bars.index[rows]), history=known, **given)
