"""The asset of backtests: one result for an instrument and a scenario."""

import dagster as dg

from trading_pipeline.defs.partitions import instrument_scenarios, market_and_predictions
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.backtests.backtest import BacktestStage

__all__ = ["backtest_asset"]

EQUITY_SCHEMA = {
    "ts": ("TIMESTAMPTZ", "bar at whose close the account is valued, UTC"),
    "cash": ("DOUBLE", "account currency"),
    "position_value": ("DOUBLE", "account currency, negative for shorts"),
    "equity": ("DOUBLE", "cash plus position value"),
}


def backtest_asset(catalog: Catalog) -> dg.AssetsDefinition:
    """The asset of backtests; it can use the predictions of any model."""
    return stage_asset(
        BacktestStage,
        "backtest",
        group_name="backtests",
        kinds={"duckdb", "numba"},
        partitions_def=instrument_scenarios,
        deps=market_and_predictions(catalog),
        columns=EQUITY_SCHEMA,
        description="A scenario traded on an instrument: equity at each close, trades, orders, all "
        "metrics.\n\nFractions, not percent; money in the instrument's currency. The row in "
        "`backtest_results` names the hashes of bars, features, predictions, settings and code "
        "behind it.",
    )
