"""The rows that describe a fit: in the fold table of its partition, and in the table `models`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ModelIntegrityError
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.fitted_model import FittedModel
from trading_pipeline.models.registry.model_files import read_metadata
from trading_pipeline.models.training.walk_forward_folds import Fold
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = [
    "FIT_SECONDS",
    "ModelRow",
    "fit_seconds",
    "fold_table",
    "folds_are_sound",
    "model_damage",
    "model_row",
    "no_model_row",
]

Row = dict[str, Any]
"""Column name to a plain value, as the stores take it."""
FIT_SECONDS = "fit_seconds"
"""Name among the metrics of the table `models`; it differs from run to run, so no file has it."""
_STAMPS = ("train_start", "train_end", "last_label_end", "test_start", "test_end")


@dataclass(frozen=True)
class ModelRow:
    """A fit as a row of the fold table and as a row of the table `models`."""

    fold: Row
    registry: Row


def model_row(
    fitted: FittedModel,
    window_key: str,
    stored: str,
    path: Path,
    workspace: Workspace,
    *,
    fit_seconds: float | None = None,
) -> ModelRow:
    """Both rows of a saved model; `stored` is its path below the runtime folder.

    `fit_seconds`: how long the fit took, which the table `models` alone keeps.
    """
    sha256, metrics = read_metadata(path)["sha256"], fitted.metrics()
    fold = {
        **_fold_values(fitted.fold),
        "model_id": fitted.model_id,
        "path": stored,
        "sha256": sha256,
        "reason": "",
        **{name: metrics.get(name) for name in fitted.predictor.score_columns},
    }
    table_row = {
        "model_id": fitted.model_id,
        "name": fitted.spec.name,
        "instrument": fitted.instrument,
        "window": window_key,
        "spec_hash": fitted.spec.hash,
        "feature_set_hash": fitted.made_from["feature_set_hash"],
        "data_hash": canonical_hash(
            [fitted.made_from["features_hash"], fitted.made_from["labels_hash"]]
        ),
        "train_from": fitted.fold.train_start,
        "train_to": fitted.fold.train_end,
        "last_label_end": fitted.fold.last_label_end,
        "rows": fitted.fold.rows,
        "purged": fitted.fold.purged,
        "embargoed": fitted.fold.embargoed,
        "path": stored,
        "sha256": sha256,
        "metrics": metrics | ({} if fit_seconds is None else {FIT_SECONDS: fit_seconds}),
        "trained_at": datetime.now(UTC),
        "run_id": workspace.run_id,
    }
    return ModelRow(fold, table_row)


def fit_seconds(workspace: Workspace, model_ids: Sequence[str]) -> dict[str, float]:
    """How long fits took, by model id; those from before it was measured are left out."""
    rows = workspace.models.by_id(model_ids).items()
    found = {name: json.loads(row["metrics"] or "{}").get(FIT_SECONDS) for name, row in rows}
    return {name: float(seconds) for name, seconds in found.items() if seconds is not None}


def no_model_row(refit_at: pd.Timestamp, reason: str, fold: Fold | None = None) -> Row:
    """A row of the fold table for a refit date at which there was too little to learn from."""
    values = _fold_values(fold) if fold else {"test_start": refit_at, "rows": 0}
    return {**values, "model_id": "", "path": "", "sha256": "", "reason": reason}


def fold_table(rows: Sequence[Row], predictor: Predictor) -> pd.DataFrame:
    """One row a fit, index `ts` the refit date; `model_id` is empty where there is no model.

    The last columns are the scores that the predictor names.
    """
    scores = tuple(predictor.score_columns)
    columns = (*_STAMPS, "rows", "purged", "embargoed", "model_id", "path", "sha256", "reason")
    data: Row = {}
    for column in (*columns, *scores):
        values = [row.get(column) for row in rows]
        if column in _STAMPS:
            data[column] = pd.DatetimeIndex(
                [pd.NaT if v is None else v for v in values], dtype=TS_DTYPE
            )
        elif column in ("rows", "purged", "embargoed"):
            data[column] = pd.array([value or 0 for value in values], dtype="int64")
        elif column in scores:
            data[column] = pd.array(
                [float("nan") if value is None else float(value) for value in values],
                dtype="float64",
            )
        else:
            data[column] = values
    index = pd.DatetimeIndex([row["test_start"] for row in rows], dtype=TS_DTYPE, name="ts")
    return pd.DataFrame(data, index=index)


def model_damage(workspace: Workspace, fold: pd.Series) -> str:
    """What is wrong with the model that a row of the fold table names; empty where nothing is."""
    row = workspace.models.by_id([fold["model_id"]]).get(fold["model_id"])
    return _damage(workspace, fold, row)


def _damage(workspace: Workspace, fold: Mapping[str, Any] | pd.Series, row: Row | None) -> str:
    path = workspace.settings.runtime / fold["path"]
    try:
        metadata = read_metadata(path)
    except ModelIntegrityError as error:
        return str(error)
    saved = (metadata["sha256"], pd.Timestamp(metadata["fold"]["last_label_end"]))
    if saved != (fold["sha256"], fold["last_label_end"]):
        return f"The model in {path} is not the one that its fold table names."
    if row is None or saved != (row["sha256"], pd.Timestamp(row["last_label_end"])):
        return f"The row of the model {fold['model_id']} in the table models is missing or changed."
    return ""


def folds_are_sound(workspace: Workspace, instrument_id: str, artifact: Artifact) -> bool:
    """True where every model of a fold table is there, in its folder and its table, as saved."""
    names = ["model_id", "path", "sha256", "last_label_end"]
    known = workspace.models.of_instrument(instrument_id)
    for fold in workspace.artifacts.rows(artifact, names):
        if fold["model_id"]:
            fold["last_label_end"] = pd.Timestamp(fold["last_label_end"])
            if _damage(workspace, fold, known.get(fold["model_id"])):
                return False
    return True


def _fold_values(fold: Fold) -> Row:
    return {name: getattr(fold, name) for name in (*_STAMPS, "rows", "purged", "embargoed")}
