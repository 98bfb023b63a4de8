"""Tests of the strategies by name, of their parameters and of their code hashes."""

import re
from pathlib import Path

import numpy as np
import pytest

from trading_pipeline import code_identity
from trading_pipeline.code_identity import SourceTree, read_text
from trading_pipeline.errors import ConfigurationError, StrategyError
from trading_pipeline.strategies import (
    Strategy,
    StrategyParams,
    crosses,
    parameter_table,
    strategy,
    strategy_code_hash,
    strategy_names,
    validate_params,
)


def test_names_are_sorted_valid_and_their_strategies_own():
    assert list(strategy_names()) == sorted(set(strategy_names()))
    assert {"buy_and_hold", "ml_direction", "sma_crossover"} <= set(strategy_names())
    for name in strategy_names():
        assert strategy(name).name == name
        assert re.fullmatch(r"[a-z0-9_]+", name)
        assert isinstance(strategy(name), Strategy)


@pytest.mark.parametrize("name", strategy_names())
def test_every_strategy_works_with_its_defaults_alone(name):
    params = validate_params(name, {})
    assert isinstance(params, StrategyParams)
    assert type(params) is strategy(name).params_type
    assert strategy(name).warmup_bars(params) >= 0


@pytest.mark.parametrize("name", strategy_names())
def test_parameters_go_through_plain_values_and_back(name):
    params = validate_params(name, {})
    assert validate_params(name, params.model_dump(mode="json")) == params
    assert validate_params(name, params.model_dump()).hash == params.hash


def test_unknown_strategy_offers_the_closest():
    with pytest.raises(StrategyError, match="Did you mean 'sma_crossover'") as caught:
        strategy("sma_crosover")
    assert caught.value.name == "sma_crosover"
    assert isinstance(caught.value, ConfigurationError)
    with pytest.raises(StrategyError, match="no strategy"):
        validate_params("nothing", {})


def test_unknown_parameter_offers_the_closest():
    with pytest.raises(StrategyError, match=r"Unknown key 'fats'\. Did you mean 'fast'"):
        validate_params("sma_crossover", {"fats": 10})


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"fast": "10"}, "'fast'.*integer.*'10'"),
        ({"fast": 10.5}, "'fast'.*integer.*10.5"),
        ({"fast": True}, "'fast'.*integer.*True"),
        ({"fast": None}, "'fast'.*integer.*None"),
        ({"direction": "both"}, "'direction'.*'long_only' or 'long_short'.*'both'"),
    ],
)
def test_a_wrong_type_or_value_is_said_in_words(params, words):
    with pytest.raises(StrategyError, match=words) as caught:
        validate_params("sma_crossover", params)
    assert "sma_crossover" in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_every_wrong_parameter_is_named_at_once():
    with pytest.raises(StrategyError, match=r"(?s)'slow'.*'nope'|'nope'.*'slow'"):
        validate_params("sma_crossover", {"slow": "x", "nope": 1})


def test_numpy_numbers_count_as_numbers():
    params = validate_params("sma_crossover", {"fast": np.int64(5), "slow": np.int32(50)})
    assert (params.fast, params.slow) == (5, 50)
    assert type(params.fast) is int


def test_parameters_cannot_be_changed():
    params = validate_params("sma_crossover", {})
    with pytest.raises(ValueError, match="frozen"):
        params.fast = 3


def test_code_hash_is_stable_and_differs_between_strategies():
    hashes = {name: strategy_code_hash(name) for name in strategy_names()}
    assert len(set(hashes.values())) == len(hashes)
    assert hashes == {name: strategy_code_hash(name) for name in strategy_names()}
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in hashes.values())


def with_source(monkeypatch, module, change):
    def read(path):
        source = read_text(path)
        return change(source) if path == Path(module.__file__) else source

    monkeypatch.setattr(code_identity, "_tree", SourceTree(read))


def test_code_hash_covers_the_modules_that_decide_the_signals(monkeypatch):
    before = {name: strategy_code_hash(name) for name in strategy_names()}
    with_source(monkeypatch, crosses, lambda source: source.replace(" > ", " >= "))
    after = {name: strategy_code_hash(name) for name in strategy_names()}
    assert after["sma_crossover"] != before["sma_crossover"]
    assert after["ml_direction"] == before["ml_direction"]
    assert after["buy_and_hold"] == before["buy_and_hold"]


def test_code_hash_does_not_depend_on_line_ends(monkeypatch):
    before = strategy_code_hash("sma_crossover")
    with_source(monkeypatch, crosses, lambda source: source.replace("\n", "\r\n"))
    assert strategy_code_hash("sma_crossover") == before


@pytest.mark.parametrize("name", strategy_names())
def test_parameters_and_strategies_are_described(name):
    assert strategy(name).__doc__
    assert strategy(name).params_type.__doc__


def test_the_table_of_parameters_knows_bounds_and_what_may_be_left_out():
    rows = {
        row.name: row for row in parameter_table(strategy("opening_range_breakout").params_type)
    }
    assert (rows["minutes"].type, rows["minutes"].bounds) == (
        "whole number",
        "at least 1, at most 720",
    )
    assert (rows["reward"].type, rows["reward"].bounds) == ("number or null", "above 0, at most 20")
    assert (rows["reward"].default, rows["reward"].required) == (None, False)
    stop = parameter_table(strategy("donchian_breakout").params_type)[2]
    assert (stop.name, stop.type, stop.default, stop.bounds) == (
        "stop",
        "text or null",
        "2 atr",
        "",
    )


@pytest.mark.parametrize("name", strategy_names())
def test_every_parameter_says_what_it_means(name):
    assert [
        row.name for row in parameter_table(strategy(name).params_type) if not row.meaning
    ] == []


@pytest.mark.parametrize("name", strategy_names())
def test_every_number_of_a_strategy_has_bounds(name):
    rows = parameter_table(strategy(name).params_type)
    numbers = [row for row in rows if "number" in row.type]
    assert [row.name for row in numbers if not row.bounds] == []
