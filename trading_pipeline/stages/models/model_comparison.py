"""Two models side by side: what differs in how they were made, and whether one was better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.models.predictors.calls import with_label_features
from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.model_files import METADATA_FILE, read_metadata
from trading_pipeline.models.registry.promotion import loss_in_words
from trading_pipeline.models.registry.row_losses import LossDifference, loss_difference, row_losses
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import (
    ModelFeatures,
    joined_labels,
    model_feature_assets,
    model_label_assets,
)
from trading_pipeline.stages.models.stored_models import find_model
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.row_tables import Row

__all__ = ["Comparison", "compare_models"]

_ERRORS = 2.0
_MADE_FROM = ("feature_set_hash", "code_hash", "libraries_hash")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models, first and second.

    `differences`: by key of the spec, and by hash of what else made them, the two values. `scores`:
    held-back scores of both. `compared`: the paired difference on bars that both predicted out of
    sample; None where it cannot be told, and `verdict` says why.
    """

    instrument: str
    names: tuple[str, str]
    differences: Mapping[str, tuple[Any, Any]]
    scores: Mapping[str, tuple[float | None, float | None]]
    compared: LossDifference | None
    verdict: str


def compare_models(
    workspace: Workspace, first: str, second: str, instrument_id: str | None = None
) -> Comparison:
    """Compare two models by the beginnings of their ids, or by their names on an instrument.

    Names stand for the newest walk-forward fit of each, and for all that their fits predicted.
    Raises `ConfigurationError` for models of two instruments, and for names without an instrument.
    """
    sides = [_side(workspace, each, instrument_id) for each in (first, second)]
    one, other = sides
    if one.instrument != other.instrument:
        raise ConfigurationError(
            f"{one.shown} is of {one.instrument} and {other.shown} of {other.instrument}. Compare "
            "models of one instrument.",
        )
    compared, verdict = _verdict(workspace, one, other)
    return Comparison(
        instrument=one.instrument,
        names=(one.shown, other.shown),
        differences=_differences(one, other),
        scores={
            name: (one.metrics.get(name), other.metrics.get(name))
            for name in dict.fromkeys([*one.metrics, *other.metrics])
        },
        compared=compared,
        verdict=verdict,
    )


@dataclass(frozen=True, kw_only=True)
class _Side:
    shown: str
    instrument: str
    model_id: str | None
    spec: ModelSpec
    made_from: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    predictor: Predictor


def _side(workspace: Workspace, given: str, instrument_id: str | None) -> _Side:
    if given in workspace.catalog.models:
        if instrument_id is None:
            raise ConfigurationError(
                f"{given!r} is the name of a model; say on which instrument: --instrument AAPL_1d."
            )
        workspace.catalog.instrument(instrument_id)
        row, model_id = _newest_fit(workspace, given, instrument_id), None
    else:
        row = find_model(workspace, given).row
        model_id = str(row["model_id"])
    path = workspace.settings.runtime / row["path"]
    metadata = read_metadata(path)
    spec = ModelSpec.parse(metadata["spec"], where=str(path / METADATA_FILE))
    return _Side(
        shown=given if model_id is None else model_id,
        instrument=str(row["instrument"]),
        model_id=model_id,
        spec=spec,
        made_from=metadata["made_from"],
        metrics={str(k): v for k, v in row["metrics"].items() if str(k).startswith("tail_")},
        predictor=workspace.registries.predictors.get(spec.predictor.type),
    )


def _newest_fit(workspace: Workspace, name: str, instrument_id: str) -> Row:
    tables = workspace.artifacts.newest([f"models/{name}"], f"{instrument_id}|")
    for _, artifact in sorted(tables.items(), reverse=True):
        folds = workspace.artifacts.load(artifact)
        fitted = folds.loc[folds["model_id"] != "", "model_id"]
        if len(fitted):
            return find_model(workspace, str(fitted.iloc[-1])).row
    raise InsufficientDataError(
        f"No fit of '{name}' is stored for {instrument_id}. Run: trading-pipeline model-card "
        f"{name} {instrument_id}.",
        instrument=instrument_id,
        model=name,
    )


def _differences(one: _Side, other: _Side) -> dict[str, tuple[Any, Any]]:
    values = [
        _flat(side.spec.model_dump(mode="json"))
        | {name: str(side.made_from.get(name, ""))[:12] for name in _MADE_FROM}
        for side in (one, other)
    ]
    names = dict.fromkeys([*values[0], *values[1]])
    pairs = {name: (values[0].get(name), values[1].get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _verdict(workspace: Workspace, one: _Side, other: _Side) -> tuple[LossDifference | None, str]:
    kinds = [_kind(side.predictor) for side in (one, other)]
    if kinds[0] != kinds[1] or one.spec.label != other.spec.label:
        return None, "It cannot be told which is better: they forecast different things."
    losses = [_losses(workspace, side) for side in (one, other)]
    compared = (
        None if losses[0] is None or losses[1] is None else loss_difference(losses[0], losses[1])
    )
    if compared is None:
        return None, "It cannot be told which is better: no bar was predicted by both."
    told = loss_in_words(compared)
    if compared.errors_away() <= _ERRORS:
        return compared, f"No more than noise, within {_ERRORS:g} errors: {told}."
    better = other if compared.difference < 0.0 else one
    return compared, f"{better.shown} is better: {told}."


def _kind(predictor: Predictor) -> str:
    if isinstance(predictor, PathPredictor):
        return "path"
    return predictor.forecast_column or predictor.name


def _losses(workspace: Workspace, side: _Side) -> pd.DataFrame | None:
    """Of everything that is stored of its out-of-sample predictions; None without any."""
    asset = f"predictions/{side.spec.name}"
    labels = model_label_assets(side.spec, side.predictor)
    upstream = UpstreamFrames(workspace, side.instrument, [asset, *labels])
    newest = workspace.artifacts.newest([asset], f"{side.instrument}|")
    stored = {partition for (_, partition), artifact in newest.items() if artifact.rows}
    windows = [
        each
        for each in workspace.windows_of(side.instrument)
        if f"{side.instrument}|{each.key}" in stored
    ]
    if not windows:
        return None
    told = upstream.joined(asset, windows)
    if side.model_id is not None:
        told = told.loc[told["model_id"] == side.model_id]
    history = ModelBars(workspace, side.instrument, side.predictor).until(windows[-1])
    if not len(told):
        return None
    known = joined_labels(upstream, labels, windows)
    if side.predictor.label_features:
        read = model_feature_assets(side.spec, side.predictor)
        features = ModelFeatures(
            workspace, side.spec, UpstreamFrames(workspace, side.instrument, read)
        )
        known = with_label_features(side.predictor, side.spec, known, features.rows(windows))
    return row_losses(side.predictor, side.spec, told, known, history)
