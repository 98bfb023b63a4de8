"""Student's t distribution for whole degrees of freedom, without loading scipy (half a second).

Source: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4; Hill (1970), "Student's
t-distribution", algorithm 395, for more than 60 degrees (error below 1e-7).
"""

from __future__ import annotations

import math
from statistics import NormalDist

from trading_pipeline.errors import ConfigurationError

__all__ = ["student_probability", "student_quantile"]

_EXACT_UP_TO = 60
_STEPS = 80


def student_probability(score: float, *, degrees: int) -> float:
    """Probability of a value below `score`; NaN for NaN.

    Raises `ConfigurationError` below one degree of freedom.

    >>> round(student_probability(2.015, degrees=5), 3)
    0.95
    """
    _check_degrees(degrees)
    if math.isnan(score):
        return math.nan
    if math.isinf(score):
        return 1.0 if score > 0.0 else 0.0
    if degrees > _EXACT_UP_TO:
        return 0.5 * math.erfc(-_normal_score(score, degrees) / math.sqrt(2.0))
    inside = _probability_between(abs(score), degrees)
    return 0.5 + math.copysign(0.5 * min(inside, 1.0), score)


def student_quantile(probability: float, *, degrees: int) -> float:
    """Value that is exceeded with `1 - probability`, accurate to 1e-9 of itself.

    Raises `ConfigurationError` for a probability outside (0, 1), or below one degree of freedom.

    >>> round(student_quantile(0.95, degrees=5), 3)
    2.015
    """
    _check_degrees(degrees)
    if not 0.0 < probability < 1.0:
        raise ConfigurationError(
            f"The probability is {probability}; it must lie between 0 and 1, for example 0.95.",
            probability=probability,
        )
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_quantile(1.0 - probability, degrees=degrees)
    low, high = 0.0, 2.0 * NormalDist().inv_cdf(probability)
    while student_probability(high, degrees=degrees) < probability and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if student_probability(middle, degrees=degrees) < probability:
            low = middle
        else:
            high = middle
        if high - low <= 1e-10 * high:
            break
    return 0.5 * (low + high)


def _check_degrees(degrees: int) -> None:
    if degrees < 1:
        raise ConfigurationError(
            f"The degrees of freedom are {degrees}; there must be 1 or more.", degrees=degrees
        )


def _probability_between(size: float, degrees: int) -> float:
    """Probability of a value between `-size` and `size`, as a finite sum."""
    angle = math.atan(size / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    squared = cosine * cosine
    if degrees == 1:
        return 2.0 * angle / math.pi
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = term
    for step in range(3 if odd else 2, degrees - 1, 2):
        term *= squared * (step - 1) / step
        total += term
    total *= sine
    return 2.0 / math.pi * (angle + total) if odd else total


def _normal_score(score: float, degrees: int) -> float:
    """Score of the normal law that is exceeded as often."""
    shifted = degrees - 0.5
    scale = 48.0 * shifted * shifted
    grown = shifted * math.log1p(score * score / degrees)
    inner = ((-0.4 * grown - 3.3) * grown - 24.0) * grown - 85.5
    factor = (inner / (0.8 * grown * grown + 100.0 + scale) + grown + 3.0) / scale + 1.0
    return math.copysign(factor * math.sqrt(grown), score)
