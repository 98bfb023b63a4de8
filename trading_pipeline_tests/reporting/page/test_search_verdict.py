"""The verdict on a search, in one sentence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.reporting.page.search_verdict import search_verdict
from trading_pipeline.reporting.page.verdict import is_ahead, verdict
from trading_pipeline_tests.reporting.page.test_verdict import GOOD

ROW = GOOD | {
    "expected_best_sharpe": 0.55,
    "needed_sharpe": 1.3,
    "bars_needed": 0.0,
    "periods_per_year": 252.0,
    "trials": 95,
}
LUCK = {"sharpe": 0.6, "deflated_sharpe_ratio": 0.55, "bars_needed": 5_230.0}
HEAD = (
    "After 95 trials the best must show a Sharpe ratio (return over risk, a year) of 1.30 to stand "
    "out from luck, which alone is expected to reach 0.55; it has "
)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({}, "1.40: it stands out so far."),
        (LUCK, "0.60: not enough to tell, about 5,200 more bars (21 years) like these are needed."),
        (
            LUCK | {"bars_needed": 252.0 * 60},
            "0.60: not enough to tell, about 15,000 more bars like these are needed, more than 50 "
            "years.",
        ),
        (
            LUCK | {"bars_needed": 1e21},
            "0.60: not enough to tell, more bars than any market has are needed.",
        ),
        (
            LUCK | {"trade_count": 12, "bars": 800.0},
            "0.60: not enough to tell (12 trades), about 5,200 more bars (21 years) like these are "
            "needed.",
        ),
        (
            LUCK | {"trade_count": 12, "bars": 800.0, "bars_needed": 500.0},
            "0.60: not enough to tell (12 trades; about 1,200 more bars).",
        ),
        (
            LUCK | {"benchmark_total_return": 0.9, "benchmark_sharpe": 0.8},
            "0.60: it earned less than buy and hold, and to be told from luck about 5,200 more "
            "bars (21 years) like these are needed.",
        ),
        (
            {"sharpe": -0.2, "total_return": -0.1, "benchmark_total_return": -0.2},
            "−0.20: it earned nothing for its risk, Sharpe −0.20.",
        ),
        ({"audit": "none"}, "1.40: not audited (not checked for look-ahead)."),
        (
            {"deflated_appraisal_ratio": 0.5, "bars_needed": 100.0, "needed_sharpe": 1.5},
            "1.40: not enough to tell, about 100 more bars (0.4 years) like these are needed.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_needed_and_what_follows(change, end):
    row = ROW | change
    head = HEAD.replace("1.30", f"{row['needed_sharpe']:.2f}")
    if "deflated_appraisal_ratio" in change:
        head = head.replace(";", ", and from holding, which has 0.50;")
    assert search_verdict(row) == head + end


def test_a_single_trial_is_not_compared_with_luck_of_many():
    told = search_verdict(ROW | {"trials": 1, "expected_best_sharpe": 0.0})
    assert told.startswith("A single trial must show a Sharpe ratio (return over risk, a year) of")


@pytest.mark.parametrize(
    "change",
    [
        {"warnings": "Look-ahead: fills"},
        {"warnings": "Invalid trial: wrong"},
        {"trade_count": 0},
        {"needed_sharpe": None},
        {"expected_best_sharpe": math.nan},
        {"sharpe": 12.0},
    ],
)
def test_numbers_that_do_not_count_are_not_told(change):
    assert search_verdict(ROW | change) == f"{verdict(ROW | change)}."


@given(
    st.dictionaries(
        st.sampled_from(sorted(ROW)),
        st.one_of(st.none(), st.floats(), st.just("text"), st.floats(0.0, 3.0)),
    )
)
def test_whatever_the_row_it_is_one_sentence_and_never_kinder_than_the_verdict(change):
    row = ROW | change
    told = search_verdict(row)
    assert told.endswith(".")
    assert ". " not in told
    assert ("stands out so far" in told.lower()) == verdict(row).startswith("Stands out")
    assert is_ahead(verdict(row)) or "ahead so far" not in told.lower()
