"""What models are stored, what each was made of, and what uses it.

The way from a number back to what trained it: `model_at` gives the model that predicted a bar, and
`provenance` its fold, rows, features, labels and bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import (
    InsufficientDataError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.models.registry.model_files import load_model, read_metadata
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.models.champion import CHAMPION
from trading_pipeline.stages.models.live import LIVE_WINDOW
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.storage.stores.row_tables import Row

__all__ = [
    "NAMING",
    "PredictedBar",
    "StoredModel",
    "find_model",
    "headline_score",
    "model_at",
    "model_fault",
    "provenance",
    "stored_models",
]

SUPERSEDED = "superseded"
WALK_FORWARD = "walk-forward"
_HEADLINES = {"tail_auc": "AUC", "tail_rank_ic": "rank IC", "tail_skill": "skill"}
"""The score that stands for a model, by what its predictor has."""
NAMING = ("models/", "live/", "predictions/", "latest_forecast/")
"""What the names of assets begin with whose files name models."""


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A row of the table `models`.

    `status`: champion, challenger, walk-forward, or superseded where no current table of fits names
    it. `used_in`: current files that name it, as asset and partition. `decision`: of a live one.
    """

    row: Row
    status: str
    used_in: tuple[str, ...] = ()
    decision: str = ""

    @property
    def model_id(self) -> str:
        """Its id."""
        return str(self.row["model_id"])

    @property
    def refit_date(self) -> str:
        """Day of the fit, as in the id."""
        digits = self.model_id.rsplit("-", 2)[1]
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


@dataclass(frozen=True, kw_only=True)
class PredictedBar:
    """A stored prediction: which model made it, for which bar, and what it said."""

    model_id: str
    ts: pd.Timestamp
    known_at: pd.Timestamp
    values: Mapping[str, float] = field(default_factory=dict)


def stored_models(
    workspace: Workspace, *, instrument: str | None = None, name: str | None = None
) -> list[StoredModel]:
    """Every stored model, or those of an instrument or name, in the order in which they came.

    Raises `UnknownNameError` for an instrument or name of which no model is stored, where others
    are.
    """
    rows = workspace.models.all()
    for kind, wanted in (("instrument", instrument), ("name", name)):
        known = {row[kind] for row in rows}
        if wanted is not None and known and wanted not in known:
            raise UnknownNameError(
                f"No stored model has the {kind} {wanted!r}. {did_you_mean(wanted, known)}",
                name=wanted,
                kind=kind,
            )
    chosen = [
        row
        for row in rows
        if instrument in (None, row["instrument"]) and name in (None, row["name"])
    ]
    uses = _Uses(workspace, chosen)
    return [uses.of(row) for row in chosen]


def find_model(workspace: Workspace, beginning: str) -> StoredModel:
    """The model whose id begins so; `UnknownNameError` for none, or for several."""
    ids = [row["model_id"] for row in workspace.models.all()]
    found = [each for each in ids if each == beginning] or [
        each for each in ids if each.startswith(beginning)
    ]
    if len(found) != 1:
        if found:
            said = f"{len(found)} models have ids that begin with {beginning!r}, such as "
            said += f"{', '.join(found[:3])}. Give more of the id."
        else:
            said = f"No model has the name {beginning!r}, or an id that begins so. "
            said += did_you_mean(beginning, workspace.catalog.models)
        raise UnknownNameError(
            f"{said} Ids: trading-pipeline models list.",
            name=beginning,
            kind="model",
        )
    row = next(each for each in workspace.models.all() if each["model_id"] == found[0])
    return _Uses(workspace, [row]).of(row)


def model_at(workspace: Workspace, instrument_id: str, name: str, at: pd.Timestamp) -> PredictedBar:
    """The stored prediction from a bar, or from the last one before the moment.

    Raises `InsufficientDataError` where no prediction is stored up to it.
    """
    workspace.catalog.instrument(instrument_id)
    asset = f"predictions/{workspace.catalog.model(name).name}"
    newest = workspace.artifacts.newest([asset], f"{instrument_id}|")
    for (_, partition), artifact in sorted(newest.items(), reverse=True):
        begins = pd.Timestamp(partition.partition("|")[2], tz="UTC")
        if begins > at or not artifact.rows:
            continue
        frame = workspace.artifacts.load(artifact)
        until = frame.loc[frame.index <= at]
        if len(until):
            row = until.loc[until.index == until.index[-1]].iloc[0]
            numbers = row.drop(["known_at", "model_id"]).items()
            return PredictedBar(
                model_id=str(row["model_id"]),
                ts=until.index[-1],
                known_at=row["known_at"],
                values={str(key): float(value) for key, value in numbers},
            )
    raise InsufficientDataError(
        f"'{asset}' has no prediction of {instrument_id} up to {at:%Y-%m-%d}: there was no fit "
        "yet, or none is stored. Choose a later bar, or: trading-pipeline model-card "
        f"{name} {instrument_id}.",
        instrument=instrument_id,
        model=name,
    )


def provenance(workspace: Workspace, model: StoredModel) -> dict[str, Any]:
    """What the model was made of and how good it was, as plain values.

    `bars` are those of the training span as they are stored now, with a hash of their content.
    Raises `ModelIntegrityError` where the model's files are damaged.
    """
    metadata = read_metadata(workspace.settings.runtime / model.row["path"])
    return {
        "model_id": model.model_id,
        "status": model.status,
        "decision": model.decision or None,
        "instrument": model.row["instrument"],
        "window": model.row["window"],
        "fold": metadata["fold"],
        "rows": {
            name: metadata.get(name)
            for name in ("rows_fitted", "effective_rows", "rows_scored", "rows_without_features")
        },
        "spec": metadata["spec"],
        "tuned": (metadata["details"].get("tuning") or {}).get("chosen"),
        "features": metadata["columns"],
        "made_from": metadata["made_from"],
        "bars": _bars_of(workspace, str(model.row["instrument"]), metadata["fold"]),
        "library_versions": metadata["library_versions"],
        "scores": {part: dict(each) for part, each in metadata["scores"].items()},
        "sha256": metadata["sha256"],
        "path": model.row["path"],
        "trained_at": str(model.row["trained_at"]),
        "used_in": list(model.used_in),
    }


def model_fault(workspace: Workspace, model: StoredModel) -> str:
    """What is wrong with a model once its files are hashed, read and loaded; empty if nothing.

    Nothing of a file is built unless its sha256 is that of the table `models`.
    """
    path = workspace.settings.runtime / model.row["path"]
    try:
        load_model(path, workspace.registries.predictors, sha256=str(model.row["sha256"]))
    except TradingPipelineError as error:
        unused = " Nothing uses it: trading-pipeline models prune removes it in time."
        return f"{error}{'' if model.used_in else unused}"
    return ""


def headline_score(metrics: Mapping[str, Any]) -> str:
    """The held-back score that stands for a model, with its error; a dash where it has none.

    >>> headline_score({"tail_auc": 0.512, "tail_auc_error": 0.03})
    'AUC 0.512 ± 0.030'
    """
    for name, shown in _HEADLINES.items():
        value, error = metrics.get(name), metrics.get(f"{name}_error")
        if value is not None:
            return f"{shown} {value:.3f}" + (f" ± {error:.3f}" if error is not None else "")
    return "-"


class _Uses:
    """Which current files name the models of some rows; each file is read once."""

    def __init__(self, workspace: Workspace, rows: Sequence[Row]) -> None:
        self._workspace = workspace
        self._named: dict[str, list[str]] = {}
        self._roles: dict[str, tuple[str, str]] = {}
        names = dict.fromkeys(row["name"] for row in rows)
        instruments = {row["instrument"] for row in rows}
        assets = [f"{kind}{name}" for name in names for kind in NAMING]
        for (_, partition), artifact in workspace.artifacts.newest(assets).items():
            if partition.partition("|")[0] in instruments:
                self._read(artifact)

    def of(self, row: Row) -> StoredModel:
        """The row with what uses it."""
        model_id = row["model_id"]
        used = tuple(self._named.get(model_id, ()))
        fitted = any(each.startswith("models/") for each in used)
        role, decision = self._roles.get(model_id, (SUPERSEDED, ""))
        live = row["window"] == LIVE_WINDOW
        status = role if live or not fitted else WALK_FORWARD
        return StoredModel(row=row, status=status, used_in=used, decision=decision)

    def _read(self, artifact: Artifact) -> None:
        if artifact.path is None or not self._workspace.artifacts.is_intact(artifact):
            return
        frame = self._workspace.artifacts.load(artifact)
        if "model_id" not in frame.columns:
            return
        for model_id in frame["model_id"].unique():
            where = f"{artifact.asset} {artifact.partition}"
            self._named.setdefault(str(model_id), []).append(where)
        if artifact.asset.startswith("live/"):
            roles = frame["role"] if "role" in frame.columns else [CHAMPION] * len(frame)
            decisions = frame["decision"] if "decision" in frame.columns else [""] * len(frame)
            for model_id, role, decision in zip(frame["model_id"], roles, decisions, strict=True):
                self._roles[str(model_id)] = (str(role), str(decision))


def _bars_of(workspace: Workspace, instrument_id: str, fold: Mapping[str, Any]) -> dict[str, Any]:
    """The bars from the first training row to the end of the last label."""
    first, last = (pd.Timestamp(fold[name]) for name in ("train_start", "last_label_end"))
    told: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat()}
    try:
        series = stored_series(workspace, instrument_id)
        windows = [
            each
            for each in workspace.windows_of(instrument_id)
            if pd.Timestamp(each.end) > first and pd.Timestamp(each.start) <= last
        ]
        hashes = series.bars_hashes(windows)
        count = int(((series.raw.index >= first) & (series.known_at <= last)).sum())
    except (TradingPipelineError, KeyError):
        return told | {"count": None, "hash": None}  # the instrument or its bars are gone
    return told | {"count": count, "hash": canonical_hash(hashes)}
