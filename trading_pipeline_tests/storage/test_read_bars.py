"""Tests of bars with their actions from the notebook's door."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from trading_pipeline.backtest import run_backtest
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, DataQualityError, UnknownNameError
from trading_pipeline.storage.open_results import open_results, read_bars
from trading_pipeline.storage.stores.bars import BarStore, FetchAttempt
from trading_pipeline.storage.stores.reference import ReferenceStore
from trading_pipeline_tests.backtest.random_markets import flat_bars

YEAR = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
LATER = Window(YEAR.end, datetime(2026, 1, 1, tzinfo=UTC))
BARS = flat_bars(88, 89, 90, 45, 46, 45)
SPLIT = CorporateAction(
    instrument="AAPL_1d", ex_date=date(2024, 1, 4), kind="split", value=2.0, source="test",
    seen_at=datetime(2024, 1, 1, tzinfo=UTC),
)  # fmt: skip


def attempt(window: Window, status: str) -> FetchAttempt:
    return FetchAttempt(
        instrument="AAPL_1d", window=window.key, source="test", requested_from=window.start,
        requested_to=window.end, fetched_at=LATER.end, rows=6, status=status, state="FINAL",
        run_id="r", reason="ohlc" if status == "rejected" else None,
    )  # fmt: skip


@pytest.fixture
def stored(warehouse):
    store = BarStore(warehouse)
    store.replace_window(YEAR, BARS, attempt(YEAR, "ok"), [])
    ReferenceStore(warehouse).save_actions("AAPL_1d", [SPLIT])
    return store


def hold(bars) -> Signals:
    entry = np.zeros(len(bars), dtype=bool)
    entry[0] = True
    return Signals.long_only(entry, np.zeros(len(bars), dtype=bool))


def test_a_holding_keeps_its_value_over_a_split_and_bars_alone_are_warned_of(stored, tmp_path):
    for snapshot in (None, tmp_path / "copy.duckdb"):
        with open_results(snapshot) as connection:
            found = read_bars(connection, "AAPL_1d")
        assert found.actions == (SPLIT,)
        result = run_backtest(found, hold(found.bars))
        assert result.final_equity == pytest.approx(100_000 * 90 / 89)
        assert result.warnings == ()
        halved = run_backtest(found.bars, hold(found.bars))
        assert halved.final_equity == pytest.approx(100_000 * 45 / 89)
        assert halved.warnings[-1].startswith("Split-like jump: the open of 2024-01-04")


def test_a_span_is_half_open_and_keeps_all_actions(stored):
    with open_results() as connection:
        found = read_bars(
            connection, "AAPL_1d", start=date(2024, 1, 2), end=datetime(2024, 1, 4, tzinfo=UTC)
        )
        nothing = read_bars(connection, "AAPL_1d", end=date(2023, 1, 1))
    assert found.bars.index.strftime("%d").tolist() == ["02", "03"]
    assert found.actions == (SPLIT,)
    assert nothing.bars.empty


def test_bars_that_failed_a_check_and_unknown_names_are_refused(stored):
    stored.reject_window(BARS.iloc[:0], attempt(LATER, "rejected"), [])
    with open_results() as connection:
        with pytest.raises(DataQualityError, match=r"AAPL_1d for the window 2025-01-01 failed"):
            read_bars(connection, "AAPL_1d")
        assert len(read_bars(connection, "AAPL_1d", end=date(2025, 1, 1)).bars) == 6
        with pytest.raises(UnknownNameError, match="Did you mean 'AAPL_1d'"):
            read_bars(connection, "APPL_1d")
        with pytest.raises(ConfigurationError, match="has no time zone"):
            read_bars(connection, "AAPL_1d", start=datetime(2024, 1, 1))
