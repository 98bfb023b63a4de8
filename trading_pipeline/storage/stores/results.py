"""Backtest results, their trades and their days in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from trading_pipeline.errors import UnknownNameError, WarehouseError, did_you_mean
from trading_pipeline.storage.stores.row_tables import (
    Row,
    WarehouseStore,
    add_double_columns,
    insert_rows,
)

__all__ = ["ResultStore"]


class ResultStore(WarehouseStore):
    """Tables `backtest_results`, `trades`, `daily_results`; an equal rerun is the same row."""

    def save(
        self,
        row: Mapping[str, object],
        metrics: Mapping[str, float],
        trades: Sequence[Mapping[str, object]],
        daily: Sequence[Mapping[str, object]],
    ) -> bool:
        """Write one result completely; False, and nothing written, where its id is stored already.

        A metric that is new gets a column; NaN is stored as NULL. Raises `WarehouseError` for a
        metric whose name is that of another column.
        """
        result_id = str(row["result_id"])
        taken = sorted((set(row) | {"created_at"}) & set(metrics))
        if taken:
            raise WarehouseError(
                f"The metric(s) {', '.join(taken)} of the result {result_id} have the name of a "
                "column that holds something else. Give them other names.",
                metrics=taken,
            )
        with self._warehouse.write() as connection:
            if self.get(result_id) is not None:
                return False
            add_double_columns(connection, "backtest_results", list(metrics))
            numbers = {name: None if value != value else value for name, value in metrics.items()}
            stamp = {"created_at": datetime.now(UTC)}
            insert_rows(connection, "backtest_results", [{**row, **numbers, **stamp}])
            insert_rows(connection, "trades", [{**t, "result_id": result_id} for t in trades])
            insert_rows(connection, "daily_results", [{**d, "result_id": result_id} for d in daily])
        return True

    def get(self, result_id: str) -> Row | None:
        """The row of a result, or None."""
        rows = self._rows("SELECT * FROM backtest_results WHERE result_id = ?", result_id)
        return rows[0] if rows else None

    def require(self, result_id: str) -> Row:
        """The row of a result; `UnknownNameError` where there is none."""
        found = self.get(result_id)
        if found is None:
            known = [row["result_id"] for row in self.newest()]
            raise UnknownNameError(
                f"There is no result {result_id!r}. {did_you_mean(result_id, known)}",
                name=result_id,
                kind="result",
            )
        return found

    def newest(self) -> list[Row]:
        """Newest result of each scenario and instrument, by scenario and instrument."""
        return self._rows(
            "SELECT * FROM backtest_results QUALIFY row_number() OVER (PARTITION BY scenario, "
            "instruments ORDER BY created_at DESC, rowid DESC) = 1 ORDER BY scenario, instruments"
        )

    def trades(self, result_id: str) -> list[Row]:
        """Trades of a result in order."""
        return self._rows("SELECT * FROM trades WHERE result_id = ? ORDER BY trade_no", result_id)
