"""The checks of a search, as a table on the asset page."""

from __future__ import annotations

from trading_pipeline.reporting.study.checks_table import checks_table


def test_each_check_that_was_made_is_a_line_and_the_others_are_left_out():
    summary = {
        "trials": 90,
        "pbo": {"probability": 0.886},
        "effective_trials": 1.46,
        "spa": {"against_holding": {"p_value": 0.938}},
        "plateau": {"shape": "slope"},
        "stress": {"sub_periods": {"not_enough": "There are 3 bars."}},
        "break_even_cost_bps": 1183.2,
    }
    lines = [line.split(" | ")[:2] for line in checks_table(summary).splitlines()[2:]]
    assert lines == [
        ["| overfitting (PBO)", "89 %"],
        ["| effective trials", "1.5 of 90"],
        ["| better than holding (SPA)", "p = 0.938"],
        ["| neighbours of the best", "slope"],
        ["| break-even cost", "1,183 bps"],
    ]


def test_a_summary_without_checks_has_no_table():
    assert checks_table({"trials": 3, "pbo": {"not_enough": "Too few bars."}}) == ""
