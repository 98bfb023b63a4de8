"""Backtest results, their trades and their days in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from trading_pipeline.errors import UnknownNameError, WarehouseError, did_you_mean
from trading_pipeline.storage.row_hash import row_hash
from trading_pipeline.storage.stores.result_queries import with_counts
from trading_pipeline.storage.stores.row_tables import (
    Row,
    WarehouseStore,
    add_double_columns,
    insert_rows,
    next_seq,
    stored_values,
)

__all__ = ["ResultStore"]

_RESULT = "result"
_NEWEST = (
    "QUALIFY row_number() OVER (PARTITION BY scenario, instruments ORDER BY seq DESC) = 1 "
    "ORDER BY scenario, instruments"
)
_TABLES = ("backtest_results", "trades", "daily_results")


class ResultStore(WarehouseStore):
    """Tables `backtest_results`, `trades`, `daily_results`; an equal rerun is the same row."""

    def save(
        self,
        row: Mapping[str, object],
        metrics: Mapping[str, float],
        trades: Sequence[Mapping[str, object]],
        daily: Sequence[Mapping[str, object]],
    ) -> bool:
        """Write one result completely; False where it is stored already, and whole.

        Such a result becomes the newest of its scenario again. One that is not whole is replaced.
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
        self._forget(result_id, _RESULT)
        with self._warehouse.write() as connection:
            if self.get(result_id) is not None and not self.examined(result_id)[1]:
                if result_id not in [newest["result_id"] for newest in self.newest()]:
                    connection.execute(
                        "UPDATE backtest_results SET seq = ? WHERE result_id = ?",
                        [next_seq(connection, "backtest_results"), result_id],
                    )
                return False
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table} WHERE result_id = ?", [result_id])
            add_double_columns(connection, "backtest_results", list(metrics))
            numbers = {name: None if value != value else value for name, value in metrics.items()}
            own = {"result_id": result_id, "created_at": datetime.now(UTC)}
            given = (
                [{**row, **numbers, **own}],
                [{**trade, "result_id": result_id} for trade in trades],
                [{**day, "result_id": result_id} for day in daily],
            )
            held = [stored_values(connection, *each) for each in zip(_TABLES, given, strict=True)]
            held[0][0]["row_hash"] = row_hash(*held)
            for table, rows in zip(_TABLES, held, strict=True):
                insert_rows(connection, table, rows)
        return True

    def examined(self, result_id: str) -> tuple[Row | None, str]:
        """The row of a result, and what is wrong with its rows, in words; "" where nothing is.

        Results from before their rows were hashed are taken as they are.
        """
        with self._warehouse.read():
            row = self.get(result_id)
            if row is None:
                return None, "its row in backtest_results is missing"
            if row["row_hash"] is None:
                return row, ""
            trades, days = self.trades(result_id), self.days(result_id)
        if row_hash([row], trades, days) == row["row_hash"]:
            return row, ""
        return row, (
            f"its row in backtest_results, its {len(trades)} trades or its {len(days)} days are "
            "not those that were written"
        )

    def get(self, result_id: str) -> Row | None:
        """The row of a result, or None."""
        kept = self._held(result_id, _RESULT)
        if kept is not None:
            return dict(kept[0])
        rows = self._rows("SELECT * FROM backtest_results WHERE result_id = ?", result_id)
        return rows[0] if rows else None

    def keep_newest_of(self, instrument: str) -> None:
        """Where a batch keeps rows: read the newest results of its instruments, each once."""
        if self._kept is not None:
            self._answer("newest results", instrument, self._keep)

    def _keep(self, instruments: list[str]) -> dict[str, bool]:
        rows = self._rows(
            "SELECT * FROM backtest_results WHERE list_contains(?::VARCHAR[], instruments) "
            f"{_NEWEST}",
            instruments,
        )
        newest = {row["result_id"]: row for row in rows}
        parts: list[dict[str, list[Row]]] = []
        for table, order in (("trades", "trade_no"), ("daily_results", "date")):
            found: dict[str, list[Row]] = {name: [] for name in newest}
            for row in self._rows(
                f"SELECT * FROM {table} WHERE list_contains(?::VARCHAR[], result_id) "
                f"ORDER BY {order}",
                list(newest),
            ):
                found[row["result_id"]].append(row)
            parts.append(found)
        trades, days = parts
        for name, row in newest.items():
            if self._kept is not None:
                self._kept.keep(_RESULT, name, (row, trades[name], days[name]))
        return dict.fromkeys(instruments, True)

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
        """Newest result of each scenario and instrument, by scenario and instrument.

        Metrics that count something are integers.
        """
        rows = self._rows(f"SELECT * FROM backtest_results {_NEWEST}")
        return [with_counts(row) for row in rows]

    def trades(self, result_id: str) -> list[Row]:
        """Trades of a result in order."""
        kept = self._held(result_id, _RESULT)
        if kept is not None:
            return list(kept[1])
        return self._rows("SELECT * FROM trades WHERE result_id = ? ORDER BY trade_no", result_id)

    def days(self, result_id: str) -> list[Row]:
        """Daily results in order."""
        kept = self._held(result_id, _RESULT)
        if kept is not None:
            return list(kept[2])
        return self._rows(
            "SELECT * FROM daily_results WHERE result_id = ? ORDER BY date", result_id
        )

    def ids(self) -> list[str]:
        """Ids of all results, oldest first."""
        rows = self._rows("SELECT result_id FROM backtest_results ORDER BY seq")
        return [str(row["result_id"]) for row in rows]

    def contents(self) -> list[list[str]]:
        """Id, hash of the rows, and whether it is the newest, of every result by id.

        Equal for equal trades and days.
        """
        newest = {row["result_id"] for row in self.newest()}
        rows = self._rows(
            "SELECT result_id, coalesce(row_hash, content_hash, '') AS held "
            "FROM backtest_results ORDER BY result_id"
        )
        return [
            [str(row["result_id"]), str(row["held"]), str(row["result_id"] in newest)]
            for row in rows
        ]
