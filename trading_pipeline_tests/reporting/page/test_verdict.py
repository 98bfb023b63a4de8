"""The verdict: what it says of each fault, and that no fault lets a result stand out."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.reporting.page.verdict import FEW_TRADES, is_ahead, verdict

GOOD = {
    "trade_count": 80.0,
    "bars": 2_520.0,
    "years": 10.0,
    "sharpe": 1.4,
    "benchmark_sharpe": 0.5,
    "total_return": 0.5,
    "benchmark_total_return": 0.2,
    "max_drawdown": -0.1,
    "benchmark_max_drawdown": -0.4,
    "probabilistic_sharpe_ratio": 0.99,
    "deflated_sharpe_ratio": 0.97,
    "sharpe_standard_error": 0.3,
    "minimum_track_record_bars": 400.0,
    "trials": 42.0,
    "audit": "passed",
    "warnings": "",
}


def test_a_result_that_nothing_speaks_against_stands_out():
    assert verdict(GOOD) == "Stands out so far"
    assert is_ahead(verdict(GOOD))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"warnings": "Look-ahead: fill='same_close' fills"}, "Worthless: it looks ahead"),
        (
            {"warnings": "Free fills: 0.\nLeakage allowed by 'allow_overlap': model x"},
            "Worthless: the model was trained on these bars",
        ),
        (
            {"warnings": "Look-ahead allowed: a rule of the exchange"},
            "Not judged: look-ahead is allowed",
        ),
        ({"audit": "look_ahead_allowed"}, "Not judged: look-ahead is allowed"),
        ({"warnings": "Implausible: Sharpe 4.2 on daily bars"}, "Implausible: look for"),
        ({"sharpe": 12.0}, "Implausible: look for"),
        ({"trade_count": None}, "No trades"),
        ({"trade_count": 0.0}, "No trades"),
        (
            {"trade_count": 12.0, "bars": 800.0},
            "Not enough to tell: 12 trades; about 1,200 more bars",
        ),
        ({"trade_count": 1.0, "bars": None}, "Not enough to tell: 1 trade"),
        (
            {"deflated_appraisal_ratio": 0.9},
            "May be luck beside buy and hold, after 42 trials",
        ),
        ({"sharpe": math.nan}, "Not measurable"),
        ({"total_return": None}, "Not measurable"),
        (
            {
                "bars": 252.0,
                "years": 1.0,
                "sharpe_standard_error": 1.0,
                "probabilistic_sharpe_ratio": 0.9,
                "minimum_track_record_bars": 422.0,
            },
            "Not enough to tell: about 170 more bars",
        ),
        (
            {
                "bars": 252.0,
                "years": 1.0,
                "sharpe_standard_error": 1.0,
                "probabilistic_sharpe_ratio": 0.5001,
                "minimum_track_record_bars": 1e15,
            },
            "Not enough to tell: more bars than any market has",
        ),
        (
            {
                "bars": 252.0,
                "sharpe": -0.3,
                "sharpe_standard_error": 1.0,
                "probabilistic_sharpe_ratio": 0.4,
                "minimum_track_record_bars": None,
            },
            "Not enough to tell: about 430 more bars",
        ),
        (
            {"years": 1.0, "sharpe_standard_error": None, "probabilistic_sharpe_ratio": None},
            "Not enough to tell: too few bars",
        ),
        ({"total_return": 0.1, "benchmark_sharpe": 1.4}, "Earned less than buy and hold"),
        ({"total_return": 0.1, "max_drawdown": -0.4}, "Earned less than buy and hold"),
        ({"total_return": 0.2, "benchmark_sharpe": None}, "Earned less than buy and hold"),
        (
            {"sharpe": -0.1, "total_return": -0.1, "benchmark_total_return": -0.5},
            "Earned nothing for its risk: Sharpe −0.10",
        ),
        (
            {"benchmark_sharpe": 1.5},
            "Earned more than buy and hold only by more risk: Sharpe 1.40 against 1.50",
        ),
        ({"deflated_sharpe_ratio": 0.5}, "May be luck after 42 trials"),
        ({"deflated_sharpe_ratio": 0.5, "trials": None}, "May be luck after all trials made so"),
        (
            {"deflated_sharpe_ratio": 0.5, "trials": 460.0, "trials_at_creation": 1},
            "May be luck after 460 trials",
        ),
        ({"probabilistic_sharpe_ratio": 0.9}, "May be luck"),
        (
            {"deflated_sharpe_ratio": None, "trials": None, "trials_at_creation": 1234},
            "Ahead, but not deflated for 1,234 trials",
        ),
        (
            {"deflated_sharpe_ratio": None, "trials": 1, "probabilistic_sharpe_ratio": None},
            "May be luck",
        ),
        (
            {"sharpe": 0.7, "years": 9.2, "trials": 45.0},
            "May be luck after 45 trials: they need 10.2 years at this Sharpe ratio; this has 9.2",
        ),
        ({"warnings": "Free fills: commission"}, "Not judged: its fills are free"),
        ({"audit": None}, "Not audited: not checked for look-ahead"),
        ({"audit": "not_audited"}, "Not audited"),
        ({"audit": "anything else"}, "Not audited"),
        ({"warnings": "Not audited: bare signals"}, "Not audited"),
    ],
)
def test_verdict_is_the_strictest_that_applies(change, words):
    found = verdict(GOOD | change)
    assert found.startswith(words)
    assert not is_ahead(found)


def test_a_smaller_return_with_less_risk_is_said_with_its_numbers_and_judged_for_luck():
    calm = GOOD | {
        "sharpe": 0.71,
        "benchmark_sharpe": 0.44,
        "total_return": 0.1,
        "max_drawdown": -0.12,
        "benchmark_max_drawdown": -0.43,
        "years": 14.0,
    }
    words = "less than buy and hold with less risk: Sharpe 0.71 against 0.44, max drawdown "
    words += "−12 % against −43 %"
    assert verdict(calm) == f"Stands out so far; earned {words}"
    lucky = verdict(calm | {"deflated_sharpe_ratio": 0.5})
    assert lucky == f"Earned {words}; may be luck after 42 trials"
    assert not is_ahead(lucky)
    assert verdict(calm | {"audit": None}).startswith(f"Earned {words}; not audited")


def test_twice_the_sharpe_ratio_with_half_the_drawdown_of_holding_is_not_called_less():
    steady = GOOD | {
        "sharpe": 0.8,
        "benchmark_sharpe": 0.4,
        "total_return": 0.9,
        "benchmark_total_return": 1.1,
        "max_drawdown": -0.25,
        "benchmark_max_drawdown": -0.5,
        "years": 14.0,
    }
    words = "less than buy and hold with less risk: Sharpe 0.80 against 0.40, max drawdown "
    words += "−25 % against −50 %"
    assert verdict(steady) == f"Stands out so far; earned {words}"
    assert is_ahead(verdict(steady))
    for change in ({"benchmark_sharpe": 0.8}, {"max_drawdown": -0.5}):  # no less risk than holding
        assert verdict(steady | change) == "Earned less than buy and hold"


def test_one_trial_needs_no_deflation():
    alone = GOOD | {"deflated_sharpe_ratio": None, "trials": 1}
    assert verdict(alone) == "Ahead so far"


def test_a_mark_counts_only_at_the_start_of_a_warning():
    assert verdict(GOOD | {"warnings": "Dates: no Look-ahead here"}) == "Stands out so far"
    assert verdict(GOOD | {"warnings": "Dates: x\n  Leakage allowed"}).startswith("Worthless")


def test_rebalances_count_in_place_of_trades_where_they_are_known():
    few = GOOD | {"trade_count": 3.0}
    assert verdict(few).startswith("Not enough to tell: 3 trades")
    assert verdict(few | {"rebalance_count": 90.0}) == "Stands out so far"
    assert verdict(GOOD | {"rebalance_count": 1.0}).startswith("Not enough to tell: 1 rebalance;")
    assert verdict(few | {"rebalance_count": math.nan}).startswith("Not enough to tell: 3 trades")


FLAWS = [
    {"warnings": "Look-ahead: same close"},
    {"warnings": "Look-ahead allowed: reason"},
    {"warnings": "Leakage allowed by 'allow_overlap'"},
    {"warnings": "Implausible: Sharpe 7.21"},
    {"warnings": "Not audited: bare signals"},
    {"warnings": "Free fills: 0"},
    {"audit": None},
    {"audit": "not_audited"},
    {"audit": "look_ahead_allowed"},
    {"audit": math.nan},
    {"trade_count": FEW_TRADES - 1.0},
    {"trade_count": 0.0},
    {"trade_count": None},
    {"rebalance_count": FEW_TRADES - 1.0},
    {"sharpe": None},
    {"sharpe": -0.2},
    {"sharpe": 11.0},
    {"total_return": None},
    {"total_return": 0.1, "benchmark_sharpe": 20.0},
    {"total_return": 0.1, "max_drawdown": -0.5},
    {"benchmark_sharpe": 20.0},
    {"deflated_sharpe_ratio": 0.94},
    {"deflated_sharpe_ratio": 0.0},
    {"probabilistic_sharpe_ratio": 0.9},
    {"years": 0.5, "sharpe": 0.9, "trials": 45.0},
]


@settings(max_examples=300)
@given(
    flaws=st.lists(st.sampled_from(FLAWS), min_size=1, max_size=5),
    sharpe=st.floats(0.9, 9.0),
    trials=st.one_of(st.none(), st.integers(2, 5_000)),
    warned=st.sampled_from(["", "Dates: cut short", "Survivorship: chosen with hindsight"]),
)
def test_no_combination_of_flaws_stands_out(flaws, sharpe, trials, warned):
    row = GOOD | {"sharpe": sharpe, "trials": trials, "years": 30.0}
    lines = [warned, *(str(flaw.get("warnings", "")) for flaw in flaws)]
    for flaw in flaws:
        row |= flaw
    assert not is_ahead(verdict(row | {"warnings": "\n".join(lines)}))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.one_of(st.none(), st.just(math.nan), st.floats(-1e6, 1e6), st.text(max_size=5)),
    )
)
def test_any_row_has_a_verdict_and_none_stands_out_without_its_audit(row):
    words = verdict(row)
    assert words
    if row.get("audit") != "passed":
        assert not is_ahead(words)
    assert not is_ahead(verdict(GOOD | row | {"audit": None}))
