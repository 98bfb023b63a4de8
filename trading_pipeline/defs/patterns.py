"""The asset of chart patterns."""

import dagster as dg

from trading_pipeline.defs.checks.audits import PATTERN_CHECKS
from trading_pipeline.defs.partitions import bars_and_actions, shifted_windows
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.patterns import ChartPatternStage, pattern_lookback_windows

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
    return stage_asset(
        ChartPatternStage,
        "chart_patterns",
        group_name="features",
        kinds={"parquet", "numba"},
        partitions_def=grid,
        deps=bars_and_actions(shifted_windows(-pattern_lookback_windows(catalog), 0)),
        checks=PATTERN_CHECKS,
        columns=_COLUMNS,
        description="Chart patterns on forward-adjusted bars, one row a pattern, at the bar at "
        "which it was known; a breakout in a later window is a row of that window.",
    )
