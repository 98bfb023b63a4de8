"""The chain of the ledger of trials: each row holds a hash of itself and of the row before.

A row that was changed, removed or moved afterwards breaks the chain. The table `trial_chain` keeps
the end of the chain after each write, so that rows missing at the end are found too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import duckdb
import pyarrow as pa

__all__ = ["FIRST_LINK", "add_chain", "chain_hash", "chain_hashes", "faults_of_rows"]

FIRST_LINK = ""
"""What stands in for the hash of the row before the first."""
_OWN = "chain_hash"


def chain_hash(previous: str, row: Mapping[str, object]) -> str:
    """sha256 of the row before and of this row: every column but `chain_hash` that is not NULL.

    NULL columns are left out, so that a column of a later migration leaves old hashes as they are.
    The bytes are JSON with sorted keys, each float in the shortest form that gives it back, time
    stamps in UTC microseconds. Values must be those that the table gives back.
    """
    held = {name: value for name, value in row.items() if value is not None and name != _OWN}
    text = json.dumps([previous, held], sort_keys=True, default=_stamp, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def chain_hashes(previous: str, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """`chain_hash` of each row in turn; the first follows `previous`."""
    return list(accumulate(rows, chain_hash, initial=previous))[1:]


def add_chain(connection: duckdb.DuckDBPyConnection) -> None:
    """Give `trials` its columns of this version; number and chain the rows that it has.

    The table is made anew and renamed: DuckDB refuses to alter a table twice around an update in
    one transaction.
    """
    cursor = connection.execute("SELECT rowid, * FROM trials ORDER BY trial_no, rowid")
    names = [column[0] for column in cursor.description or ()][1:]
    found = cursor.fetchall()
    rows: list[dict[str, Any]] = [
        {**dict(zip(names, values[1:], strict=True)), "seq": seq}
        for seq, values in enumerate(found, start=1)
    ]
    hashes = chain_hashes(FIRST_LINK, rows)
    links = pa.table(
        {
            "old_row": pa.array([values[0] for values in found], pa.int64()),
            "seq": pa.array([row["seq"] for row in rows], pa.int64()),
            "chain_hash": pa.array(hashes, pa.string()),
        }
    )
    connection.register("links", links)
    try:
        connection.execute(
            "CREATE TABLE trials_chained AS SELECT t.*, NULL::VARCHAR AS settings_hash, "
            "NULL::VARCHAR AS dates, NULL::VARCHAR AS model_hash, "
            "NULL::VARCHAR AS predictions_hash, NULL::VARCHAR AS result_id, "
            "NULL::VARCHAR AS reason, NULL::BIGINT AS refers_to, links.seq, links.chain_hash "
            "FROM trials t JOIN links ON links.old_row = t.rowid ORDER BY links.seq"
        )
    finally:
        connection.unregister("links")
    connection.execute("DROP TABLE trials")
    connection.execute("ALTER TABLE trials_chained RENAME TO trials")
    connection.execute("CREATE TABLE trial_chain(seq BIGINT, chain_hash VARCHAR)")
    if hashes:
        connection.execute("INSERT INTO trial_chain VALUES (?, ?)", [len(hashes), hashes[-1]])


def faults_of_rows(
    previous: str, expected: int, rows: Iterable[Mapping[str, Any]]
) -> tuple[list[str], str, int]:
    """Sentences on rows that do not follow one another; then the last hash and the next `seq`.

    `previous` and `expected`: the hash and `seq` that the first row must follow and have. Each row
    is compared with the stored hash of the row before, so that one fault is named once.
    """
    faults = []
    for row in rows:
        seq, number = row["seq"], row["trial_no"]
        if seq is None:
            faults.append(f"Trial {number} has no place in the ledger; it was not written by it.")
            continue
        if seq < expected:
            faults.append(f"Row {seq} is there twice (trial {number}).")
        elif seq > expected:
            faults.append(
                f"Row {expected} is missing."
                if seq == expected + 1
                else f"Rows {expected} to {seq - 1} are missing."
            )
        elif row[_OWN] != chain_hash(previous, row):
            faults.append(f"Row {seq} (trial {number}) was changed or moved.")
        previous, expected = row[_OWN], max(seq, expected - 1) + 1
    return faults, previous, expected
