"""The refusals of bad bars: each names the bar and its value."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import validate_bars
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline_tests.backtest.random_markets import action, flat_bars, frame

NIFTY = [22532.0, 22532.05, 22530.0, 22532.05078125]
"""A close told in 32 bits above a high told in decimals."""


def spoil(column, value, row=1):
    bars = flat_bars(10, 11, 12)
    bars.loc[bars.index[row], column] = value
    return bars


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        (spoil("open", np.nan), r"Bar 1 \(2024-01-02 .* has open nan"),
        (spoil("close", -1.0), "has close -1.0"),
        (spoil("low", 0.0), "has low 0.0"),
        (spoil("high", np.inf), "has high inf"),
        (spoil("high", 10.5), "has a high of 10.5, below its open 11.0"),
        (spoil("low", 11.5), "has a low of 11.5, above its open 11.0"),
        (spoil("volume", -3.0), "has a volume of -3.0"),
        (spoil("volume", np.nan, row=2), r"Bar 2 .* has a volume of nan"),
        (
            flat_bars(10, 11, 12).iloc[::-1],
            "Bar 1 .* is not later than the bar before it.*2024-01-03",
        ),
        (flat_bars(10, 11, 12).iloc[[0, 1, 1]], "Bar 2 .* is not later than the bar before it"),
    ],
)
def test_bad_bar_is_named_with_its_value(bars, words):
    with pytest.raises(DataQualityError, match=words) as caught:
        validate_bars(bars)
    assert caught.value.row in (1, 2)
    assert caught.value.ts == bars.index[caught.value.row]


def test_missing_stamp_is_named():
    bars = flat_bars(10, 11)
    index = pd.DatetimeIndex([pd.NaT, bars.index[1]], name="ts").tz_convert("UTC")
    with pytest.raises(DataQualityError, match=r"Bar 0 .* has no time stamp"):
        validate_bars(bars.set_axis(index, axis=0))


def test_naive_stamps_are_refused():
    bars = flat_bars(10, 11)
    with pytest.raises(DataQualityError, match="time zone"):
        validate_bars(bars.set_axis(bars.index.tz_localize(None), axis=0))


def test_missing_column_is_named():
    with pytest.raises(DataQualityError, match="volume"):
        validate_bars(flat_bars(10, 11).drop(columns="volume"))


def test_something_that_is_no_frame_is_refused():
    with pytest.raises(DataQualityError, match="list"):
        validate_bars([1.0, 2.0])


def test_no_rows_are_refused():
    with pytest.raises(InsufficientDataError, match="no bars"):
        validate_bars(flat_bars(10).iloc[:0])


def test_validated_bars_pass_through_and_cannot_be_changed():
    bars = validate_bars(flat_bars(10, 11))
    assert validate_bars(bars) is bars
    assert len(bars) == 2
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 5.0


def test_later_changes_of_the_frame_do_not_reach_the_validated_bars():
    given = flat_bars(10, 11)
    bars = validate_bars(given)
    given.iloc[0, 3] = 99.0
    assert bars.close[0] == 10.0


def test_other_zones_and_nanoseconds_become_utc_microseconds():
    given = flat_bars(10, 11)
    other = given.set_axis(given.index.as_unit("ns").tz_convert("America/New_York"), axis=0)
    assert validate_bars(other).ts.tolist() == validate_bars(given).ts.tolist()


def test_action_rows_are_in_the_order_of_dates_and_splits_come_first():
    bars = validate_bars(flat_bars(10, 10, 10, 10))
    given = [action(2, "dividend", 0.5), action(1, "dividend", 0.1), action(2, "split", 2.0)]
    rows, effects = bars.action_rows(given)
    assert rows.tolist() == [1, 2, 2]
    assert effects.tolist() == [[1.0, 0.1], [2.0, 0.0], [1.0, 0.5]]


def test_no_actions_give_empty_rows():
    rows, effects = validate_bars(flat_bars(10)).action_rows(None)
    assert rows.shape == (0,)
    assert effects.shape == (0, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda bars: bars[["close", "low", "volume", "high", "open"]],
        lambda bars: bars.assign(extra="text"),
        lambda bars: bars.astype({"volume": "int64"}),
        lambda bars: bars.reset_index(),
        lambda bars: pd.concat([bars[["open", "high"]], bars[["low", "close", "volume"]]], axis=1),
    ],
)
def test_every_form_of_the_same_frame_gives_the_same_arrays(change):
    given = frame([(10.0, 13.0, 9.0, 12.0), (12.0, 15.0, 11.0, 14.0)])
    plain, other = validate_bars(given), validate_bars(change(given))
    for name in ("ts", "open", "high", "low", "close", "volume"):
        assert getattr(plain, name).tolist() == getattr(other, name).tolist(), name
    pd.testing.assert_frame_equal(plain.frame, other.frame, check_freq=False)
    assert plain.open.tolist() == [10.0, 12.0]
    assert plain.low.tolist() == [9.0, 11.0]


def test_the_last_bar_of_many_is_checked_too():
    bars = pd.concat([flat_bars(*range(1, 90))])
    bars.iloc[-1, 2] = 1000.0
    with pytest.raises(DataQualityError, match=r"Bar 88 .* has a low of 1000.0"):
        validate_bars(bars)


@pytest.mark.parametrize(
    ("prices", "high", "low"),
    [
        (NIFTY, 22532.05078125, 22530.0),
        ([22532.05, 22540.0, 22532.05078125, 22533.0], 22540.0, 22532.05),
        ([0.3, float(np.float32(0.3)) - 3e-8, 0.2, 0.3], 0.3, 0.2),
        ([float(np.float32(1.1)), 1.1, 1.1, 1.1], float(np.float32(1.1)), 1.1),
    ],
)
def test_the_rounding_of_32_bit_prices_widens_high_or_low(prices, high, low):
    bars = flat_bars(10, 11, 12)
    bars.loc[bars.index[1], ["open", "high", "low", "close"]] = prices
    before = bars.copy()
    checked = validate_bars(bars)
    assert (checked.high[1], checked.low[1], checked.price_rounding) == (high, low, 1)
    assert checked.frame["close"].iloc[1] == prices[3]
    pd.testing.assert_frame_equal(bars, before)
    assert validate_bars(flat_bars(10, 11, 12)).price_rounding == 0


@pytest.mark.parametrize("miss", [1.3e-7, 1e-6, 1e-3])
def test_more_than_the_rounding_of_32_bits_is_refused(miss):
    bars = flat_bars(10, 11, 12)
    bars.loc[bars.index[1], "high"] = 11.0 * (1 - miss)
    with pytest.raises(DataQualityError, match=r"below its open 11\.0"):
        validate_bars(bars)


def test_a_part_has_the_bars_that_checking_it_alone_gives():
    bars = flat_bars(*range(10, 40))
    part, alone = validate_bars(bars).part(3, 17), validate_bars(bars.iloc[3:17])
    for name in ("ts", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
        assert not getattr(part, name).flags.writeable
    assert part.index.equals(alone.index)
    assert part.index.name == "ts"
    pd.testing.assert_frame_equal(part.frame, alone.frame)
    assert part.bar_year == alone.bar_year


def test_a_part_of_widened_bars_is_refused():
    bars = flat_bars(10, 11, 12)
    bars.iloc[1, bars.columns.get_loc("high")] = 11.0 * (1.0 - 5e-8)
    with pytest.raises(ValueError, match="validate the part"):
        validate_bars(bars).part(0, 2)
