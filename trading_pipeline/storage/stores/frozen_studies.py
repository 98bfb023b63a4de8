"""Registrations of frozen studies: what each said before its first trial. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, fetch_rows, insert_rows

__all__ = ["FrozenStudyStore"]


class FrozenStudyStore(WarehouseStore):
    """Table `frozen_studies`; one registration for a study and instrument, the first."""

    def registered(self, study: str, instrument: str) -> Row | None:
        """The registration; None where there is none."""
        rows = self._rows(_FIRST, study, instrument)
        return rows[0] if rows else None

    def register(self, row: Mapping[str, object]) -> Row:
        """Add a registration unless there is one; gives the one that counts."""
        with self._warehouse.write() as connection:
            key = [row["study"], row["instrument"]]
            if not fetch_rows(connection, _FIRST, key):
                insert_rows(
                    connection, "frozen_studies", [{**row, "registered_at": datetime.now(UTC)}]
                )
            return fetch_rows(connection, _FIRST, key)[0]


_FIRST = "SELECT * FROM frozen_studies WHERE study = ? AND instrument = ? ORDER BY seq LIMIT 1"
