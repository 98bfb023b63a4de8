"""Distances in points, percent and average true ranges."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from trading_pipeline.domain.signals import Fraction, Price
from trading_pipeline.strategies import Market
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    stop_loss,
    take_profit,
    trailing_stop,
)
from trading_pipeline_tests.strategies.conftest import market_of, ohlc_of

LONG, SHORT = np.array([False]), np.array([True])


def distance(text):
    return TypeAdapter(Distance).validate_python(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2 atr", "2 atr"),
        ("2.0  ATR", "2 atr"),
        ("1.5%", "1.5 percent"),
        (" 1.5 percent", "1.5 percent"),
        ("1 point", "1 points"),
        ("0.25 points", "0.25 points"),
    ],
)
def test_a_distance_has_one_spelling(text, kept):
    assert distance(text) == kept == distance(kept)


@pytest.mark.parametrize(
    "text", ["", "2", "atr", "0 atr", "-1 points", "nan atr", "inf atr", "2 x"]
)
def test_what_is_no_distance_is_refused(text):
    with pytest.raises(ValidationError, match="no distance; write a number above 0 and its unit"):
        distance(text)


def test_a_distance_of_the_whole_price_is_refused():
    with pytest.raises(ValidationError, match="less than 100 percent"):
        distance("100 percent")


def test_percent_is_measured_from_the_fill():
    market = market_of([(10, 10, 10, 10)])
    for level in (stop_loss(market, "5 percent", LONG), trailing_stop(market, "5 percent")):
        assert isinstance(level, Fraction)
        assert level.values.tolist() == [0.05]


def test_points_are_measured_from_the_close_to_the_side_of_the_position():
    market = market_of([(10, 11, 9, 10)])
    assert stop_loss(market, "2 points", LONG).values.tolist() == [8.0]
    assert stop_loss(market, "2 points", SHORT).values.tolist() == [12.0]
    assert take_profit(market, "2 points", LONG).values.tolist() == [12.0]
    assert take_profit(market, "2 points", SHORT).values.tolist() == [8.0]
    assert trailing_stop(market, "2 points").values.tolist() == [2.0]


def test_a_level_at_or_below_zero_is_none():
    assert np.isnan(stop_loss(market_of([(1, 1, 1, 1)]), "1 points", LONG).values).all()


def test_an_atr_is_known_from_row_14_on_and_follows_a_split():
    # True ranges of 2 as adjusted; after a split of two for one the raw prices are half of them.
    rows = [(10.0, 11.0, 9.0, 10.0)] * 16
    halves = [tuple(price / 2 for price in row) for row in rows[15:]]
    factor = np.array([1.0] * 15 + [2.0])
    market = Market(ohlc_of([*rows[:15], *halves]), factor)
    level = stop_loss(market, "2 atr", np.zeros(16, dtype=bool))
    assert isinstance(level, Price)
    assert np.isnan(level.values[:14]).all()
    assert level.values[14:].tolist() == [10.0 - 4.0, 5.0 - 2.0]
    assert can_be_placed(market, "2 atr").tolist() == [False] * 14 + [True] * 2
    assert can_be_placed(market, "1 points", None).all()
    assert (distance_warmup("2 atr"), distance_warmup("1 percent", None)) == (14, 0)


def test_no_distance_is_no_level():
    market = market_of([(10, 10, 10, 10)])
    assert stop_loss(market, None, LONG) is take_profit(market, None, LONG) is None
    assert trailing_stop(market, None) is None
