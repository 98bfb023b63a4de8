"""The assets of backtests: one result for an instrument and a scenario, or for a portfolio."""

import dagster as dg

from trading_pipeline.defs.partitions import (
    instrument_scenarios,
    market_and_predictions,
    portfolios,
)
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.portfolio import PortfolioStage

__all__ = ["backtest_asset", "portfolio_asset"]

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


def portfolio_asset(catalog: Catalog) -> dg.AssetsDefinition:
    """The asset of portfolio backtests; each partition is a scenario with the key `portfolio`."""
    return stage_asset(
        PortfolioStage,
        "portfolio_backtest",
        group_name="backtests",
        kinds={"duckdb", "numba"},
        partitions_def=portfolios,
        deps=market_and_predictions(catalog),
        columns=EQUITY_SCHEMA,
        description="A portfolio scenario traded on shared cash: equity at each close, weights, "
        "trades, orders, all metrics.\n\nFractions, not percent; money in the currency that all "
        "instruments share. The row in `backtest_results` names all of them, and the hashes of "
        "bars, features, predictions, settings and code behind it.",
    )
