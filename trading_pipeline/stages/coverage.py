"""What a run would still have to compute: the stages of a chain, and what is missing of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.stages.backtests.scenario_inputs import required_models
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.features.patterns import ChartPatternStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["chain_stages", "models_of_a_pass", "pending_in_order"]

Key = TypeVar("Key")


def chain_stages(
    workspace: Workspace,
    instrument_id: str,
    model_names: Sequence[str],
    *,
    only_inputs: bool = False,
    further_sets: Sequence[str] = (),
    patterns: bool = False,
) -> list[Stage[Window, Any]]:
    """Stages from bars to the predictions of these models, in the order of the lineage.

    `only_inputs`: up to what the models learn from. `further_sets`: feature sets beside theirs.
    `patterns`: chart patterns too, which no model reads.
    """
    specs = [workspace.catalog.model(name) for name in model_names]
    predictors = workspace.registries.predictors
    reading = [spec for spec in specs if not predictors.get(spec.predictor.type).bars_alone]
    stages: list[Stage[Window, Any]] = [BarStage(workspace, instrument_id)]
    for kind, names in (
        (FeatureStage, [*(spec.features for spec in reading), *further_sets]),
        (LabelStage, [spec.label.name for spec in reading]),
        (ModelStage, [] if only_inputs else [spec.name for spec in specs]),
        (PredictionStage, [] if only_inputs else [spec.name for spec in specs]),
    ):
        stages += [kind(workspace, instrument_id, name) for name in dict.fromkeys(names)]
    if patterns:  # last: a fault there leaves nothing else undone
        stages.append(ChartPatternStage(workspace, instrument_id))
    return stages


def models_of_a_pass(workspace: Workspace) -> list[str]:
    """Models that a full pass keeps up to date: those that ask for it or that a scenario trades."""
    catalog, traded = workspace.catalog, set()
    for scenario in (*catalog.scenarios.values(), *catalog.portfolios.values()):
        try:
            traded |= {*required_models(scenario, workspace.registries.strategies)}
        except TradingPipelineError:
            continue  # a scenario that cannot run is told of where it would run
    return [name for name, spec in catalog.models.items() if spec.full_pass or name in traded]


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
