"""The verdict follows the interval of one score, and its digits show it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.models.cards.card import Comparison, Score
from trading_pipeline.models.cards.verdict import HEADLINES, SCORE_WORDS, headline_of, judged

NUMBERS = st.floats(0.0, 1.0)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted))
def test_skill_is_said_only_where_the_interval_is_beyond_chance(numbers):
    low, value, high = numbers
    score = Score(name="auc", value=value, low=low, high=high, chance=0.5)
    verdict = judged(score, "always up", 100.0)
    assert (verdict.judgement == "better") == (low > 0.5)
    assert (verdict.judgement == "worse") == (high < 0.5)
    assert (verdict.judgement == "no better") == (low <= 0.5 <= high)


def test_digits_show_on_which_side_of_chance_an_interval_ends():
    score = Score(name="auc", value=0.52, low=0.5013, high=0.54, chance=0.5)
    assert judged(score, "always up", 900.0).text == (
        "Better than always up: AUC 0.520, 95 % 0.501 to 0.540."
    )
    skill = Score(name="mse_skill", value=-0.02, low=-0.03, high=-0.0002, chance=0.0)
    told = judged(skill, "drift", 900.0, ahead=" 1 bar ahead").text
    assert told == "Worse than drift: skill −2.00 % 1 bar ahead, 95 % −3.00 % to −0.02 %."


@pytest.mark.parametrize("value", [None, 0.5])
def test_a_score_without_an_interval_tells_nothing(value):
    verdict = judged(Score(name="auc", value=value, chance=0.5), "always up", 900.0)
    assert verdict.judgement == "not enough"


def compared(baseline, value, skill):
    numbers = {"skill": skill, "skill_low": skill - 0.1, "skill_high": skill + 0.1}
    return Comparison(
        baseline=baseline,
        loss="mse",
        value=1.0,
        baseline_value=value,
        gain=value - 1.0,
        low=None,
        high=None,
        **numbers,
    )


def test_skill_is_measured_against_the_baseline_that_is_hardest_to_beat():
    rivals = [compared("zero", 1.5, 0.33), compared("drift", 0.9, -0.11)]
    score, against = headline_of("mse_skill", [], rivals)
    assert (against, score.value) == ("drift", -0.11)
    assert headline_of("mse_skill", [], []) == (None, "")


def test_every_headline_has_words():
    assert {name for names in HEADLINES.values() for name in names} <= set(SCORE_WORDS)
