"""Tests of repairs: none by default, and a row for each one that was asked for."""

from __future__ import annotations

import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.quality.findings import CheckSettings
from trading_pipeline.market_data.quality.repairs import repair_bars
from trading_pipeline_tests.conftest import random_bars


@pytest.fixture
def dirty() -> pd.DataFrame:
    """Hours of 2012-11-20: one equal duplicate, one conflicting one, hours before and after the
    session."""
    bars = random_bars(24, start="2012-11-20 00:30", freq="h")
    conflict = bars.iloc[[16]] * 1.01
    return pd.concat([bars.iloc[:16], bars.iloc[[15]], bars.iloc[16:17], conflict, bars.iloc[17:]])


def repaired(bars: pd.DataFrame, *names: str) -> tuple[pd.DataFrame, list[str]]:
    settings = CheckSettings(repairs=names)  # type: ignore[arg-type]
    kept, findings = repair_bars(bars, Timeframe.H1, "XNYS", settings)
    assert {(f.check_name, f.severity) for f in findings} <= {("repair", "WARN")}
    return kept, [f"{f.ts:%H}" if f.ts is not None else "more" for f in findings]


def test_nothing_is_mended_by_default(dirty):
    kept, rows = repaired(dirty)
    pd.testing.assert_frame_equal(kept, dirty)
    assert rows == []


def test_only_a_duplicate_with_equal_values_goes(dirty):
    kept, rows = repaired(dirty, "drop_equal_duplicates")
    assert rows == ["15"]
    assert len(kept) == len(dirty) - 1
    assert list(kept.index[kept.index.duplicated()]) == [dirty.index[17]]


def test_bars_outside_the_session_go_with_a_row_each(dirty):
    kept, rows = repaired(dirty, "drop_outside_session")
    assert {f"{ts:%H:%M}" for ts in kept.index} == {
        "14:30", "15:30", "16:30", "17:30", "18:30", "19:30", "20:30",
    }  # fmt: skip
    assert len(rows) == len(dirty) - len(kept) == 17


def test_repairs_are_made_in_the_order_of_the_setting(dirty):
    kept, rows = repaired(dirty, "drop_outside_session", "drop_equal_duplicates")
    assert len(kept) == 8
    assert rows[-1] == "15"
