"""The rows of a stored result: its columns, its trial, plain records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.backtest.run_statistics import RunStatistics
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.stages.backtests.stored_results import result_damage
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "is_on_record",
    "orders_by_ts",
    "plain_records",
    "told_by_result",
    "trial_of",
]

Row = dict[str, Any]


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
