"""Instruments and corporate actions in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.membership import Membership
from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.row_tables import WarehouseStore, insert_rows

__all__ = ["ReferenceStore", "actions_hash"]

Listing = tuple[date | None, date | None]
_ACTIONS, _LISTINGS = "corporate actions", "listings"


class ReferenceStore(WarehouseStore):
    """Instruments and what happened to their shares."""

    def save_instruments(
        self,
        instruments: Mapping[str, Instrument],
        listings: Mapping[str, Listing],
        members: Mapping[str, Membership | None] | None = None,
        *,
        are_all: bool = True,
    ) -> list[str]:
        """Make exactly these the active instruments; returns the ids whose row changed.

        `members`: when each belonged to the universe, where that is known; part of `spec_hash`.
        `are_all`: False where there may be more, so that others stay as they are.
        """
        rows = {}
        for name, instrument in instruments.items():
            listed_from, listed_to = listings.get(name, (None, None))
            row = {
                **instrument.as_dict(),
                "instrument": name,
                "listed_from": instrument.listed_from or listed_from,
                "listed_to": instrument.listed_to or listed_to,
            }
            belonged = (members or {}).get(name)
            spec_hash = canonical_hash(row if belonged is None else [row, str(belonged)])
            row.pop("exchange")  # has no column, but a change of it changes the instrument
            rows[name] = {**row, "active": True, "spec_hash": spec_hash}
        known = {row["instrument"]: row for row in self._rows("SELECT * FROM instruments")}
        changed = [n for n, row in rows.items() if _differs(known.get(n), row)]
        gone = [n for n, row in known.items() if are_all and n not in rows and row["active"]]
        if changed or gone:
            stamp = datetime.now(UTC)
            with self._warehouse.write() as connection:
                connection.execute(
                    "DELETE FROM instruments WHERE list_contains(?::VARCHAR[], instrument)",
                    [changed],
                )
                insert_rows(
                    connection, "instruments", [{**rows[n], "updated_at": stamp} for n in changed]
                )
                connection.execute(
                    "UPDATE instruments SET active = false, updated_at = ?::TIMESTAMPTZ "
                    "WHERE list_contains(?::VARCHAR[], instrument)",
                    [stamp, gone],
                )
            self._forget("", _LISTINGS)
        return changed + gone

    def instruments_hash(self) -> str:
        """Hash of the rows of all instruments but for when they were written."""
        rows = self._rows("SELECT * EXCLUDE (seq, updated_at) FROM instruments ORDER BY instrument")
        return canonical_hash(rows)

    def listings(self) -> dict[str, Listing]:
        """First and last listed day by instrument, as far as they are known."""
        return self._answer(_LISTINGS, "", self._read_listings)

    def _read_listings(self, _: list[str]) -> dict[str, dict[str, Listing]]:
        rows = self._rows("SELECT instrument, listed_from, listed_to FROM instruments")
        return {"": {row["instrument"]: (row["listed_from"], row["listed_to"]) for row in rows}}

    def save_actions(self, instrument: str, actions: Sequence[CorporateAction]) -> bool:
        """Replace the instrument's actions where they differ; an action keeps its first `seen_at`.

        An action given twice is kept once. Raises `WarehouseError` for another instrument's action.
        """
        foreign = sorted({action.instrument for action in actions} - {instrument})
        if foreign:
            raise WarehouseError(
                f"Actions of {', '.join(foreign)} cannot be saved as those of {instrument}.",
                instrument=instrument,
            )
        stored = self.actions(instrument)
        old = {_key(action): action for action in stored}
        new = {_key(action): action for action in reversed(actions)}
        if old.keys() == new.keys() and len(stored) == len(new):
            return False
        rows = [vars(old.get(key, action)) for key, action in new.items()]
        with self._warehouse.write() as connection:
            connection.execute("DELETE FROM corporate_actions WHERE instrument = ?", [instrument])
            insert_rows(connection, "corporate_actions", rows)
        self._forget(instrument, _ACTIONS)
        self._forget("", "state of bars")
        return True

    def actions(self, instrument: str) -> list[CorporateAction]:
        """Actions of an instrument by ex-date, splits before cash of one day."""
        return list(self._answer(_ACTIONS, instrument, self._read_actions))

    def _read_actions(self, instruments: list[str]) -> dict[str, list[CorporateAction]]:
        rows = self._rows(
            "SELECT * EXCLUDE (seq) FROM corporate_actions "
            "WHERE list_contains(?::VARCHAR[], instrument) "
            "ORDER BY ex_date, kind DESC, value, source",
            instruments,
        )
        found: dict[str, list[CorporateAction]] = {name: [] for name in instruments}
        for row in rows:
            found[row["instrument"]].append(CorporateAction(**row))
        return found


def actions_hash(actions: Sequence[CorporateAction]) -> str:
    """Hash of what happened, not of when it was seen."""
    return canonical_hash([[a.ex_date, a.kind, a.value] for a in actions])


def _key(action: CorporateAction) -> tuple[date, str, float, str]:
    return (action.ex_date, action.kind, action.value, action.source)


def _differs(old: Mapping[str, object] | None, new: Mapping[str, object]) -> bool:
    return old is None or any(old[name] != value for name, value in new.items())
