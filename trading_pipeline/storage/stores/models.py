"""This file holds the table of fitted models, one row a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trading_pipeline.storage.stores.row_tables import fetch_rows, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["ModelStore"]


class ModelStore:
    """Rows of the table `models`; a `model_id` is the hash of what made it, so it is there once."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def save(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Append the models that are not there yet; gives their number."""
        if not rows:
            return 0
        with self._warehouse.write() as connection:
            known = {
                found[0]
                for found in connection.execute(
                    "SELECT model_id FROM models WHERE list_contains(?::VARCHAR[], model_id)",
                    [[row["model_id"] for row in rows]],
                ).fetchall()
            }
            unique = {row["model_id"]: row for row in rows if row["model_id"] not in known}
            new = list(unique.values())
            insert_rows(connection, "models", new)
        return len(new)

    def by_id(self, model_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Rows by model id."""
        with self._warehouse.read() as connection:
            rows = fetch_rows(
                connection,
                "SELECT * FROM models WHERE list_contains(?::VARCHAR[], model_id) ORDER BY trained_at",
                [list(model_ids)],
            )
        return {row["model_id"]: row for row in rows}
