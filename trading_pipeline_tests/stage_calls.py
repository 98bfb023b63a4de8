"""Short calls of stages for tests: one partition, or the windows of an instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trading_pipeline.domain.windows import Window
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage
from trading_pipeline.stages.coverage import chain_stages, pending_in_order
from trading_pipeline.stages.datasets.profiles import DatasetOutcome, DatasetStage
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.market_data.bars import BarsOutcome, BarStage
from trading_pipeline.stages.market_data.check_catalog import check_catalog
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.stage import WHOLE, Stage
from trading_pipeline.stages.workspace import Workspace


def require_sound(workspace: Workspace) -> None:
    """Raise the first error of the files of a workspace."""
    errors = [each.error for each in workspace.catalog.wrong]
    for error in (*errors, *check_catalog(workspace.catalog).values()):
        raise error


@dataclass(frozen=True, kw_only=True)
class BacktestOutcome(Outcome):
    """A result: its row in `backtest_results`, metrics included."""

    row: dict[str, Any]


def materialize_windows(stage: Stage[Window, Any], windows: Sequence[Window]) -> Sequence[Outcome]:
    return stage.materialize(windows)


def pending_windows(stage: Stage[Window, Any], windows: Sequence[Window]) -> list[Window]:
    return stage.pending(windows)


def refresh_bars(
    workspace: Workspace, name: str, windows: Sequence[Window], *, refetch: bool = False
) -> list[BarsOutcome]:
    return BarStage(workspace, name, refetch=refetch).materialize(windows)


def pending_bars(workspace: Workspace, name: str, windows: Sequence[Window]) -> list[Window]:
    return BarStage(workspace, name).pending(windows)


def refresh_universe(workspace: Workspace) -> Outcome:
    return UniverseStage(workspace).materialize(WHOLE)[0]


def universe_is_pending(workspace: Workspace) -> bool:
    return bool(UniverseStage(workspace).pending(WHOLE))


def refresh_actions(workspace: Workspace, name: str) -> Outcome:
    return ActionStage(workspace, name).materialize(WHOLE)[0]


def actions_are_pending(workspace: Workspace, name: str) -> bool:
    return bool(ActionStage(workspace, name).pending(WHOLE))


def cross_features_are_pending(workspace: Workspace, name: str, windows: Sequence[Window]) -> bool:
    return bool(CrossFeatureStage(workspace, name).pending(windows))


def chain_assets(workspace: Workspace, models: Sequence[str]) -> list[str]:
    return [stage.asset for stage in chain_stages(workspace, "AAPL_1d", models)]


def pending_chain(
    workspace: Workspace, name: str, models: Sequence[str], windows: Sequence[Window]
) -> dict[str, int]:
    return pending_in_order(chain_stages(workspace, name, models), windows)


def materialize_backtest(workspace: Workspace, name: str, scenario: str) -> BacktestOutcome:
    (outcome,) = BacktestStage(workspace, name).materialize([scenario])
    row = workspace.results.require(str(outcome.metadata["result_id"]))
    return BacktestOutcome(**vars(outcome), row=row)


def backtest_is_pending(workspace: Workspace, name: str, scenario: str) -> bool:
    return bool(BacktestStage(workspace, name).pending([scenario]))


def materialize_trials(workspace: Workspace, name: str, study: str) -> Outcome:
    return TrialStage(workspace, name).materialize([study])[0]


def materialize_summary(workspace: Workspace, name: str, study: str) -> Outcome:
    return SummaryStage(workspace, name).materialize([study])[0]


def study_is_pending(workspace: Workspace, name: str, study: str) -> bool:
    stages = (TrialStage(workspace, name), SummaryStage(workspace, name))
    return bool(pending_in_order(stages, [study]))


def materialize_tearsheet(workspace: Workspace, name: str, scenario: str) -> Outcome:
    return TearsheetStage(workspace, name).materialize([scenario])[0]


def tearsheet_is_pending(workspace: Workspace, name: str, scenario: str) -> bool:
    return bool(TearsheetStage(workspace, name).pending([scenario]))


def materialize_leaderboard(workspace: Workspace) -> Outcome:
    return LeaderboardStage(workspace).materialize(WHOLE)[0]


def leaderboard_is_pending(workspace: Workspace) -> bool:
    return bool(LeaderboardStage(workspace).pending(WHOLE))


def refresh_dataset(workspace: Workspace, name: str, *, bring_back: bool = False) -> DatasetOutcome:
    return DatasetStage(workspace, bring_back=bring_back).materialize([name])[0]
