"""A small backtest result, computed by hand, that the tests of reports share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.performance import summarize
from trading_pipeline.reporting.tearsheet.page import TearsheetInput


def trades_frame(rows: list[tuple[str, str, str | None, float]]) -> pd.DataFrame:
    """Trades from (side, entry, exit, pnl) with the columns of a result."""

    def stamps(values: list[str | None]) -> pd.Series:
        found = [pd.NaT if value is None else pd.Timestamp(value, tz="UTC") for value in values]
        return pd.Series(pd.DatetimeIndex(found, dtype="datetime64[us, UTC]"))

    count = len(rows)
    return pd.DataFrame(
        {
            "trade_no": np.arange(1, count + 1),
            "side": [row[0] for row in rows],
            "quantity": 10.5,
            "entry_ts": stamps([row[1] for row in rows]),
            "entry_price": 100.0,
            "exit_ts": stamps([row[2] for row in rows]),
            "exit_price": 101.25,
            "fees": 1.5,
            "slippage": 0.5,
            "pnl": [row[3] for row in rows],
            "return": [row[3] / 1050.0 for row in rows],
            "bars_held": 3,
            "mfe": 0.02,
            "mae": -0.01,
            "exit_reason": ["open" if row[2] is None else "stop_loss" for row in rows],
            "is_open": [row[2] is None for row in rows],
        }
    )


@pytest.fixture
def make_trades() -> Callable[..., pd.DataFrame]:
    """The builder of trades frames."""
    return trades_frame


@pytest.fixture
def make_report() -> Callable[..., TearsheetInput]:
    """A report on six days of 2011 and 2012; keywords replace its fields."""

    def build(**changes: object) -> TearsheetInput:
        days = ["2011-12-28", "2011-12-29", "2011-12-30", "2012-01-03", "2012-01-04", "2012-01-05"]
        index = pd.DatetimeIndex(days, tz="UTC", name="ts").as_unit("us")
        close = np.array([100.0, 102.0, 101.0, 103.0, 104.0, 102.5])
        bars = pd.DataFrame(
            {
                "open": close - 0.5,
                "high": close + 1,
                "low": close - 1,
                "close": close,
                "volume": 9.0,
            },
            index=index,
        )
        equity = pd.Series([1000.0, 1020.0, 1010.0, 1030.0, 1040.0, 1025.0], index=index)
        held = pd.Series([1000.0, 1020.0, 1010.0, 1030.0, 1040.0, 1050.0], index=index)
        trades = trades_frame(
            [("long", "2011-12-29", "2012-01-04", 40.0), ("short", "2012-01-05", None, -15.0)]
        )
        fields: dict[str, object] = {
            "result_id": "3fa9c1d27be4aa00",
            "instrument": "AAPL_1d",
            "scenario": "sma_crossover",
            "strategy": "sma_crossover",
            "parameters": {"slow": 30, "fast": 10},
            "bars": bars,
            "equity": equity,
            "trades": trades,
            "metrics": summarize(
                equity, periods_per_year=252, trades=trades, initial_equity=1000.0
            ),
            "initial_equity": 1000.0,
            "benchmark_equity": held,
            "benchmark_metrics": summarize(held, periods_per_year=252, initial_equity=1000.0),
            "hashes": {"bars": "ab" * 32, "features": None},
            "source": "bundled",
            "run_id": "run-17",
            "created_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        }
        return TearsheetInput(**(fields | changes))  # type: ignore[arg-type]

    return build
