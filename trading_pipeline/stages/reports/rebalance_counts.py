"""How often a portfolio of target weights traded: its decisions, of which trades tell little.

A position that is restored each month for years is one trade from its first order to its last.
"""

from __future__ import annotations

import json
from typing import Any

from trading_pipeline.settings.file_checks import is_intact
from trading_pipeline.stages.backtests.stored_results import result_folder
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import read_frame

__all__ = ["rebalance_count"]


def rebalance_count(workspace: Workspace, row: dict[str, Any]) -> int | None:
    """Bars on which orders of a portfolio of weights filled.

    None for a result of one instrument, for a portfolio that trades signals, whose trades are its
    decisions, and where the file of orders is not the one that was written.
    """
    portfolio = workspace.catalog.portfolios.get(row["scenario"])
    if portfolio is None or not portfolio.holds_weights:
        return None
    path = workspace.settings.runtime / result_folder(row["result_id"]) / "orders.parquet"
    if not is_intact(path, json.loads(row["frames"] or "{}").get("orders")):
        return None
    orders = read_frame(path)
    return int(orders.index[orders["filled"] > 0.0].nunique())
