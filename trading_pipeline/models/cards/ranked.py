"""Scores of ranks and correlations: measured among the rows of a fit, and averaged over fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trading_pipeline.models.cards.card import Score
from trading_pipeline.models.cards.card_rows import HorizonRows
from trading_pipeline.models.cards.intervals import scored
from trading_pipeline.models.cards.scores import auc_error

__all__ = ["correlation", "over_groups", "rank_correlation", "ranked_pairs"]

FloatArray = npt.NDArray[np.float64]
Measured: TypeAlias = tuple[float, FloatArray, float]
"""A score, what each row contributes to it, and its least error from the effective rows."""
Measure = Callable[[FloatArray, FloatArray, FloatArray], Measured | None]
"""From forecasts, outcomes and uniqueness; None where the outcomes are all the same."""


def over_groups(
    name: str,
    rows: HorizonRows,
    forecasts: FloatArray,
    outcomes: FloatArray,
    measure: Measure,
    *,
    chance: float,
    lowest: float = -1.0,
) -> Score:
    """The mean of a score over `rows.groups`, each weighted by its rows, with its interval.

    The score lies from `lowest` to 1. Groups in which all outcomes are the same are left out;
    without any other the value is None.
    """
    found, parts, kept = [], [], np.zeros(len(rows), dtype=bool)
    for group in rows.groups:
        measured = measure(forecasts[group], outcomes[group], rows.worth.uniqueness[group])
        if measured is not None:
            value, influence, error = measured
            found.append((len(influence), value, error))
            parts.append(influence)
            kept[group] = True
    if not found:
        return Score(name=name, value=None, chance=chance)
    weights = np.array([count for count, _, _ in found]) / kept.sum()
    values, errors = (np.array([each[at] for each in found]) for at in (1, 2))
    return scored(
        name,
        float(weights @ values),
        np.concatenate(parts),
        rows.worth.at(kept),
        chance=chance,
        least_error=float(np.sqrt(np.sum((weights * errors) ** 2))),
        bounds=(lowest, 1.0),
    )


def ranked_pairs(
    forecasts: FloatArray, outcomes: FloatArray, uniqueness: FloatArray
) -> Measured | None:
    """The AUC of outcomes of 1.0 and 0.0; ties count as one half.

    A row contributes its share of pairs ranked rightly, after DeLong, DeLong and Clarke-Pearson
    (1988), Biometrics 44; the least error is that of `auc_error`.
    """
    risen = outcomes == 1.0
    ones, zeros = np.sort(forecasts[risen]), np.sort(forecasts[~risen])
    if not len(ones) or not len(zeros):
        return None
    below = np.searchsorted(zeros, forecasts, "left") + np.searchsorted(zeros, forecasts, "right")
    above = np.searchsorted(ones, forecasts, "left") + np.searchsorted(ones, forecasts, "right")
    rate = float(risen.mean())
    right = np.where(risen, below / (2.0 * len(zeros)), 1.0 - above / (2.0 * len(ones)))
    area = float(right[risen].mean())
    influence: FloatArray = (right - area) / np.where(risen, rate, 1.0 - rate)
    error = auc_error(area, float(uniqueness[risen].sum()), float(uniqueness[~risen].sum()))
    return area, influence, error


def correlation(
    forecasts: FloatArray, outcomes: FloatArray, uniqueness: FloatArray
) -> Measured | None:
    """Pearson's correlation; 0 for a forecast that never changes, which ranks nothing."""
    if len(outcomes) < 2 or outcomes.min() == outcomes.max():
        return None
    least = 1.0 / math.sqrt(max(float(uniqueness.sum()) - 1.0, 1.0))
    if forecasts.min() == forecasts.max():
        return 0.0, np.zeros(len(outcomes)), least
    first, second = ((each - each.mean()) / each.std() for each in (forecasts, outcomes))
    value = float(np.mean(first * second))
    influence: FloatArray = first * second - value * (first**2 + second**2) / 2.0
    return value, influence, least * (1.0 - value**2)


def rank_correlation(
    forecasts: FloatArray, outcomes: FloatArray, uniqueness: FloatArray
) -> Measured | None:
    """Spearman's correlation: that of the ranks."""
    from scipy.stats import rankdata  # late: it takes a second to load

    return correlation(rankdata(forecasts), rankdata(outcomes), uniqueness)
