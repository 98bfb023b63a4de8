"""Fixtures that tests of every layer use: a runtime folder, a warehouse, bars."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, event

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.storage.warehouse import Warehouse

MakeBars = Callable[..., pd.DataFrame]
_SHARED = "TRADING_PIPELINE_TESTS_SHARED"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all processes of a run of the tests share; they inherit its name."""
    if not hasattr(config, "workerinput"):
        os.environ[_SHARED] = tempfile.mkdtemp(prefix="pipeline-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the shared folder."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_SHARED), ignore_errors=True)


@event.listens_for(Engine, "connect")
def _write_without_waiting(connection: Any, _: object) -> None:
    """Dagster's records of a test need not survive a power failure: SQLite skips its `fsync`."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runtime folder that the settings of this process point at."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("TRADING_PIPELINE_CONFIG_DIR", raising=False)
    return folder


@pytest.fixture
def warehouse(runtime: Path) -> Warehouse:
    """A warehouse in that runtime folder that waits at most two seconds."""
    return Warehouse(runtime / "warehouse.duckdb", wait_seconds=2.0)


@pytest.fixture
def make_bars() -> MakeBars:
    """`make_bars(n, seed, start, freq)`: random valid bars, equal for equal arguments."""
    return random_bars


def random_bars(
    n: int = 100, seed: int = 0, start: str = "2012-01-01", freq: str = "D"
) -> pd.DataFrame:
    """Bars of a random walk: prices above 0, high and low around open and close, volume above 0."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n)))
    opened = close * np.exp(rng.normal(0.0, 0.005, n))
    spread = np.abs(rng.normal(0.0, 0.005, (2, n)))
    frame = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1.0 + spread[0]),
            "low": np.minimum(opened, close) * (1.0 - spread[1]),
            "close": close,
            "volume": rng.integers(1, 1_000_000, n).astype("float64"),
        },
        index=pd.date_range(start, periods=n, freq=freq, tz="UTC", name="ts"),
    )
    return frame.set_axis(frame.index.astype(TS_DTYPE), axis=0)
