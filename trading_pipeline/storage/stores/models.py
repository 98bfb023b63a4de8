"""The table of fitted models, one row a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows

__all__ = ["ModelStore"]

_MODELS = "models"
_OF_THE_MODEL = ("sha256", "last_label_end")
"""Columns that follow from the model, and that others rely on."""


class ModelStore(WarehouseStore):
    """Rows of the table `models`; a `model_id` is the hash of what made it, so it occurs once."""

    def save(self, rows: Sequence[Mapping[str, object]]) -> int:
        """Append the models that are not stored yet; returns their number.

        A row that says something else of the same model was changed, and is replaced.
        """
        if not rows:
            return 0
        given = {str(row["model_id"]): row for row in rows}
        with self._warehouse.write() as connection:
            known = self.by_id(list(given))
            new = [row for model_id, row in given.items() if _differs(known.get(model_id), row)]
            connection.execute(
                "DELETE FROM models WHERE list_contains(?::VARCHAR[], model_id)",
                [[str(row["model_id"]) for row in new]],
            )
            insert_rows(connection, "models", new)
        for row in new:
            self._forget(str(row.get("instrument")), _MODELS)
        return len(new)

    def by_id(self, model_ids: Sequence[str]) -> dict[str, Row]:
        """Rows by model id."""
        rows = self._rows(
            "SELECT * FROM models WHERE list_contains(?::VARCHAR[], model_id) ORDER BY seq",
            list(model_ids),
        )
        return {row["model_id"]: row for row in rows}

    def of_instrument(self, instrument: str) -> Mapping[str, Row]:
        """Rows of an instrument by model id."""
        return self._answer(_MODELS, instrument, self._of_instruments)

    def _of_instruments(self, instruments: list[str]) -> dict[str, dict[str, Row]]:
        rows = self._rows(
            "SELECT model_id, instrument, sha256, last_label_end FROM models "
            "WHERE list_contains(?::VARCHAR[], instrument) ORDER BY seq",
            instruments,
        )
        found: dict[str, dict[str, Row]] = {name: {} for name in instruments}
        for row in rows:
            found[row["instrument"]][row["model_id"]] = row
        return found

    def all(self) -> list[Row]:
        """Every row, in the order in which they came; `metrics` is a mapping."""
        rows = self._rows("SELECT * FROM models ORDER BY seq")
        return [{**row, "metrics": json.loads(row["metrics"] or "{}")} for row in rows]

    def remove(self, model_ids: Sequence[str]) -> int:
        """Take the rows of these models away; returns how many there were."""
        with self._warehouse.write() as connection:
            gone = connection.execute(
                "DELETE FROM models WHERE list_contains(?::VARCHAR[], model_id) RETURNING model_id",
                [list(model_ids)],
            ).fetchall()
        return len(gone)


def _differs(known: Row | None, given: Mapping[str, object]) -> bool:
    names = [name for name in _OF_THE_MODEL if name in given]
    return known is None or any(known[name] != given[name] for name in names)
