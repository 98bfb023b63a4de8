"""This file holds the asset of backtests: one result for an instrument and a scenario."""

from typing import Any

import dagster as dg

from trading_pipeline.defs.partitions import ALL_WINDOWS, BY_INSTRUMENT, instrument_scenarios
from trading_pipeline.defs.reporting_outcomes import column_schema, report, two_part_keys
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.performance import METRIC_NAMES
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.backtests.backtest import BacktestOutcome, materialize_backtest
from trading_pipeline.stages.outcome import Outcome

__all__ = ["backtest_asset"]

HEADLINES = (
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trade_count",
    "win_rate",
    "profit_factor",
    "time_in_market",
    "final_equity",
    "benchmark_total_return",
    "benchmark_sharpe",
    "trials_at_creation",
)
EQUITY_SCHEMA = {
    "ts": ("TIMESTAMPTZ", "bar at whose close the account is valued, UTC"),
    "cash": ("DOUBLE", "account currency"),
    "position_value": ("DOUBLE", "account currency, negative for shorts"),
    "equity": ("DOUBLE", "cash plus position value"),
}


def backtest_asset(catalog: Catalog) -> dg.AssetsDefinition:
    """The asset of backtests; it can stand on the predictions of any model."""
    predictions = [
        dg.AssetDep(dg.AssetKey(["predictions", name]), partition_mapping=ALL_WINDOWS)
        for name in catalog.models
    ]

    @dg.asset(
        group_name="backtests",
        kinds={"duckdb", "numba"},
        partitions_def=instrument_scenarios,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=ALL_WINDOWS),
            dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
            *predictions,
        ],
        metadata=column_schema(EQUITY_SCHEMA),
    )
    def backtest(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        """A scenario traded on an instrument: equity at each close, trades, orders, all metrics.

        Fractions, not percent; money in the instrument's currency. The row in `backtest_results`
        names the hashes of bars, features, predictions, settings and code behind it.
        """
        opened = workspace.open(context)
        outcomes = [
            _with_metrics(materialize_backtest(opened, instrument, scenario))
            for instrument, scenario in two_part_keys(context)
        ]
        return report(context, outcomes)

    return backtest


def _with_metrics(outcome: BacktestOutcome) -> Outcome:
    """The outcome with headline numbers, which the UI plots, and the table of all metrics."""
    row = outcome.row
    numbers = {n: float(row[n]) for n in HEADLINES if row.get(n) is not None}
    rows = [
        dg.TableRecord({"metric": name, "value": float(row[name])})
        for name in METRIC_NAMES
        if row.get(name) is not None
    ]
    hashes: dict[str, Any] = {
        name: (row[name] or "")[:12]
        for name in ("bars_hash", "features_hash", "predictions_hash", "code_hash", "content_hash")
    }
    metadata = {
        **outcome.metadata,
        **numbers,
        **hashes,
        "parameters": row["parameters"],
        "metrics": dg.MetadataValue.table(rows),
    }
    return Outcome(
        asset=outcome.asset,
        partition=outcome.partition,
        status=outcome.status,
        rows=outcome.rows,
        changed=outcome.changed,
        content_hash=outcome.content_hash,
        metadata=metadata,
    )
