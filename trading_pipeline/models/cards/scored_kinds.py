"""How each kind of forecast is scored: its scores, its losses, and the score that is its headline.

`probability`: `p_up` of an outcome of 1.0 or 0.0. `number`: `yhat` of a number, with `q05` and
`q95` where the predictor gives an interval. A path is a number at each of its horizons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.cards.card import Comparison, RateBin, Score
from trading_pipeline.models.cards.card_rows import HorizonRows
from trading_pipeline.models.cards.intervals import (
    Worth,
    interval,
    mean_score,
    scored,
)
from trading_pipeline.models.cards.ranked import (
    correlation,
    over_groups,
    rank_correlation,
    ranked_pairs,
)
from trading_pipeline.models.cards.scores import reliability_table, score_probabilities
from trading_pipeline.models.predictors.calls import calling
from trading_pipeline.models.predictors.predictor import Predictor, ScoredAs

__all__ = ["SCORED_KINDS", "ScoredKind", "comparisons", "rates_by_forecast", "scored_kind"]

FloatArray = npt.NDArray[np.float64]
_BINS = 10
_FEWEST_IN_A_BIN = 5.0


@dataclass(frozen=True, kw_only=True)
class ScoredKind:
    """A kind of forecast.

    `headline`: a score, or `<loss>_skill` against the baseline that is hardest to beat; empty where
    nothing is judged. `losses` of forecasts and outcomes: by name, one a row.
    """

    headline: str
    scores: Callable[[HorizonRows], tuple[Score, ...]]
    losses: Callable[[pd.DataFrame, pd.DataFrame], dict[str, FloatArray]]


def scored_kind(predictor: Predictor) -> ScoredKind:
    """How a predictor's forecasts are scored; without `scored_as` by its own `scores` alone."""
    if predictor.scored_as is None:
        return ScoredKind(headline="", scores=partial(_own_scores, predictor), losses=_no_losses)
    kind = SCORED_KINDS[predictor.scored_as]
    return kind if predictor.headline is None else replace(kind, headline=predictor.headline)


def comparisons(rows: HorizonRows, kind: ScoredKind) -> tuple[Comparison, ...]:
    """Each loss beside that of each baseline on the same rows; a baseline may lack some losses.

    The interval is that of the mean difference, as Diebold and Mariano (1995) compare forecasts.
    """
    own = kind.losses(rows.told, rows.outcomes)
    found = []
    for name, forecast in rows.baselines.items():
        for loss, usual in kind.losses(forecast, rows.outcomes).items():
            gains = usual - own[loss]
            gain, reference = float(gains.mean()), float(usual.mean())
            low = high = None
            if len(gains) > 1:
                low, high = interval(gain, rows.worth.error(gains), rows.worth.effective_rows)
            share = reference if reference > 0.0 else None
            found.append(
                Comparison(
                    baseline=name,
                    loss=loss,
                    value=float(own[loss].mean()),
                    baseline_value=reference,
                    gain=gain,
                    low=low,
                    high=high,
                    skill=None if share is None else gain / share,
                    skill_low=None if share is None or low is None else low / share,
                    skill_high=None if share is None or high is None else high / share,
                )
            )
    return tuple(found)


def rates_by_forecast(rows: HorizonRows) -> tuple[RateBin, ...]:
    """How often the outcome happened, for up to ten groups of equally many forecasts.

    The interval is Wilson's (1927) for the effective rows. Groups are fewer where they would be
    worth less than five rows each, or where forecasts are equal.
    """
    forecasts, outcomes = rows.told["p_up"].to_numpy(dtype="float64"), rows.label
    worth = rows.worth.uniqueness
    bins = int(np.clip(rows.worth.effective_rows // _FEWEST_IN_A_BIN, 1, _BINS))
    edges = np.unique(np.quantile(forecasts, np.arange(1, bins) / bins))
    group = np.searchsorted(edges, forecasts, side="right")
    found = []
    for each in np.unique(group).tolist():
        inside = group == each
        effective, rate = float(worth[inside].sum()), float(outcomes[inside].mean())
        low, high = _wilson(rate, effective)
        found.append(
            RateBin(
                lower=float(forecasts[inside].min()),
                upper=float(forecasts[inside].max()),
                rows=int(inside.sum()),
                effective_rows=effective,
                mean_forecast=float(forecasts[inside].mean()),
                observed_rate=rate,
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _wilson(rate: float, rows: float) -> tuple[float, float]:
    z = 1.959963984540054
    scale = 1.0 + z**2 / rows
    middle = (rate + z**2 / (2.0 * rows)) / scale
    half = z / scale * np.sqrt(rate * (1.0 - rate) / rows + z**2 / (4.0 * rows**2))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def _probability_losses(told: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, FloatArray]:
    odds, actual = told["p_up"].to_numpy("float64"), outcomes["label"].to_numpy("float64")
    inside = np.clip(odds, 1e-15, 1.0 - 1e-15)
    return {
        "brier": (odds - actual) ** 2,
        "log_loss": -(actual * np.log(inside) + (1.0 - actual) * np.log1p(-inside)),
        "error_rate": ((odds >= 0.5) != (actual == 1.0)).astype("float64"),
    }


def _probability_scores(rows: HorizonRows) -> tuple[Score, ...]:
    odds, actual, worth = rows.told["p_up"].to_numpy("float64"), rows.label, rows.worth
    if not np.isin(actual, (0.0, 1.0)).all():
        raise DataQualityError(
            "What is scored as a probability needs outcomes of 1.0 or 0.0, and the label has "
            "others. Give the predictor 'targets' that make them so, or leave scored_as out."
        )
    plain = score_probabilities(actual, odds, uniqueness=worth.uniqueness)
    losses = _probability_losses(rows.told, rows.outcomes)
    return (
        over_groups("auc", rows, odds, actual, ranked_pairs, chance=0.5, lowest=0.0),
        mean_score("brier", losses["brier"], worth),
        mean_score("log_loss", losses["log_loss"], worth),
        _calibration_error(actual, odds, worth, plain.expected_calibration_error),
        mean_score("accuracy", 1.0 - losses["error_rate"], worth, most=1.0),
        mean_score("base_rate", actual, worth, most=1.0),
    )


def _calibration_error(actual: FloatArray, odds: FloatArray, worth: Worth, value: float) -> Score:
    """With what perfectly calibrated forecasts would have by chance, from the effective rows."""
    group = np.minimum((odds * _BINS).astype(int), _BINS - 1)
    parts, by_chance = np.empty(len(odds)), 0.0
    for one in reliability_table(actual, odds):
        inside = group == round(one.lower * _BINS)
        side = np.sign(one.mean_forecast - one.observed_rate)
        parts[inside] = side * (odds[inside] - actual[inside])
        spread = one.mean_forecast * (1.0 - one.mean_forecast) / worth.uniqueness[inside].sum()
        by_chance += one.rows / len(odds) * float(np.sqrt(2.0 / np.pi * spread))
    return scored("ece", value, parts, worth, chance=by_chance, bounds=(0.0, 1.0))


def _number_losses(told: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, FloatArray]:
    miss = told["yhat"].to_numpy("float64") - outcomes["label"].to_numpy("float64")
    losses = {"mse": miss**2, "mae": np.abs(miss)}
    if "log_range" in told.columns:
        gap = told["log_range"].to_numpy("float64") - outcomes["log_range"].to_numpy("float64")
        losses["range"] = np.abs(gap)
    return losses


def _number_scores(rows: HorizonRows) -> tuple[Score, ...]:
    told, actual, worth = rows.told, rows.label, rows.worth
    guess = told["yhat"].to_numpy("float64")
    found = [
        over_groups("rank_ic", rows, guess, actual, rank_correlation, chance=0.0),
        over_groups("ic", rows, guess, actual, correlation, chance=0.0),
    ]
    if (actual < 0.0).any():
        moved = actual != 0.0
        risen = (actual[moved] > 0.0).astype("float64")
        right = (np.sign(guess) == np.sign(actual))[moved].astype("float64")
        found.append(mean_score("accuracy", right, worth.at(moved), most=1.0))
        found.append(mean_score("base_rate", risen, worth.at(moved), most=1.0))
    if {"q05", "q95"} <= set(told.columns):
        below = (actual < told["q05"].to_numpy("float64")).astype("float64")
        above = (actual > told["q95"].to_numpy("float64")).astype("float64")
        found.append(mean_score("coverage_90", 1.0 - below - above, worth, chance=0.9, most=1.0))
        found.append(mean_score("below_05", below, worth, chance=0.05, most=1.0))
        found.append(mean_score("above_95", above, worth, chance=0.05, most=1.0))
    return tuple(found)


def _own_scores(predictor: Predictor, rows: HorizonRows) -> tuple[Score, ...]:
    """What the predictor's own `scores` give, with intervals where they give errors."""
    with calling(predictor, "scores"):
        given = predictor.scores(rows.told, rows.outcomes, rows.worth.uniqueness)
    found = []
    for name, value in given.items():
        if name.endswith("_error") or value is None or not np.isfinite(value):
            continue
        error, low, high = given.get(f"{name}_error"), None, None
        if error is not None and np.isfinite(error):
            low, high = interval(float(value), float(error), rows.worth.effective_rows)
        found.append(Score(name=name, value=float(value), low=low, high=high))
    return tuple(found)


def _no_losses(told: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, FloatArray]:
    del told, outcomes
    return {}


SCORED_KINDS: Mapping[ScoredAs, ScoredKind] = {
    "probability": ScoredKind(
        headline="auc", scores=_probability_scores, losses=_probability_losses
    ),
    "number": ScoredKind(headline="rank_ic", scores=_number_scores, losses=_number_losses),
    "path": ScoredKind(headline="mse_skill", scores=_number_scores, losses=_number_losses),
}
"""By the name that a predictor gives as `scored_as`."""
