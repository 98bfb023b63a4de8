"""Tests of check settings that come from files: names, numbers, repairs."""

from __future__ import annotations

from dataclasses import fields

import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.market_data.quality.findings import CheckSettings, check_settings


def test_nothing_given_is_the_default():
    assert check_settings({}) == CheckSettings()


def test_what_is_given_is_taken_with_the_type_of_its_default():
    found = check_settings(
        {"gap_error_fraction": 1, "stale_daily_bars": 9.0, "repairs": ["drop_equal_duplicates"]}
    )
    assert (found.gap_error_fraction, found.stale_daily_bars) == (1.0, 9)
    assert isinstance(found.stale_daily_bars, int)
    assert found.repairs == ("drop_equal_duplicates",)
    assert check_settings({"repairs": "drop_outside_session"}).repairs == ("drop_outside_session",)


def test_an_unknown_name_is_told_with_the_closest():
    with pytest.raises(UnknownNameError, match=r"'gap_eror_fraction'.*'gap_error_fraction'"):
        check_settings({"gap_eror_fraction": 0.1})
    with pytest.raises(
        UnknownNameError, match=r"no repair 'drop_duplicates'.*drop_equal_duplicates"
    ):
        check_settings({"repairs": ["drop_duplicates"]})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True, None])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ConfigurationError, match="must be a number of 0 or more"):
        check_settings({"gap_error_fraction": value})


@pytest.mark.parametrize("value", [0, 2.5])
def test_a_count_must_be_whole_and_positive(value):
    with pytest.raises(ConfigurationError, match="whole number of 1 or more"):
        check_settings({"stale_daily_bars": value})


def test_every_setting_can_be_given():
    given = {each.name: each.default for each in fields(CheckSettings)}
    assert check_settings(given) == CheckSettings()
