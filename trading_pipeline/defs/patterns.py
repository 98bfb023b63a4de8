"""This file holds the asset of chart patterns."""

import dagster as dg

from trading_pipeline.defs.checks.audits import PATTERN_CHECKS, audit_results, audit_specs
from trading_pipeline.defs.partitions import BY_INSTRUMENT, shifted_windows
from trading_pipeline.defs.reporting_outcomes import column_schema, for_each_instrument, report
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.patterns import ChartPatternStage, pattern_lookback_windows
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import materialize_windows, pending_windows

__all__ = ["pattern_asset"]

_COLUMNS = {
    "ts": ("TIMESTAMPTZ", "bar at whose close the event was known, UTC"),
    "known_at": ("TIMESTAMPTZ", "moment from which the row can be used, UTC"),
    "event": ("VARCHAR", "'formed', or 'breakout' of a pattern of an earlier window"),
    "kind": ("VARCHAR", "what it is, such as double_top"),
    "direction": ("BIGINT", "breakout that textbooks expect: 1 up, -1 down, 0 either"),
    "known_ts": ("TIMESTAMPTZ", "bar that confirmed the last pivot"),
    "pivot_ts": ("TIMESTAMPTZ[]", "bars of the pivots"),
    "pivot_prices": ("DOUBLE[]", "forward-adjusted prices of the pivots"),
    "upper_start": ("DOUBLE", "upper line, from upper_start_ts to upper_end at upper_end_ts"),
    "lower_start": ("DOUBLE", "lower line, from lower_start_ts to lower_end at lower_end_ts"),
    "height": ("DOUBLE", "measured move in price"),
    "target": ("DOUBLE", "price of the expected breakout's measured move; NaN without direction"),
    "quality": ("DOUBLE", "0 to 1: how even, parallel, round or symmetrical it is"),
    "breakout_ts": ("TIMESTAMPTZ", "first close beyond a line; NaT until it has happened"),
    "breakout_direction": ("BIGINT", "1 up, -1 down, 0 none yet"),
    "breakout_target": ("DOUBLE", "price of the breakout's measured move"),
}


def pattern_asset(catalog: Catalog, grid: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `chart_patterns`, one partition an instrument and window."""
    key = dg.AssetKey("chart_patterns")
    lookback = shifted_windows(-pattern_lookback_windows(catalog), 0)

    @dg.asset(
        key=key,
        group_name="features",
        kinds={"parquet", "numba"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=lookback),
            dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
        ],
        check_specs=audit_specs(key, PATTERN_CHECKS),
        metadata=column_schema(_COLUMNS),
        description="Chart patterns on forward-adjusted bars, one row a pattern, at the bar at which "
        "it was known; a breakout in a later window is a row of that window.",
    )
    def chart_patterns(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        opened = workspace.open(context)
        findings: list[CausalityFinding] = []

        def work(name: str, windows: list[Window]) -> list[Outcome]:
            stage = ChartPatternStage(opened, name)
            # what was written has passed; equal inputs and code need no second audit
            found = stage.audit(windows) if pending_windows(stage, windows) else []
            findings.extend(found)
            return [] if found else materialize_windows(stage, windows)

        outcomes = for_each_instrument(context, opened, work)
        return report(context, outcomes, audit_results(findings, PATTERN_CHECKS))

    return chart_patterns
