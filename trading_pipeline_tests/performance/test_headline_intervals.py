"""The intervals that are stored with a result."""

import math
import time

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.bootstrap_intervals import bootstrap_intervals
from trading_pipeline.performance.headline_intervals import (
    HEADLINE_METRICS,
    INTERVAL_NAMES,
    headline_intervals,
)
from trading_pipeline_tests.performance.simulated_returns import clustered, overlapping

DEVIATION, MEAN = 0.01, 0.0005


def intervals(returns, **others):
    return headline_intervals(returns, periods_per_year=252, **others)


@pytest.mark.parametrize(
    ("histories", "others"),
    [
        (overlapping(1, 1_000, 120, seed=1), overlapping(1, 1_000, 120, seed=2)),
        (overlapping(5, 1_000, 120, seed=3), overlapping(5, 1_000, 120, seed=4)),
        (clustered(0.05, 0.9, 1_000, 120, seed=5), clustered(0.05, 0.9, 1_000, 120, seed=6)),
    ],
    ids=["independent", "positions of 5 bars", "GARCH"],
)
def test_intervals_hold_the_true_values_and_the_drawdown_of_another_history(histories, others):
    truth = {
        "sharpe": MEAN / DEVIATION * math.sqrt(252),
        "annual_volatility": DEVIATION * math.sqrt(252),
        "cagr": math.expm1((MEAN - DEVIATION**2 / 2) * 252),
    }
    held = dict.fromkeys([*truth, "max_drawdown"], 0)
    for history, other in zip(histories, others, strict=True):
        found = intervals(MEAN + DEVIATION * history, samples=150)
        values = truth | {"max_drawdown": measure.max_drawdown(MEAN + DEVIATION * other)}
        for name, value in values.items():
            held[name] += found[f"{name}_low"] <= value <= found[f"{name}_high"]
    assert {name: count for name, count in held.items() if not 97 <= count <= 119} == {}


def test_names_come_in_order_and_the_values_lie_inside(index_returns):
    found = intervals(index_returns)
    assert tuple(found) == INTERVAL_NAMES
    assert all(type(value) is float for value in found.values())
    for name in HEADLINE_METRICS:
        year = {} if name in ("total_return", "max_drawdown") else {"periods_per_year": 252}
        value = getattr(measure, name)(index_returns, **year)
        assert found[f"{name}_low"] < value < found[f"{name}_high"], name


def test_equal_input_gives_equal_numbers_and_another_seed_moves_the_path_metrics_alone():
    returns = np.random.default_rng(3).normal(MEAN, DEVIATION, 500)
    first, again, other = intervals(returns), intervals(returns), intervals(returns, seed=8)
    assert first == again
    moved = {name for name in INTERVAL_NAMES if first[name] != other[name]}
    assert moved == {n for n in INTERVAL_NAMES if n.startswith(("max_drawdown", "calmar"))}


@pytest.mark.parametrize(
    "returns",
    [[], [0.01] * 19, [0.0] * 100, [0.01] * 100, [0.01, math.nan] * 30],
    ids=["nothing", "few bars", "never traded", "constant", "ruin"],
)
def test_what_cannot_be_measured_has_no_bounds(returns):
    assert all(math.isnan(value) for value in intervals(returns).values())


def test_an_account_that_only_gains_has_no_sortino_and_no_infinite_bound():
    found = intervals(np.abs(np.random.default_rng(4).normal(0.001, 0.001, 200)))
    assert math.isnan(found["sortino_low"])
    assert not any(math.isinf(value) for value in found.values())


def test_a_total_loss_on_one_bar_gives_no_growth_and_no_error():
    returns = np.random.default_rng(5).normal(0.0, 0.01, 200)
    returns[-1] = -1.0
    found = intervals(returns)
    assert math.isnan(found["cagr_low"])
    assert found["max_drawdown_low"] == -1.0


def test_mostly_flat_returns_have_wide_bounds():
    returns = np.zeros(1_000)
    returns[::100] = np.random.default_rng(6).normal(0.002, 0.02, 10)
    found = intervals(returns)
    assert found["sharpe_low"] < 0.0 < found["sharpe_high"]


def test_bootstrap_intervals_hold_the_headline_ones_unless_their_blocks_are_given():
    returns = 0.01 * clustered(0.08, 0.9, 1_250, 1, seed=7)[0]
    arguments = {"periods_per_year": 252, "confidence": 0.9, "samples": 100}
    wide = bootstrap_intervals(returns, **arguments)
    found = intervals(returns)
    for name in HEADLINE_METRICS:
        assert wide.loc[name, "low"] <= found[f"{name}_low"], name
        assert wide.loc[name, "high"] >= found[f"{name}_high"], name
    narrow = bootstrap_intervals(returns, **arguments, average_block_bars=1.0)
    volatility = narrow.loc["annual_volatility"]
    assert volatility["high"] < 0.9 * wide.loc["annual_volatility", "high"]


def test_five_thousand_bars_take_little_and_long_histories_not_much_more():
    returns = np.random.default_rng(8).normal(MEAN, DEVIATION, 200_000)
    spent = []
    for bars in (5_000, 200_000):
        begun = time.process_time()
        intervals(returns[:bars])
        spent.append(time.process_time() - begun)
    assert spent[0] < 0.6
    assert spent[1] < 2.0


def test_a_confidence_that_is_no_share_is_refused():
    with pytest.raises(ConfigurationError, match="confidence"):
        intervals([0.01, -0.01] * 20, confidence=0.0)
