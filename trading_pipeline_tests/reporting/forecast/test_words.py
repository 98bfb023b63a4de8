"""Probabilities in words."""

import pytest

from trading_pipeline.reporting.forecast import probability_in_words


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "0 %, very unlikely"),
        (0.2, "20 %, unlikely"),
        (0.4, "40 %, less likely than not"),
        (0.5, "50 %, a coin toss"),
        (0.6, "60 %, more likely than not"),
        (0.9, "90 %, likely"),
        (1.0, "100 %, very likely"),
    ],
)
def test_a_probability_is_said_in_percent_and_words(probability, words):
    assert probability_in_words(probability) == words
