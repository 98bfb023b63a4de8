"""The sentences above a result."""

from __future__ import annotations

import math

import pytest

from trading_pipeline.reporting.page.plain_warnings import FEW_TRADES, plain_warnings

GOOD = {
    "trade_count": 80.0,
    "sharpe": 1.2,
    "total_return": 0.5,
    "benchmark_total_return": 0.2,
    "probabilistic_sharpe_ratio": 0.99,
    "deflated_sharpe_ratio": 0.97,
    "open_trade_count": 0.0,
}


def test_a_result_without_fault_has_no_warning():
    assert plain_warnings(GOOD, source="bundled", trials=42) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trade_count": FEW_TRADES - 1.0}, "Only 29 trades"),
        (
            {"total_return": 0.1},
            "Buy and hold returned 20.00 % over the same period, this strategy 10",
        ),
        ({"total_return": 0.2}, "Buy and hold returned"),
        ({"probabilistic_sharpe_ratio": 0.9}, "probability that it is above 0 is 90.00 %; 95 %"),
        ({"sharpe": -0.5, "probabilistic_sharpe_ratio": 0.01}, "earned nothing for its risk"),
        ({"deflated_sharpe_ratio": 0.5}, "After 42 trials the best one would look this good"),
        (
            {"deflated_sharpe_ratio": math.nan},
            "42 trials had been made when this result was created",
        ),
        ({"open_trade_count": 1.0}, "still open"),
    ],
)
def test_each_fault_has_its_one_sentence(change, words):
    (sentence,) = plain_warnings(GOOD | change, trials=42)
    assert words in sentence


def test_thresholds_are_not_crossed_by_values_on_them():
    at_edge = GOOD | {
        "trade_count": float(FEW_TRADES),
        "probabilistic_sharpe_ratio": 0.95,
        "deflated_sharpe_ratio": 0.95,
    }
    assert plain_warnings(at_edge, trials=2) == []


def test_synthetic_bars_are_named_and_the_engines_words_come_first():
    found = plain_warnings(GOOD, source="synthetic", given=["Look-ahead: same close."])
    assert found[0] == "Look-ahead: same close."
    assert "synthetic" in found[1]


def test_missing_metrics_make_no_sentence():
    assert plain_warnings({}, trials=None) == []
    assert plain_warnings(dict.fromkeys(GOOD, math.nan)) == []
    assert plain_warnings({}, trials=1) == []


def test_a_smaller_return_with_less_risk_says_so():
    calm = GOOD | {
        "total_return": 0.1,
        "benchmark_sharpe": 0.6,
        "max_drawdown": -0.1,
        "benchmark_max_drawdown": -0.3,
    }
    (sentence,) = plain_warnings(calm)
    assert sentence.endswith(
        "this strategy 10.00 %, with less risk: Sharpe ratio 1.200 against 0.600, max drawdown "
        "−10.00 % against −30.00 %."
    )
    for change in ({"max_drawdown": -0.3}, {"sharpe": 0.6}, {"benchmark_sharpe": None}):
        assert "less risk" not in plain_warnings(calm | change)[0]


def test_a_ratio_that_is_not_sure_says_how_many_bars_it_needs():
    unsure = GOOD | {
        "probabilistic_sharpe_ratio": 0.9,
        "bars": 1_000.0,
        "minimum_track_record_bars": 1_650.0,
    }
    (sentence,) = plain_warnings(unsure)
    assert "95 % is required, for which this ratio needs about 650 more bars." in sentence
