"""Many parameter sets checked together: what is right, wrong and filled in is as one by one."""

from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from trading_pipeline.backtest.sweeps.strategy_combinations import validated_sets
from trading_pipeline.domain.hashing import canonical_hash, canonical_row_hashes
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import SHIPPED, StrategyParams
from trading_pipeline.strategies.base import Ascending
from trading_pipeline.strategies.parameter_sets import ParameterSets, values_of, whole_numbers_of

POOL = (
    1, 2, 5, 14, 20, 2000, 2001, 0, -1, 2**70, 0.0, -0.0, 0.5, 2.0, 30.0, 55.0, 70.0, 99.0, 1e308,
    float("nan"), float("inf"), True, None, "2 atr", "2atr", "1.5%", "0 points", "long_short", "up",
)  # fmt: skip
NAMES = (
    "sma_crossover", "macd", "donchian_breakout", "rsi_reversion", "bollinger_breakout",
    "stochastic_trend", "supertrend", "momentum_score", "time_series_momentum",
)  # fmt: skip


def one_by_one(kind, given):
    try:
        return [kind.model_validate(each) for each in given]
    except ValidationError:
        return None


def assert_same(kind, given):
    """The sets together are as each alone, or refused where one is."""
    wanted, found = one_by_one(kind, given), ParameterSets.checked(kind, given)
    if wanted is None:
        assert found is None
        return False
    assert list(found) == wanted
    assert_stored_as_they_are_alone(found, wanted)
    for name in kind.model_fields:
        values = [getattr(each, name) for each in wanted]
        assert list(found.columns[name]) == values
        assert list(map(type, found.columns[name])) == list(map(type, values))
    return True


def assert_stored_as_they_are_alone(sets, wanted):
    told = [each.model_dump(mode="json") for each in wanted]
    if sets.stored is None:
        assert len(set(map(len, told))) > 1 or not wanted
        return
    columns = sets.stored
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert repr(rows) == repr(told)
    assert canonical_row_hashes(columns) == [canonical_hash(each) for each in told]


@pytest.mark.parametrize("name", NAMES)
def test_sets_of_any_values_are_right_or_wrong_as_they_are_alone(name):
    kind, random = SHIPPED.get(name).params_type, np.random.default_rng(5)
    default, right = dict(kind()), 0
    fields = list(kind.model_fields)
    for _ in range(400):
        names = [fields[at] for at in random.permutation(len(fields))[: random.integers(1, 3)]]
        pools = {
            each: [default[each], *(POOL[at] for at in random.integers(0, len(POOL), 2))]
            for each in names
        }
        count = int(random.integers(1, 5))
        given = [{each: pools[each][random.integers(0, 3)] for each in names} for _ in range(count)]
        right += assert_same(kind, given)
    assert 20 < right < 380


@pytest.mark.parametrize(
    "given",
    [
        [{}, {}],
        [{"fast": 5}, {"slow": 40}],
        [{"fast": 5, "slow": 40}, {"slow": 30, "fast": 7}],
        [{"fast": 5}, {"fast": 5.0}],
        [{"fast": 5}, {"quick": 7}],
        [{"fast": 29}, {"fast": 31}, {"fast": 1}],
        [],
    ],
)
def test_sets_may_have_other_keys_types_and_orders(given):
    assert_same(SHIPPED.get("sma_crossover").params_type, given)


def even(value: int) -> int:
    if value % 2:
        raise ValueError("odd")
    return value


class EvenParams(StrategyParams):
    window: Annotated[int, AfterValidator(even)] = 2
    share: float = 1.0


class OtherValueParams(StrategyParams):
    first: int = 1
    second: int = 2

    @field_validator("second")
    @classmethod
    def _above_first(cls, value, info):
        if value <= info.data["first"]:
            raise ValueError("not above")
        return value


class WholeSetParams(StrategyParams):
    first: int = 1
    kind: Literal["a", "b"] = "a"

    @model_validator(mode="before")
    @classmethod
    def _one_is_b(cls, data):
        return data | {"kind": "b"} if data.get("first") == 1 else data


class ProductParams(StrategyParams):
    first: Annotated[int, Field(ge=1, multiple_of=3)] = 3
    second: float = 2.0

    @model_validator(mode="after")
    def _small(self):
        if self.first * self.second > 20.0:
            raise ValueError("too large")
        return self


class InOrderParams(StrategyParams):
    ascending = (Ascending(("low", "high"), "{low} is not below {high}"),)
    low: float = 1.0
    high: float = 2.0


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (EvenParams, [{"window": 2}, {"window": 8}], [{"window": 2}, {"window": 3}, {"window": 8}]),
        (EvenParams, [{"share": 1}, {"share": 2}], [{"share": "x"}]),
        (OtherValueParams, [{"first": 1, "second": 2}, {"first": 5, "second": 9}],
         [{"first": 1, "second": 9}, {"first": 5, "second": 2}, {"first": 5, "second": 9}]),
        (WholeSetParams, [{"first": 1}, {"first": 2}], [{"first": 0.5}]),
        (ProductParams, [{"first": 3, "second": 4.0}, {"first": 9, "second": 2.0}],
         [{"first": 3, "second": 2.0}, {"first": 5, "second": 2.0}, {"first": 9, "second": 2.0}]),
        (ProductParams, [{"first": 9}],
         [{"first": 3, "second": 4.0}, {"first": 9, "second": 4.0}, {"first": 9, "second": 2.0}]),
        (InOrderParams, [{"low": 1.5}, {"low": -1}], [{"low": 1.5}, {"low": 2.0}]),
    ],
)  # fmt: skip
def test_checks_of_a_user_s_parameters_hold(kind, right, wrong):
    assert assert_same(kind, right)
    assert not assert_same(kind, wrong)


def test_an_order_of_several_parameters_says_what_is_wrong():
    with pytest.raises(ValidationError, match=r"3\.0 is not below 2\.0"):
        InOrderParams(low=3.0)
    order = Ascending(("a", "b", "c"), "", or_equal=True)
    assert order.holds([1, 1, 2])
    assert not order.holds([np.array([1, 1]), np.array([2, 2]), np.array([2, 1])])


def test_a_part_of_the_sets_and_their_columns():
    kind = SHIPPED.get("sma_crossover").params_type
    sets = ParameterSets.checked(kind, [{"fast": fast} for fast in (3, 9, 5, 3)])
    part = sets.take([3, 2])
    assert [each.fast for each in part] == [3, 5]
    assert part[0] is part[0] is sets[3]
    assert sets[1:3] == [kind(fast=9), kind(fast=5)]
    assert whole_numbers_of(part, "fast", "slow").tolist() == [3, 5, 30, 30]
    assert values_of(list(part), "fast").tolist() == values_of(part, "fast").tolist() == [3.0, 5.0]
    with pytest.raises(IndexError):
        part[2]


def test_numbers_of_numpy_are_taken_as_python_s():
    given = [{"fast": fast, "slow": np.int32(40)} for fast in np.arange(3, 30)]
    sets = validated_sets(SHIPPED, "sma_crossover", given)
    assert sets.columns["fast"] == list(range(3, 30))
    assert {type(each) for each in sets.columns["fast"]} == {int}


def test_the_first_wrong_set_is_named():
    given = [{"fast": fast} for fast in (3, 29, 31, 40)]
    with pytest.raises(StrategyError, match=r"parameters\[2\]: .*fast window of 31 bars") as told:
        validated_sets(SHIPPED, "sma_crossover", given)
    assert told.value.values["row"] == 2


class Rounded(StrategyParams):
    width: float = 1.0

    @field_serializer("width")
    def _rounded(self, width: float) -> float:
        return round(width, 1)


def test_sets_that_write_themselves_are_not_stored_by_their_columns():
    assert ParameterSets.checked(Rounded, [{"width": 0.25}, {"width": 0.5}]).stored is None


def test_a_later_parameter_is_stored_where_no_set_leaves_it_out():
    kind = SHIPPED.get("sma_crossover").params_type
    given = [{"fast": 2, "slow": 9, "start": start} for start in ("cross", "state", "state")]
    assert "start" not in ParameterSets.checked(kind, given[:1]).stored
    assert list(ParameterSets.checked(kind, given[1:]).stored["start"]) == ["state", "state"]
    assert ParameterSets.checked(kind, given).stored is None  # the sets differ in their keys
