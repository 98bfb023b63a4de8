"""What a score is worth: 95 % intervals that know that rows overlap.

Every score is a mean of what each row contributes, or is one to first order (its influence). Its
standard error is the larger of two: the deviation over the root of the effective rows, and that of
Newey and West, which sees dependence that the overlap of labels does not explain. The interval
takes Student's t for the effective rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.models.cards.card import Score
from trading_pipeline.models.predictors.paths.path_scores import mean_error

__all__ = ["Worth", "interval", "mean_score", "scored"]

FloatArray = npt.NDArray[np.float64]
_TAIL = 0.975


@dataclass(frozen=True, kw_only=True, eq=False)
class Worth:
    """What rows in time order are worth: uniqueness of each, above 0 and at most 1.

    `overlap`: neighbours whose outcomes share bars with a row's own, on one side.
    """

    uniqueness: FloatArray
    overlap: int

    @property
    def effective_rows(self) -> float:
        """Number of independent rows that these are worth."""
        return float(self.uniqueness.sum())

    def at(self, rows: npt.NDArray[np.bool_] | slice) -> Worth:
        """That of some of the rows, which follow one another."""
        return Worth(uniqueness=self.uniqueness[rows], overlap=self.overlap)

    def error(self, parts: FloatArray) -> float:
        """Standard error of the mean of what the rows contribute."""
        plain = float(parts.std()) / math.sqrt(max(self.effective_rows, 1.0))
        return max(plain, mean_error(parts, self.overlap))


def interval(value: float, error: float, effective_rows: float) -> tuple[float, float]:
    """95 % interval of a score by its standard error.

    >>> low, high = interval(0.5, 0.1, 11.0)
    >>> round(low, 3), round(high, 3)
    (0.277, 0.723)
    """
    from scipy.special import stdtrit  # slow to load, and only where a card is made

    half = float(stdtrit(max(effective_rows - 1.0, 1.0), _TAIL)) * error
    return value - half, value + half


def mean_score(
    name: str,
    parts: FloatArray,
    worth: Worth,
    *,
    chance: float | None = None,
    most: float = math.inf,
) -> Score:
    """The mean of what the rows contribute, each from 0 to `most`; at least one row."""
    value = float(parts.mean())
    return scored(name, value, parts, worth, chance=chance, bounds=(0.0, most))


def scored(
    name: str,
    value: float | None,
    influence: FloatArray,
    worth: Worth,
    *,
    chance: float | None = None,
    least_error: float = 0.0,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Score:
    """A score whose error is that of the mean of `influence`, and at least `least_error`.

    `bounds`: what the score can be; the interval ends there. None as value gives a score without
    interval, as does a single row.
    """
    if value is None or len(influence) < 2:
        return Score(name=name, value=value, chance=chance)
    error = max(worth.error(influence), least_error)
    low, high = interval(value, error, worth.effective_rows)
    low, high = max(low, bounds[0]), min(high, bounds[1])
    return Score(name=name, value=value, low=low, high=high, chance=chance)
