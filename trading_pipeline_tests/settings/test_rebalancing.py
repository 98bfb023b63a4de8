"""The settings of rebalancing."""

import pytest
from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.rebalancing import Rebalancing


def test_by_default_nothing_but_the_weights_own_rows_rebalances():
    assert Rebalancing().model_dump() == {"calendar": None, "threshold": None}


@pytest.mark.parametrize("calendar", ["day", "week", "month", "quarter", "year", 1, 21])
def test_periods_and_numbers_of_bars_are_calendars(calendar):
    assert Rebalancing(calendar=calendar).calendar == calendar


@pytest.mark.parametrize(
    "wrong",
    [{"calendar": "fortnight"}, {"calendar": 0}, {"calendar": 1.5}, {"calendar": True},
     {"threshold": 0.0}, {"threshold": 1.0}, {"threshold": float("nan")}, {"drift": 0.1}],
)  # fmt: skip
def test_values_without_a_meaning_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=f"Rebalancing: .*{next(iter(wrong))}"):
        Rebalancing(**wrong)


def test_equal_settings_hash_equally_and_are_frozen():
    chosen = Rebalancing(calendar="month", threshold=0.05)
    assert chosen.hash == Rebalancing(threshold=0.05, calendar="month").hash != Rebalancing().hash
    with pytest.raises(ValidationError):
        chosen.calendar = "day"
