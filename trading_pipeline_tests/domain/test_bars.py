"""The column contract of bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.bars import (
    BAR_COLUMNS,
    TS_DTYPE,
    empty_bars,
    normalize_bars,
    utc_index,
)
from trading_pipeline.errors import DataQualityError
from trading_pipeline_tests.conftest import random_bars

INDIA = timezone(timedelta(hours=5, minutes=30))


class TestIndex:
    @pytest.mark.parametrize(
        "values",
        [
            ["2012-01-01T00:00:00Z", "2012-01-02T00:00:00Z"],
            [datetime(2012, 1, 1, tzinfo=UTC), datetime(2012, 1, 2, tzinfo=UTC)],
            [datetime(2012, 1, 1, 5, 30, tzinfo=INDIA), datetime(2012, 1, 2, 5, 30, tzinfo=INDIA)],
            pd.date_range("2012-01-01", periods=2, tz="UTC", unit="ns"),
            pd.date_range("2012-01-01", periods=2, tz="UTC", unit="s"),
            pd.Series(pd.date_range("2012-01-01", periods=2, tz="UTC")),
            pd.date_range("2011-12-31 19:00", periods=2, tz="America/New_York"),
        ],
    )
    def test_any_spelling_of_the_same_moments_is_the_same_index(self, values):
        found = utc_index(values)
        assert found.equals(pd.DatetimeIndex(["2012-01-01", "2012-01-02"], tz="UTC").as_unit("us"))
        assert str(found.dtype) == TS_DTYPE
        assert found.name == "ts"

    @pytest.mark.parametrize(
        "values", [["2012-01-01"], [datetime(2012, 1, 1)], pd.RangeIndex(3), []]
    )
    def test_stamps_without_a_zone_are_refused_with_the_way_out(self, values):
        with pytest.raises(DataQualityError, match=r"tz_localize\('UTC'\)"):
            utc_index(values)

    @pytest.mark.parametrize("values", [["soon"], [object()], ["2012-13-01Z"]])
    def test_what_is_no_stamp_is_refused(self, values):
        with pytest.raises(DataQualityError, match="no time stamps"):
            utc_index(values)

    def test_missing_stamps_and_order_are_kept_as_they_are(self):
        given_stamps = pd.DatetimeIndex(["2012-01-02", None, "2012-01-01"], tz="UTC")
        found = utc_index(given_stamps)
        assert found.isna().tolist() == [False, True, False]
        assert found[0] > found[2]


class TestNormalize:
    def test_valid_bars_are_unchanged(self, make_bars):
        bars = make_bars(20)
        pd.testing.assert_frame_equal(
            normalize_bars(bars), bars, check_exact=True, check_freq=False
        )

    def test_ts_may_be_a_column_and_columns_may_be_in_any_order(self, make_bars):
        bars = make_bars(5)
        shuffled = bars.reset_index()[["volume", "close", "ts", "low", "high", "open"]]
        pd.testing.assert_frame_equal(normalize_bars(shuffled.assign(x=1)), bars, check_freq=False)

    @pytest.mark.parametrize("dtype", ["int64", "float32", "Float64", "object"])
    def test_numbers_of_any_type_become_float64(self, make_bars, dtype):
        bars = make_bars(5).round().astype(dtype)
        found = normalize_bars(bars)
        assert {str(kind) for kind in found.dtypes} == {"float64"}
        assert found.to_numpy().tolist() == make_bars(5).round().to_numpy().tolist()

    def test_nothing_is_sorted_repaired_or_dropped(self, make_bars):
        bars = make_bars(4).iloc[[2, 2, 0, 1]]
        bars.iloc[1, 0] = np.nan
        bars.iloc[3, 1] = -np.inf
        pd.testing.assert_frame_equal(
            normalize_bars(bars), bars, check_exact=True, check_freq=False
        )

    def test_the_given_frame_is_not_changed(self, make_bars):
        bars = make_bars(3).astype("float32")
        before = bars.copy()
        found = normalize_bars(bars)
        found.iloc[0, 0] = 5.0
        pd.testing.assert_frame_equal(bars, before)

    def test_missing_columns_are_named(self, make_bars):
        with pytest.raises(DataQualityError, match=r"lack the column\(s\) high, volume") as caught:
            normalize_bars(make_bars(3).drop(columns=["volume", "high"]))
        assert caught.value.missing == ["high", "volume"]

    def test_a_column_that_is_no_number_is_named(self, make_bars):
        bars = make_bars(3).astype({"low": "object"})
        bars.loc[bars.index[1], "low"] = "n/a"
        with pytest.raises(DataQualityError, match=r"'low'.*'n/a'") as caught:
            normalize_bars(bars)
        assert caught.value.column == "low"

    def test_a_column_given_twice_is_named(self, make_bars):
        bars = pd.concat([make_bars(3), make_bars(3)[["close"]]], axis=1)
        with pytest.raises(DataQualityError, match="close twice"):
            normalize_bars(bars)

    def test_a_frame_without_stamps_is_refused(self, make_bars):
        with pytest.raises(DataQualityError, match="no time zone"):
            normalize_bars(make_bars(3).reset_index(drop=True))

    def test_empty_bars_follow_the_contract(self):
        empty = empty_bars()
        assert list(empty.columns) == list(BAR_COLUMNS)
        assert str(empty.index.dtype) == TS_DTYPE
        pd.testing.assert_frame_equal(normalize_bars(empty), empty)

    @given(st.integers(0, 30), st.integers(0, 99), st.sampled_from(["min", "h", "D", "7D"]))
    def test_normalizing_twice_is_normalizing_once(self, n, seed, freq):
        once = normalize_bars(random_bars(n, seed, freq=freq).tz_convert("Asia/Tokyo"))
        pd.testing.assert_frame_equal(normalize_bars(once), once, check_exact=True)


class TestFixture:
    def test_random_bars_are_valid_and_repeat_by_seed(self, make_bars):
        bars = make_bars(200, seed=5, start="2012-01-01", freq="h")
        assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
        assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
        assert (bars > 0).all(axis=None)
        pd.testing.assert_frame_equal(bars, make_bars(200, seed=5, start="2012-01-01", freq="h"))
        assert not bars.equals(make_bars(200, seed=6, start="2012-01-01", freq="h"))
