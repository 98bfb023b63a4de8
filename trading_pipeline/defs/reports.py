"""This file holds the assets of reports: tear sheets and the leaderboard."""

import dagster as dg

from trading_pipeline.defs.partitions import instrument_scenarios
from trading_pipeline.defs.reporting_outcomes import report, two_part_keys
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.reports.reports import materialize_leaderboard, materialize_tearsheet

__all__ = ["report_assets"]

GROUP = "reports"


def report_assets() -> list[dg.AssetsDefinition]:
    """`tearsheet` and `leaderboard`."""
    return [tearsheet, leaderboard]


@dg.asset(
    group_name=GROUP,
    kinds={"html"},
    partitions_def=instrument_scenarios,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["backtest"],
)
def tearsheet(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """One self-contained page a result: warnings, metrics, chart with trades, equity, drawdown."""
    opened = workspace.open(context)
    keys = two_part_keys(context)
    return report(context, [_with_link(materialize_tearsheet(opened, *key)) for key in keys])


@dg.asset(group_name=GROUP, kinds={"html"}, deps=["backtest", "tearsheet"])
def leaderboard(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The newest result of each scenario and instrument side by side, with links to their pages."""
    return report(context, [_with_link(materialize_leaderboard(workspace.open(context)))])


def _with_link(outcome: Outcome) -> Outcome:
    metadata = {**outcome.metadata, "page": dg.MetadataValue.url(outcome.metadata["page"])}
    return Outcome(**{**vars(outcome), "metadata": metadata})
