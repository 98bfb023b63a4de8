"""Target weights: which frames are accepted and what is kept of them."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import InsufficientDataError, StrategyError

DAYS = pd.date_range("2024-01-01", periods=3, tz="UTC")


def frame(values=((0.5, 0.5), (np.nan, 0.2), (0.0, 1.0)), index=DAYS, columns=("A_1d", "B_1d")):
    return pd.DataFrame(list(values), index=index, columns=list(columns))


def test_frame_is_kept_in_the_contracts_types():
    weights = TargetWeights(frame())
    assert weights.instruments == ("A_1d", "B_1d")
    assert len(weights) == 3
    assert str(weights.index.dtype) == "datetime64[us, UTC]"
    np.testing.assert_array_equal(weights.values, [[0.5, 0.5], [np.nan, 0.2], [0.0, 1.0]])


def test_later_changes_of_the_given_frame_do_not_count():
    given = frame()
    weights = TargetWeights(given)
    given.iloc[0, 0] = 9.0
    assert weights.values[0, 0] == 0.5


def test_stamps_of_another_zone_are_told_in_utc():
    local = pd.date_range("2024-01-01 19:00", periods=3, tz="America/New_York")
    assert TargetWeights(frame(index=local)).index[0] == pd.Timestamp("2024-01-02", tz="UTC")


def test_fixed_weights_are_one_row():
    weights = TargetWeights.fixed({"A_1d": 0.6, "B_1d": 0.4}, DAYS[1])
    assert weights.index.tolist() == [DAYS[1]]
    assert weights.values.tolist() == [[0.6, 0.4]]


def test_whole_numbers_and_missing_values_of_other_types_are_weights():
    given = frame([(1, 0), (0, 1), (0, 0)])
    assert TargetWeights(given).values.dtype == np.float64
    nullable = frame([(0.5, None), (None, 0.5), (0.1, 0.1)]).astype("Float64")
    assert np.isnan(TargetWeights(nullable).values[0, 1])


@pytest.mark.parametrize(
    ("index", "row"),
    [(DAYS[[0, 2, 1]], 2), (DAYS[[0, 0, 1]], 1), (DAYS[[1, 0, 2]], 1)],
)
def test_stamps_that_do_not_rise_are_named(index, row):
    with pytest.raises(StrategyError, match=f"Row {row} of the target weights") as caught:
        TargetWeights(frame(index=index))
    assert caught.value.row == row
    assert caught.value.ts == index[row]


def test_missing_stamp_is_refused():
    index = pd.DatetimeIndex([DAYS[0], pd.NaT, DAYS[2]])
    with pytest.raises(StrategyError, match="Row 1 of the target weights"):
        TargetWeights(frame(index=index))


def test_naive_stamps_are_refused():
    with pytest.raises(StrategyError, match="no time zone"):
        TargetWeights(frame(index=DAYS.tz_localize(None)))


def test_instrument_that_is_named_twice_is_refused():
    with pytest.raises(StrategyError, match="A_1d twice"):
        TargetWeights(frame(columns=("A_1d", "A_1d")))


def test_infinite_weight_is_named_with_its_bar_and_value():
    with pytest.raises(StrategyError, match=r"Row 1 \(2024-01-02.*B_1d.*inf") as caught:
        TargetWeights(frame([(0.5, 0.5), (0.1, np.inf), (0, 0)]))
    assert (caught.value.row, caught.value.instrument, caught.value.value) == (1, "B_1d", np.inf)


def test_text_is_no_weight():
    with pytest.raises(StrategyError, match="not all numbers"):
        TargetWeights(frame([("half", 0.5), (0.1, 0.1), (0, 0)]))


def test_frame_without_rows_or_columns_is_refused():
    with pytest.raises(InsufficientDataError, match="0 rows and 2 instruments"):
        TargetWeights(frame().iloc[:0])
    with pytest.raises(InsufficientDataError, match="3 rows and 0 instruments"):
        TargetWeights(frame()[[]])


def test_anything_but_a_frame_is_refused():
    with pytest.raises(StrategyError, match="are a dict"):
        TargetWeights({"A_1d": 0.5})
