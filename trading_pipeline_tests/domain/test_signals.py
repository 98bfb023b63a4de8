"""What signals accept, refuse and keep."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.errors import StrategyError

NO = np.zeros(3, dtype=bool)
YES = np.array([True, False, False])


def signals(**others):
    fields = {"entry_long": YES, "exit_long": NO, "entry_short": NO, "exit_short": NO}
    return Signals(**(fields | others))


def test_numbers_are_not_taken_for_decisions():
    with pytest.raises(StrategyError, match="exit_long is a 1-dimensional array of float64"):
        signals(exit_long=np.array([0.0, 1.0, np.nan]))


def test_objects_with_missing_values_are_not_taken_for_decisions():
    with pytest.raises(StrategyError, match="entry_long"):
        signals(entry_long=pd.Series([True, None, False]).to_numpy())


@pytest.mark.parametrize(
    "field",
    [
        {"exit_short": np.zeros(2, dtype=bool)},
        {"size": np.ones(4)},
        {"stop_loss": Fraction(np.full(2, 0.1))},
        {"take_profit": Price(np.full(4, 10.0))},
        {"confidence": np.ones(1)},
        {"reason": ["a", "b"]},
    ],
)
def test_array_of_another_length_is_named(field):
    with pytest.raises(StrategyError, match=next(iter(field))) as caught:
        signals(**field)
    assert caught.value.expected == 3


@pytest.mark.parametrize("level", [0.05, np.full(3, 0.05)])
def test_level_must_say_its_unit(level):
    with pytest.raises(StrategyError, match=r"Price\(values\).*Fraction\(values\)"):
        signals(stop_loss=level)


@pytest.mark.parametrize(
    "field",
    [
        {"stop_loss": Fraction(1.0)},
        {"stop_loss": Fraction(0.0)},
        {"trailing_stop": Fraction(1.5)},
        {"take_profit": Fraction(-0.1)},
        {"stop_loss": Price(np.array([1.0, np.inf, 1.0]))},
    ],
)
def test_impossible_level_is_named(field):
    with pytest.raises(StrategyError, match=f"{next(iter(field))} must be above 0"):
        signals(**field)


def test_target_may_lie_more_than_a_whole_price_away():
    assert signals(take_profit=Fraction(1.5)).take_profit.values.tolist() == [1.5]


def test_nan_means_no_level_and_no_own_size():
    made = signals(stop_loss=Price(np.array([np.nan, 9.0, 8.0])), size=np.array([np.nan, 1, 2]))
    assert np.isnan(made.stop_loss.values[0])
    assert np.isnan(made.size[0])


@pytest.mark.parametrize("size", [[-1.0, 0, 0], [np.inf, 0, 0]])
def test_negative_or_infinite_size_is_refused(size):
    with pytest.raises(StrategyError, match="row 0 is"):
        signals(size=np.array(size))


def test_level_of_two_dimensions_is_refused():
    with pytest.raises(StrategyError, match="2 dimensions"):
        Price(np.ones((2, 2)))


def test_arrays_cannot_be_changed():
    made = signals(stop_loss=Price(np.ones(3)))
    with pytest.raises(ValueError, match="read-only"):
        made.entry_long[1] = True
    with pytest.raises(ValueError, match="read-only"):
        made.stop_loss.values[1] = 2.0


def test_array_of_the_caller_stays_writable():
    mine, level = YES.copy(), np.ones(3)
    signals(entry_long=mine, stop_loss=Price(level))
    mine[1] = True
    level[1] = 5.0


def test_long_only_never_goes_short():
    made = Signals.long_only(YES, NO, confidence=np.array([0.5, 0.6, 0.7]))
    assert not made.entry_short.any()
    assert not made.exit_short.any()
    assert made.confidence.tolist() == [0.5, 0.6, 0.7]


def test_head_cuts_rows_and_keeps_single_levels():
    made = signals(
        stop_loss=Price(np.array([1.0, 2.0, 3.0])),
        take_profit=Fraction(0.1),
        size=np.array([1.0, 2.0, 3.0]),
        reason=["a", "b", "c"],
    ).head(2)
    assert len(made) == 2
    assert made.stop_loss.values.tolist() == [1.0, 2.0]
    assert made.take_profit.values.tolist() == [0.1]
    assert made.size.tolist() == [1.0, 2.0]
    assert made.reason.tolist() == ["a", "b"]


def test_frame_has_a_column_for_each_given_field_and_names_units():
    index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts")
    frame = signals(stop_loss=Fraction(0.1), trailing_stop=Price(np.ones(3))).to_frame(index)
    assert frame.columns.tolist() == [
        "entry_long",
        "exit_long",
        "entry_short",
        "exit_short",
        "stop_loss_fraction",
        "trailing_stop_price",
    ]
    assert frame["stop_loss_fraction"].tolist() == [0.1] * 3
    assert frame.index.equals(index)
