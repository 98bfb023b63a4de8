"""Whether the ledger of trials is whole: its chain, its number of rows, and losses on record.

The whole chain is read on request; the number of rows is compared whenever the ledger judges.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows
from trading_pipeline.storage.trial_chain import FIRST_LINK, faults_of_rows

__all__ = ["CheckedLedger", "LedgerCheck"]

_PAGE = 20_000
_AT_THE_END = " at the end"
_NUMBERS = """
SELECT (SELECT count(*) FROM trials) AS rows,
  coalesce((SELECT max(seq) FROM trial_chain), 0) AS "end",
  coalesce((SELECT arg_max(lost, seq) FROM accepted_losses), 0) AS lost,
  coalesce((SELECT max(trials_known) FROM accepted_losses), 0) AS accepted,
  coalesce((SELECT max(trials_at_creation) FROM backtest_results), 0) AS told
"""


@dataclass(frozen=True, kw_only=True)
class LedgerCheck:
    """What a check of the chain found: the number of rows, and a sentence on each fault.

    `accepted`: faults that somebody put on record, with the reason.
    """

    rows: int
    faults: tuple[str, ...]
    accepted: tuple[str, ...] = ()


class CheckedLedger(WarehouseStore):
    """The part of the ledger that finds what was done to its table by anything else."""

    @abstractmethod
    def count(self, *, study: str | None = None, instrument: str | None = None) -> int:
        """Trials that deflate a result."""

    def require_whole(self) -> None:
        """Raise `DataQualityError` where rows are missing, so that the count would be too low.

        Compared are the number of rows with that of the rows ever written, and the number of trials
        with the largest that a result was judged by. Losses that somebody accepted are no fault.
        """
        numbers, faults = self._answer(
            "ledger numbers",
            "",
            lambda _: {"": (held := self._numbers(), self._faults_of_numbers(held))},
        )
        if faults:
            raise DataQualityError(
                f"The ledger of trials is not whole: {faults[0]} The number of trials that "
                "deflates results would be too low. Restore the warehouse from a copy; or go on "
                'with what is left, on record: trading-pipeline trials accept-loss --reason "...".',
                rows=numbers["rows"],
                expected=numbers["end"],
            )

    def verify(self) -> LedgerCheck:
        """Check the chain: finds rows that were changed, removed, moved or added past the ledger.

        It cannot find a ledger that was written anew from the first row on.
        """
        faults = self._chain_faults()
        numbers = self._numbers()
        if not faults:
            faults += self._faults_of_numbers(numbers)
        known = {text for row in self._accepted() for text in json.loads(row["faults"])}
        open_faults = [text for text in dict.fromkeys(faults) if _lasting(text) not in known]
        return LedgerCheck(
            rows=int(numbers["rows"]),
            faults=tuple(open_faults),
            accepted=tuple(f"{row['reason']} ({row['lost']} rows)" for row in self._accepted()),
        )

    def accept_losses(self, reason: str) -> int:
        """Put the ledger's faults on record as known, so that work goes on; returns their number.

        Raises `ConfigurationError` without a reason, or where the ledger has no fault.
        """
        if not reason.strip():
            raise ConfigurationError(
                "A loss of the ledger is accepted for a reason, but none was given. Say what "
                "happened, for example 'the disk failed'."
            )
        with self._warehouse.write() as connection:
            faults = self.verify().faults
            if not faults:
                raise ConfigurationError("The ledger of trials has no fault that can be accepted.")
            ends = self._rows(
                "SELECT coalesce(max(seq), 0) AS seq, arg_max(chain_hash, seq) AS chain_hash "
                "FROM trials"
            )[0]
            numbers = self._numbers()
            if ends["seq"] > numbers["end"]:
                insert_rows(connection, "trial_chain", [ends])
                numbers["end"] = ends["seq"]
            row = {
                "last_row": numbers["end"],
                "lost": numbers["end"] - numbers["rows"],
                "trials_known": numbers["told"],
                "reason": reason.strip(),
                "accepted_at": datetime.now(UTC),
            }
            before = [text for each in self._accepted() for text in json.loads(each["faults"])]
            row["faults"] = list(dict.fromkeys([*before, *map(_lasting, faults)]))
            insert_rows(connection, "accepted_losses", [row])
        return len(faults)

    def _numbers(self) -> Row:
        return self._rows(_NUMBERS)[0]

    def _accepted(self) -> list[Row]:
        return self._rows("SELECT * FROM accepted_losses ORDER BY seq")

    def _faults_of_numbers(self, numbers: Row) -> list[str]:
        rows, expected = int(numbers["rows"]), int(numbers["end"]) - int(numbers["lost"])
        if rows != expected:
            return [f"It has {rows} rows, {expected} were written."]
        told = int(numbers["told"])
        if told > int(numbers["accepted"]) and told > (count := self.count()):
            return [f"It counts {count} trials, and a result was judged by {told}."]
        return []

    def _chain_faults(self) -> list[str]:
        faults: list[str] = []
        previous, expected, last = FIRST_LINK, 1, None
        ends = {row["seq"]: row["chain_hash"] for row in self._rows("SELECT * FROM trial_chain")}
        for page in self._pages():
            found, previous, expected = faults_of_rows(previous, expected, page)
            faults += found
            last = page[-1]
            faults += [
                f"Row {row['seq']} (trial {row['trial_no']}) is not the one that was written."
                for row in page
                if ends.get(row["seq"], row["chain_hash"]) != row["chain_hash"]
            ]
        end = max(ends, default=0)
        if end >= expected:
            gone = f"Row {expected} is" if end == expected else f"Rows {expected} to {end} are"
            faults.append(f"{gone} missing{_AT_THE_END}.")
        elif last is not None and end < expected - 1:
            faults.append(f"The rows after {end} were not written by the ledger.")
        return faults

    def _pages(self) -> Iterator[list[Row]]:
        """All rows in order, some thousands at a time."""
        offset = 0
        while page := self._rows(
            "SELECT * FROM trials ORDER BY seq NULLS FIRST, rowid LIMIT ? OFFSET ?", _PAGE, offset
        ):
            yield page
            offset += len(page)


def _lasting(fault: str) -> str:
    """The sentence as it will be once rows follow."""
    return fault.replace(_AT_THE_END, "")
