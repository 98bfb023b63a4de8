"""This file holds the assets of optimization: the trials of a study, and their summary."""

import dagster as dg

from trading_pipeline.defs.partitions import ALL_WINDOWS, BY_INSTRUMENT, instrument_studies
from trading_pipeline.defs.reporting_outcomes import column_schema, report, two_part_keys
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.backtests.study import materialize_summary, materialize_trials

__all__ = ["optimization_assets"]

GROUP = "optimization"
TRIAL_SCHEMA = {
    "trial_no": ("BIGINT", "number in the ledger of all trials ever"),
    "parameters": ("JSON", "every parameter of the strategy"),
    "sharpe": ("DOUBLE", "a year"),
    "mean": ("DOUBLE", "of the bar returns, a fraction"),
    "sd": ("DOUBLE", "of the bar returns, a fraction"),
    "skew": ("DOUBLE", "of the bar returns"),
    "kurtosis": ("DOUBLE", "of the bar returns, 3 for a normal"),
    "value": ("DOUBLE", "of the metric that is maximized"),
}


def optimization_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """`optimization_trials` and `optimization_summary`."""
    predictions = [
        dg.AssetDep(dg.AssetKey(["predictions", name]), partition_mapping=ALL_WINDOWS)
        for name in catalog.models
    ]

    @dg.asset(
        group_name=GROUP,
        kinds={"duckdb", "numba"},
        partitions_def=instrument_studies,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=ALL_WINDOWS),
            dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
            *predictions,
        ],
        metadata=column_schema(TRIAL_SCHEMA),
    )
    def optimization_trials(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        """Every combination of a study on an instrument, one row each, also in the trial ledger."""
        opened = workspace.open(context)
        keys = two_part_keys(context)
        return report(context, [materialize_trials(opened, *key) for key in keys])

    @dg.asset(
        group_name=GROUP,
        kinds={"duckdb"},
        partitions_def=instrument_studies,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[optimization_trials],
    )
    def optimization_summary(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        """Best, median and worst of a study's trials, and how many were tried.

        The best of many trials looks better than it is; `trials_in_ledger` says of how many.
        """
        opened = workspace.open(context)
        keys = two_part_keys(context)
        return report(context, [materialize_summary(opened, *key) for key in keys])

    return [optimization_trials, optimization_summary]
