"""The assets of reports: tear sheets and the leaderboard."""

import dagster as dg

from trading_pipeline.defs.partitions import instrument_scenarios
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage

__all__ = ["report_assets"]

GROUP = "reports"


def report_assets() -> list[dg.AssetsDefinition]:
    """`tearsheet` and `leaderboard`."""
    tearsheet = stage_asset(
        TearsheetStage,
        "tearsheet",
        group_name=GROUP,
        kinds={"html"},
        partitions_def=instrument_scenarios,
        deps=["backtest"],
        description="One self-contained page a result: warnings, metrics, chart with trades, "
        "equity, drawdown.",
    )
    leaderboard = stage_asset(
        LeaderboardStage,
        "leaderboard",
        group_name=GROUP,
        kinds={"html"},
        deps=["backtest", "tearsheet"],
        description="The newest result of each scenario and instrument side by side, with links to "
        "their pages.",
    )
    return [tearsheet, leaderboard]
