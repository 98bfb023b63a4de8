"""The bars that a calendar has after the last one."""

import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data import next_bars as module
from trading_pipeline.market_data.next_bars import next_bars


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"])
@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "24/5", "XTKS"])
def test_as_many_bars_as_asked_for_in_order_after_the_last(timeframe, calendar):
    last = pd.Timestamp("2012-12-20 15:00", tz="UTC")
    found = next_bars(last, timeframe, calendar, 300)
    assert len(found) == 300
    assert found.is_monotonic_increasing
    assert found[0] > last


def test_holidays_are_left_out():
    found = next_bars(pd.Timestamp("2012-12-31", tz="UTC"), "1d", "XNYS", 2)
    assert [f"{day:%m-%d}" for day in found] == ["01-02", "01-03"]


def test_a_calendar_without_sessions_to_come_is_named(monkeypatch):
    monkeypatch.setattr(module, "expected_bars", lambda *given: pd.DatetimeIndex([]))
    with pytest.raises(InsufficientDataError, match="XNYS has no session"):
        next_bars(pd.Timestamp("2012-12-31", tz="UTC"), "1d", "XNYS", 2)
