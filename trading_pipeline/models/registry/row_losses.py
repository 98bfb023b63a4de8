"""The loss of each prediction whose outcome is known, and what two models' losses differ by.

A loss is squared error: of a probability (its mean is the Brier score), of a number, or of the log
return of the close at the first horizon of a path. Smaller is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor
from trading_pipeline.models.predictors.predictor import History, Predictor
from trading_pipeline.models.training.effective_rows import label_clock, row_uniqueness
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["LossDifference", "loss_difference", "row_losses"]


@dataclass(frozen=True, kw_only=True)
class LossDifference:
    """Mean losses of two models on the rows that both predicted, and of their difference.

    `difference`: the second less the first, negative where the second is better. `error`: its
    standard error, from the deviation of the paired differences over the root of `effective_rows`.
    """

    rows: int
    effective_rows: float
    first: float
    second: float
    difference: float
    error: float

    def errors_away(self) -> float:
        """Standard errors between the difference and 0; infinite where nothing varies."""
        if self.difference == 0.0:
            return 0.0
        return abs(self.difference) / self.error if self.error > 0.0 else float("inf")


def row_losses(
    predictor: Predictor,
    spec: ModelSpec,
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    history: History | None,
) -> pd.DataFrame | None:
    """Columns t0, t1 and loss, index ts, of predictions whose outcome is known.

    `predictions`: the predictor's columns and `horizon`, NaN where there is none. `labels`: those
    of the spec with the predictor's `label_features`; rows whose outcome is not known yet are not
    among them. None for a predictor whose
    `scored_as` says neither a probability, nor a number, nor a path.
    """
    if isinstance(predictor, PathPredictor):
        return None if history is None else _path_losses(predictor, spec, predictions, history)
    targets = predictor.targets(spec, labels, history)
    forecast = predictor.forecast_column
    if forecast is None or "label" not in targets.columns or predictions.index.has_duplicates:
        return None
    told = predictions[forecast].dropna()
    known = targets.loc[targets.index.intersection(told.index)]
    missed = told.loc[known.index].to_numpy("float64") - known["label"].to_numpy("float64")
    return known[["t0", "t1"]].assign(loss=missed**2)


def loss_difference(first: pd.DataFrame, second: pd.DataFrame) -> LossDifference | None:
    """The difference on the rows of both, by the answers of `row_losses`; None without any.

    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> rows = pd.DataFrame({"t0": days[:2], "t1": days[1:], "loss": [0.3, 0.2]}, index=days[:2])
    >>> loss_difference(rows, rows.assign(loss=[0.1, 0.2]))
    LossDifference(rows=2, effective_rows=2.0, first=0.25, second=0.15, difference=-0.1, error=0.1)
    """
    common = first.index.intersection(second.index)
    common = common[(first.loc[common, "t1"] == second.loc[common, "t1"]).to_numpy()]
    if len(common) < 2:
        return None
    ours, theirs = first.loc[common, "loss"].to_numpy(), second.loc[common, "loss"].to_numpy()
    rows = first.loc[common]
    effective = float(row_uniqueness(rows, label_clock(rows)).sum())
    return LossDifference(
        rows=len(common),
        effective_rows=effective,
        first=round(float(ours.mean()), 15),
        second=round(float(theirs.mean()), 15),
        difference=round(float((theirs - ours).mean()), 15),
        error=round(float((theirs - ours).std(ddof=1) / np.sqrt(effective)), 15),
    )


def _path_losses(
    predictor: PathPredictor, spec: ModelSpec, predictions: pd.DataFrame, history: History
) -> pd.DataFrame:
    """At the first horizon that is stored."""
    horizon = predictor.steps(spec, history)[0]
    told = predictions.loc[predictions["horizon"] == horizon].dropna(subset=[*predictor.columns])
    at = history.bars.index.get_indexer(told.index)
    known = (at >= 0) & (at + horizon < len(history.bars))
    told, at = told.loc[known], at[known]
    closes = history.bars["close"].to_numpy("float64")
    outcome = np.log(closes[at + horizon] / closes[at])
    guess = predictor.close_forecasts(told, closes[at])["yhat"].to_numpy("float64")
    moments = {"t0": history.known_at[at], "t1": history.known_at[at + horizon]}
    return pd.DataFrame({**moments, "loss": (guess - outcome) ** 2}, index=told.index)
