"""What the commands of `results` open: the stored results, where there are any."""

from __future__ import annotations

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.storage.stores.result_queries import ResultQueries
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["known_results"]


def known_results() -> ResultQueries:
    """Questions about stored results; makes no warehouse.

    Raises `InsufficientDataError` where nothing was stored yet.
    """
    settings = load_settings()
    path = settings.warehouse_path
    if path.is_file():
        warehouse = Warehouse(path, wait_seconds=settings.warehouse_wait_seconds)
        queries = ResultQueries(warehouse)
        if queries.count():
            return queries
    raise InsufficientDataError(
        f"There is no stored result in {path}. Make some: trading-pipeline demo, run, or backtest "
        "FILE. Another folder is chosen with TRADING_PIPELINE_RUNTIME_DIR.",
        path=str(path),
    )
