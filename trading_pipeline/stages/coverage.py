"""What a run would still have to compute: the stages of a chain, and what is missing of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from trading_pipeline.domain.windows import Window
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["chain_stages", "pending_in_order"]

Key = TypeVar("Key")


def chain_stages(
    workspace: Workspace, instrument_id: str, model_names: Sequence[str]
) -> list[Stage[Window, Any]]:
    """Stages from bars to the predictions of these models, in the order of the lineage."""
    specs = [workspace.catalog.model(name) for name in model_names]
    stages: list[Stage[Window, Any]] = [BarStage(workspace, instrument_id)]
    for kind, names in (
        (FeatureStage, [spec.features for spec in specs]),
        (LabelStage, [spec.label.name for spec in specs]),
        (ModelStage, [spec.name for spec in specs]),
        (PredictionStage, [spec.name for spec in specs]),
    ):
        stages += [kind(workspace, instrument_id, name) for name in dict.fromkeys(names)]
    return stages


def pending_in_order(stages: Sequence[Stage[Key, Any]], keys: Sequence[Key]) -> dict[str, int]:
    """Number of partitions that are missing or stale, by asset; empty where all is up to date.

    What comes after a missing partition cannot be judged yet, so all of it counts as missing.
    """
    pending: dict[str, int] = {}
    for stage in stages:
        missing = len(keys if pending else stage.pending(keys))
        if missing:
            pending[stage.asset] = missing
    return pending
