"""This file holds the asset of cross features, the one that reads the bars of other instruments."""

import dagster as dg

from trading_pipeline.defs.checks.audits import audit_results, audit_specs
from trading_pipeline.defs.features import CLOCKS, GROUP
from trading_pipeline.defs.partitions import shifted_windows_of_all
from trading_pipeline.defs.reporting_outcomes import column_schema, for_each_instrument, report
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.cross_formulas import cross_columns
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.cross_features import (
    CrossFeatureStage,
    cross_lookback_windows,
)
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import materialize_windows, pending_windows

__all__ = ["cross_features_asset"]

_CHECKS = {"prefix_truncation": "No value changes when everybody's later bars are taken away."}


def cross_features_asset(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    """The asset over a grid of instruments and windows; it reads the windows of all instruments."""
    meanings = cross_columns(catalog.cross.windows, catalog.cross.references)
    columns = {name: ("DOUBLE", meaning) for name, meaning in meanings.items()}
    mapping = shifted_windows_of_all(-cross_lookback_windows(catalog), 0)

    @dg.asset(
        name="cross_features",
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=mapping),
            dg.AssetDep("corporate_actions", partition_mapping=dg.AllPartitionMapping()),
        ],
        check_specs=audit_specs(dg.AssetKey("cross_features"), _CHECKS),
        metadata=column_schema(CLOCKS | columns),
    )
    def cross_features(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        """An instrument beside the others: relative strength, rank, correlation and beta, one row a bar.

        Everybody's price at a bar is the newest that was known then, whatever their calendars. NaN
        where too little lies before, or nobody to compare with was known.
        """
        opened = workspace.open(context)
        findings: list[CausalityFinding] = []

        def work(name: str, windows: list[Window]) -> list[Outcome]:
            stage = CrossFeatureStage(opened, name)
            found = stage.audit(windows) if pending_windows(stage, windows) else []
            findings.extend(found)
            return [] if found else materialize_windows(stage, windows)

        outcomes = for_each_instrument(context, opened, work)
        return report(context, outcomes, audit_results(findings, _CHECKS))

    return cross_features
