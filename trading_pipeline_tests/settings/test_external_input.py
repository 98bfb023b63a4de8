"""`inputs:` of a feature set or strategy: what is accepted, and what is refused with a way out."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.external_input import declared_in, external_inputs

VIX = {"name": "vix", "file": "inputs/vix.csv"}
BY_STAMP = VIX | {"known_at": "published"}
BY_DATE = VIX | {"date": "day", "known": "17:30", "zone": "America/New_York"}


@pytest.mark.parametrize("entry", [BY_STAMP, BY_DATE, BY_STAMP | {"zone": "Europe/Berlin"}])
def test_both_ways_of_saying_when_a_row_was_known_are_accepted(entry):
    (spec,) = external_inputs([entry], where="mine.py")
    assert spec.stamp_column == ("day" if "date" in entry else "published")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (VIX, "by 'known_at' or by 'date'"),
        (BY_DATE | {"known_at": "published"}, "by 'known_at' or by 'date'"),
        (BY_STAMP | {"known": "17:30"}, "'known' belongs to 'date'"),
        ({k: v for k, v in BY_DATE.items() if k != "zone"}, "'date' needs 'known'"),
        ({k: v for k, v in BY_DATE.items() if k != "known"}, "'date' needs 'known'"),
        (BY_DATE | {"known": 1050}, "write known: '17:30'"),
        (BY_DATE | {"known": "5pm"}, "a time of day such as '17:30'"),
        (BY_DATE | {"known": "24:00"}, "a time of day such as '17:30'"),
        (BY_DATE | {"zone": "New_York"}, "Did you mean"),
        (BY_STAMP | {"file": "../vix.csv"}, "below runtime/config"),
        (BY_STAMP | {"file": "/etc/passwd.csv"}, "below runtime/config"),
        (BY_STAMP | {"file": "C:\\vix.csv"}, "below runtime/config"),
        (BY_STAMP | {"file": "vix.xlsx"}, r"a \.csv or a \.parquet"),
        (BY_STAMP | {"fiel": "x"}, "Unknown key 'fiel'. Did you mean 'file'"),
        ("vix.csv", "must hold keys and values"),
    ],
)
def test_a_wrong_entry_names_file_entry_and_way_out(entry, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        external_inputs([entry], where="mine.py")
    assert "mine.py: entry 1 of 'inputs'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["vix", BY_STAMP, 3])
def test_inputs_are_a_list(given):
    with pytest.raises(ConfigurationError, match="'inputs' must be a list"):
        external_inputs(given, where="mine.py")


def test_two_inputs_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="two entries called 'vix'"):
        external_inputs([BY_STAMP, BY_DATE], where="mine.py")


def test_a_module_may_use_the_name_for_something_else():
    assert declared_in({"inputs": ["open", "close"]}, where="mine.py") == ()
    assert declared_in({"inputs": len}, where="mine.py") == ()
    assert declared_in({}, where="mine.py") == ()
    assert len(declared_in({"inputs": [BY_STAMP]}, where="mine.py")) == 1
