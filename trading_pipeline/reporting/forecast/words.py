"""Probabilities in words."""

from __future__ import annotations

__all__ = ["probability_in_words"]

_WORDS = (
    (0.05, "very unlikely"),
    (0.30, "unlikely"),
    (0.45, "less likely than not"),
    (0.55, "a coin toss"),
    (0.70, "more likely than not"),
    (0.95, "likely"),
    (1.00, "very likely"),
)


def probability_in_words(probability: float) -> str:
    """A probability of a rise in percent and in words.

    >>> probability_in_words(0.52)
    '52 %, a coin toss'
    >>> probability_in_words(0.04)
    '4 %, very unlikely'
    """
    words = next(text for bound, text in _WORDS if probability <= bound or bound == 1.0)
    return f"{100.0 * probability:.0f} %, {words}"
