"""Scores as people read them."""

from __future__ import annotations

from trading_pipeline.models.cards.card import Score
from trading_pipeline.models.cards.verdict import words_of
from trading_pipeline.reporting.page.number_format import MISSING, format_number

__all__ = ["interval_text", "score_interval", "score_label", "score_number", "score_value"]


def score_label(name: str) -> str:
    """Name of a score."""
    return words_of(name).label


def score_number(name: str, value: float | None) -> str:
    """A number in the form of a score.

    >>> score_number("auc", 0.5137), score_number("ece", 0.021), score_number("mse", 0.0004321)
    ('0.514', '2.10 %', '0.0004321')
    """
    if value is None:
        return MISSING
    kind = words_of(name).kind
    if kind == "small":
        return f"{value:#.4g}".replace("-", "\N{MINUS SIGN}")
    return format_number(value, kind)


def score_value(score: Score) -> str:
    """Value of a score."""
    return score_number(score.name, score.value)


def score_interval(score: Score) -> str:
    """95 % interval of a score; a dash where it has none."""
    return interval_text(score.name, score.low, score.high)


def interval_text(name: str, low: float | None, high: float | None) -> str:
    """Both bounds in the form of a score; a dash where one is missing."""
    if low is None or high is None:
        return MISSING
    return f"{score_number(name, low)} to {score_number(name, high)}"
