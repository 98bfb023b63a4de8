"""What the best must show: the needed ratio is exactly where the verdict's numbers turn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.performance.search.standing_out import (
    appraisal_ratio,
    deflated_numbers,
    needed_sharpe,
)
from trading_pipeline.performance.sharpe_statistics import minimum_backtest_years

ROW = {
    "sharpe": 0.9,
    "sharpe_standard_error": 0.3,
    "sharpe_degrees_of_freedom": 40.0,
    "bars": 2_520,
    "years": 10.0,
    "benchmark_sharpe": 0.5,
    "correlation": 0.6,
    "trials": 40,
    "trial_variance": 0.09,
}
ratios = st.floats(0.05, 3.0)


@given(
    sharpe=ratios,
    error=st.floats(0.05, 1.0),
    held=st.floats(-1.0, 2.0),
    correlation=st.floats(-0.99, 0.99),
    trials=st.integers(1, 5_000),
    years=st.floats(1.0, 30.0),
)
def test_a_ratio_as_high_as_needed_passes_every_test_and_one_below_fails_one(
    sharpe, error, held, correlation, trials, years
):
    row = ROW | {
        "sharpe_standard_error": error,
        "benchmark_sharpe": held,
        "correlation": correlation,
        "trials": trials,
        "years": years,
    }

    def passes(ratio: float) -> bool:
        found = deflated_numbers(row | {"sharpe": ratio})
        apart = found["deflated_appraisal_ratio"]
        return (
            found["deflated_sharpe_ratio"] >= 0.95
            and (apart is None or apart >= 0.95)
            and years >= minimum_backtest_years(trials=trials, annual_sharpe=ratio)
        )

    found = deflated_numbers(row | {"sharpe": sharpe})
    needed = found["needed_sharpe"]
    assert passes(needed + 1e-6)
    assert not passes(needed - 1e-6)
    if found["bars_needed"] is not None:
        assert (found["bars_needed"] == 0.0) == (sharpe >= needed)


def test_with_as_many_more_bars_the_ratio_stands_out():
    bars, years = ROW["bars"], ROW["years"]
    more = deflated_numbers(ROW)["bars_needed"]
    longer = 1.0 + more / bars
    later = ROW | {  # luck and error fall with the root of the bars
        "bars": bars * longer,
        "years": years * longer,
        "sharpe_standard_error": 0.3 / math.sqrt(longer),
        "trial_variance": 0.09 / longer,
    }
    assert more > 0.0
    assert deflated_numbers(later)["needed_sharpe"] == pytest.approx(0.9)


def test_a_single_trial_needs_no_variance_and_is_not_deflated():
    alone = deflated_numbers(ROW | {"trials": 1, "trial_variance": None, "benchmark_sharpe": None})
    assert alone["expected_best_sharpe"] == 0.0
    assert alone["needed_sharpe"] == pytest.approx(1.684 * 0.3, abs=1e-3)  # Student's t, 40 degrees
    assert alone["deflated_appraisal_ratio"] is None


def test_what_is_unknown_gives_no_number():
    for change in ({"trials": 0}, {"sharpe_standard_error": None}, {"trial_variance": None}):
        found = deflated_numbers(ROW | change)
        assert found["deflated_sharpe_ratio"] is found["needed_sharpe"] is None
    no_gain = deflated_numbers(ROW | {"sharpe": -0.1})
    assert no_gain["bars_needed"] is None
    assert no_gain["needed_sharpe"] > 0.0


def test_what_holding_does_not_explain_is_what_a_regression_leaves():
    generator = np.random.default_rng(1)
    held = generator.normal(0.001, 0.01, 5_000)
    own = 0.7 * held + generator.normal(0.0002, 0.005, 5_000)
    correlation = np.corrcoef(own, held)[0, 1]
    beta = correlation * own.std(ddof=1) / held.std(ddof=1)
    left = own - beta * held
    found = appraisal_ratio(
        sharpe=own.mean() / own.std(ddof=1),
        held_sharpe=held.mean() / held.std(ddof=1),
        correlation=correlation,
    )
    assert found == pytest.approx(left.mean() / left.std(ddof=1), rel=1e-9)
    assert appraisal_ratio(sharpe=0.5, held_sharpe=0.5, correlation=1.0) == 0.0


def test_a_confidence_of_one_is_refused():
    with pytest.raises(ValueError, match="confidence"):
        needed_sharpe(
            sharpe=1.0, standard_error=0.3, degrees=10, bars=100, years=1.0, trials=3,
            variance=0.1, confidence=1.0,
        )  # fmt: skip
