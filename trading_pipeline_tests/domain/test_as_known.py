"""Series of another clock, as known at each bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.as_known import InputsAsKnown, rows_as_known
from trading_pipeline.errors import UnknownNameError

INDEX = pd.date_range("2024-01-02", periods=4, tz="UTC", name="ts", unit="us")
CLOCK = INDEX + pd.Timedelta("21h")
ROWS = pd.DataFrame(
    {
        "known_at": pd.DatetimeIndex(
            ["2024-01-03 21:00", "2024-01-03 21:00:01", "2024-01-05 09:00"], tz="UTC"
        ),
        "close": [1.0, 2.0, 3.0],
    }
)


def test_a_row_that_is_known_with_the_bar_counts_and_one_a_second_later_does_not():
    found = rows_as_known(ROWS, CLOCK, INDEX)
    np.testing.assert_array_equal(found["close"], [np.nan, 1.0, 2.0, 3.0])
    assert found["known_at"].iloc[1] == CLOCK[1]
    assert found["known_at"].isna().tolist() == [True, False, False, False]
    assert found.index.equals(INDEX)


def test_fewer_bars_know_the_same_rows():
    inputs = InputsAsKnown(x=rows_as_known(ROWS, CLOCK, INDEX))
    part = rows_as_known(ROWS, CLOCK[1:3], INDEX[1:3])
    pd.testing.assert_frame_equal(inputs.rows(INDEX[1:3])["x"], part)
    assert inputs.unknown_rows == 1
    assert inputs.rows(INDEX[2:]).unknown_rows == 0
    assert InputsAsKnown().unknown_rows == 0


def test_other_rows_stand_only_where_bars_changed_and_something_was_known():
    inputs = InputsAsKnown(x=rows_as_known(ROWS, CLOCK, INDEX))
    changed = np.array([True, False, True, True])
    others = [inputs.other_after(changed, seed)["x"]["close"] for seed in range(20)]
    for each in others:
        assert np.isnan(each.iloc[0])
        assert each.iloc[1] == 1.0
        assert set(each.iloc[2:]) <= {1.0, 2.0, 3.0}
    assert len({tuple(each.iloc[2:]) for each in others}) > 3


def test_an_input_that_is_not_declared_is_refused_with_the_closest_name():
    inputs = InputsAsKnown(vix=rows_as_known(ROWS, CLOCK, INDEX))
    with pytest.raises(UnknownNameError, match=r"no input 'vxi'. Did you mean 'vix'"):
        inputs["vxi"]
    with pytest.raises(UnknownNameError, match="None is declared"):
        InputsAsKnown()["vix"]
