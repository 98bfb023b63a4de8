"""Stored predictions as a card takes them, and the scores of one window's."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from trading_pipeline.errors import DataQualityError, ModelTrainingError
from trading_pipeline.models.cards.card_rows import CardFit, CardInput, horizon_rows
from trading_pipeline.models.cards.scored_kinds import scored_kind
from trading_pipeline.models.predictors.predictor import History, Predictor
from trading_pipeline.models.registry.fitted_model import FittedModel
from trading_pipeline.models.registry.model_files import load_model
from trading_pipeline.models.training.walk_forward_folds import Fold
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.workspace import Workspace

__all__ = ["card_fits", "window_scores"]

_STAMPS = ("train_start", "train_end", "last_label_end", "test_start", "test_end")


def card_fits(
    workspace: Workspace,
    folds: pd.DataFrame,
    predictions: pd.DataFrame,
    seconds: Mapping[str, float] | None = None,
) -> list[CardFit]:
    """The fits of fold tables that have a model, each with what it predicted."""
    by_model = {str(name): each for name, each in predictions.groupby("model_id", sort=False)}
    return [
        CardFit(
            model_id=fold["model_id"],
            fold=_fold(fold),
            predictions=by_model.get(fold["model_id"], predictions.iloc[:0]),
            load=_Loader(workspace, fold["path"], fold["sha256"]),
            seconds=(seconds or {}).get(fold["model_id"]),
        )
        for _, fold in folds.iterrows()
        if fold["model_id"]
    ]


def window_scores(
    spec: ModelSpec,
    predictor: Predictor,
    instrument_id: str,
    fits: list[CardFit],
    labels: pd.DataFrame,
    history: History | None,
) -> dict[str, float]:
    """Scores of predictions whose outcomes are known, at the first horizon; empty without any.

    The first score has its 95 % interval. A user's predictor that cannot be scored gives none here:
    its card says why.
    """
    given = CardInput(
        spec=spec,
        predictor=predictor,
        instrument=instrument_id,
        fits=fits,
        refit_dates=len(fits),
        features=pd.DataFrame(index=labels.index),
        labels=labels,
        history=history,
        families={},
    )
    try:
        rows = horizon_rows(given, baselines=False)[:1]
        scores = [score for each in rows for score in scored_kind(predictor).scores(each)]
    except (DataQualityError, ModelTrainingError):
        return {}
    found = {score.name: score.value for score in scores}
    for score in scores[:1]:
        found |= {f"{score.name}_low": score.low, f"{score.name}_high": score.high}
    told = {name: value for name, value in found.items() if value is not None}
    return told | ({"scored_rows": float(len(rows[0]))} if rows else {})


class _Loader:
    """Loads a stored model when it is asked for."""

    def __init__(self, workspace: Workspace, path: str, sha256: str) -> None:
        self._workspace, self._path, self._sha256 = workspace, path, sha256

    def __call__(self) -> FittedModel:
        path = self._workspace.settings.runtime / self._path
        predictors = self._workspace.registries.predictors
        return load_model(path, predictors, sha256=self._sha256)


def _fold(row: pd.Series) -> Fold:
    values: dict[str, str | int | None] = {
        name: None if pd.isna(row[name]) else row[name].isoformat() for name in _STAMPS
    }
    return Fold.from_dict(values | {n: int(row[n]) for n in ("rows", "purged", "embargoed")})
