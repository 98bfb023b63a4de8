"""The rows of a stored result: what the asset page says of it, its trial, plain records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.backtest.run_statistics import RunStatistics
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.reporting.tearsheet.metadata import equity_image, headline_table
from trading_pipeline.stages.backtests.stored_results import result_damage, result_frame
from trading_pipeline.stages.outcome import Shown, ShownMarkdown
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "described_result",
    "is_on_record",
    "orders_by_ts",
    "plain_records",
    "told_by_result",
    "trial_of",
]

Row = dict[str, Any]
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
"""Numbers that the UI plots over the runs."""
_SHOWN_HASHES = ("bars_hash", "features_hash", "predictions_hash", "code_hash", "content_hash")


def described_result(workspace: Workspace, product: Row) -> dict[str, Shown]:
    """Headline numbers of a row of `backtest_results`, a table and a picture, and its hashes."""
    equity, benchmark = (
        result_frame(workspace, product["result_id"], name)["equity"]
        for name in ("equity", "benchmark")
    )
    image = equity_image(equity, benchmark, float(product["initial_equity"]))
    picture = {"equity": ShownMarkdown(f"![Equity and drawdown]({image})")} if image else {}
    return {
        **picture,
        "metrics": ShownMarkdown(headline_table(product)),
        "result_id": product["result_id"],
        "audit": product["audit"],
        "audit_note": product["audit_note"],
        "warnings": product["warnings"],
        **{n: float(product[n]) for n in HEADLINES if product.get(n) is not None},
        **{name: (product[name] or "")[:12] for name in _SHOWN_HASHES},
        "parameters": product["parameters"],
    }


def is_on_record(workspace: Workspace, result_id: str) -> bool:
    """True where the result is there, all of it as written, and its trial is in the ledger."""
    if result_damage(workspace, result_id):
        return False
    row = workspace.results.require(result_id)
    evaluated = {**row, "fold": row["scenario"], "instrument": row["instruments"]}
    return workspace.trials.has_backtest(evaluated)


def told_by_result(result: RunStatistics) -> Row:
    """Columns of `backtest_results` that the run itself says."""
    return {
        "from_ts": result.index[0],
        "to_ts": result.index[-1],
        "audit": result.audit,
        "audit_note": result.audit_note,
    }


def trial_of(
    row: Row,
    parameters: Mapping[str, Any],
    result: RunStatistics,
    told: Mapping[str, str],
) -> Row:
    """The trial of a result's row; `told`: columns that `TrialIdentities` gives."""
    moments = result.moments
    hashes = ("bars_hash", "predictions_hash", "code_hash")
    return {
        "study": "",
        "instrument": row["instruments"],
        "strategy": row["strategy"],
        "parameters_hash": canonical_hash(parameters),
        "parameters": parameters,
        **{name: row[name] for name in hashes},
        "fold": row["scenario"],
        "result_id": row["result_id"],
        **told,
        "sharpe": moments.sharpe,
        "bars": len(result.index),
        "mean": moments.mean,
        "sd": moments.sd,
        "skew": moments.skew,
        "kurtosis": moments.kurtosis,
        "metric": "sharpe",
        "value": moments.sharpe,
        "status": "ok",
        "run_id": row["run_id"],
    }


def orders_by_ts(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders in order of time; one that never came due takes the `ts` of its decision."""
    stamps = orders["ts"].fillna(orders["decided_ts"])
    return orders.assign(ts=stamps).set_index("ts").sort_index(kind="stable")


def plain_records(frame: pd.DataFrame) -> list[Row]:
    """Rows with plain keys; NaN, which a table would keep as a number, becomes NULL."""
    return [
        {
            str(name): None if value is None or value != value else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]
