"""This file holds what is missing: the partitions that a run would still have to compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trading_pipeline.domain.windows import Window
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.market_data.bars import pending_bars
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import WindowStage, pending_windows
from trading_pipeline.stages.workspace import Workspace

__all__ = ["chain_assets", "pending_chain"]


def chain_assets(workspace: Workspace, model_names: Sequence[str]) -> list[str]:
    """Assets from bars to the predictions of these models, in the order of the lineage."""
    specs = [workspace.catalog.model(name) for name in model_names]
    found = ["bars"]
    found += [f"features/{spec.features}" for spec in specs]
    found += [f"labels/{spec.label.name}" for spec in specs]
    found += [f"models/{spec.name}" for spec in specs]
    found += [f"predictions/{spec.name}" for spec in specs]
    return list(dict.fromkeys(found))


def pending_chain(
    workspace: Workspace, instrument_id: str, model_names: Sequence[str], windows: Sequence[Window]
) -> dict[str, int]:
    """Number of windows that are missing or stale, by asset; empty where all is up to date.

    What comes after a missing window cannot be judged yet and counts as missing whole.
    """
    pending: dict[str, int] = {}
    missing = len(pending_bars(workspace, instrument_id, windows))
    for asset in chain_assets(workspace, model_names):
        if asset != "bars" and not pending:
            stage = _stage(workspace, instrument_id, asset)
            missing = len(pending_windows(stage, windows))
        elif asset != "bars":
            missing = len(windows)
        if missing:
            pending[asset] = missing
    return pending


def _stage(workspace: Workspace, instrument_id: str, asset: str) -> WindowStage:
    kind, _, name = asset.partition("/")
    stages: dict[str, Callable[[Workspace, str, str], WindowStage]] = {
        "features": FeatureStage,
        "labels": LabelStage,
        "models": ModelStage,
        "predictions": PredictionStage,
    }
    return stages[kind](workspace, instrument_id, name)
