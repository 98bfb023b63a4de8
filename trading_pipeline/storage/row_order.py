"""The order of rows: a column `seq` in every table of which rows are chosen by their order.

A wall clock may be set back, and two rows may have one time; `seq` only grows. `insert_rows` gives
it. `bars`, `trades` and `daily_results` need none: a row's place is in what it says.
"""

from __future__ import annotations

import duckdb

__all__ = ["ORDERED_TABLES", "WINDOW_QUALITY", "add_row_order"]

ORDERED_TABLES = {
    "instruments": "updated_at",
    "fetch_log": "fetched_at",
    "bar_revisions": "seen_at",
    "corporate_actions": "seen_at",
    "bars_rejected": None,
    "quality_findings": "found_at",
    "artifacts": "created_at",
    "models": "trained_at",
    "backtest_results": "created_at",
}
"""Tables that get `seq`, and the time by which their rows were ordered before."""

WINDOW_QUALITY = """
CREATE VIEW window_quality AS
WITH decided AS (
  SELECT *, row_number() OVER (PARTITION BY instrument, "window" ORDER BY seq DESC) AS age
  FROM fetch_log WHERE status NOT IN ('failed', 'no_data')),
found AS (
  SELECT attempt, count(*) FILTER (severity = 'ERROR') AS errors,
    count(*) FILTER (severity = 'WARN') AS warnings
  FROM quality_findings GROUP BY ALL)
SELECT d.instrument, d."window", d.source, d.state, d.status, d.score, d.rows, d.expected,
  coalesce(f.errors, 0) AS errors, coalesce(f.warnings, 0) AS warnings, d.first_ts, d.last_ts,
  d.fetched_at
FROM decided d LEFT JOIN found f ON f.attempt = d.seq
WHERE d.age = 1 ORDER BY d.instrument, d."window"
"""

# These rows had the hash of a document in place of that of its file.
_ARTIFACTS = """* REPLACE (CASE WHEN asset NOT IN ('optimization_summary', 'dataset_profile')
  THEN sha256 END AS sha256)"""

# Of several attempts at one moment the last has the findings; equal ones were kept twice.
_FINDINGS = """
CREATE TABLE findings_of_attempts AS
SELECT f.*, a.attempt FROM (SELECT * EXCLUDE (seq), min(seq) AS seq
  FROM quality_findings GROUP BY ALL) f
LEFT JOIN (SELECT instrument, "window", fetched_at, max(seq) AS attempt FROM fetch_log
  GROUP BY ALL) a
ON a.instrument = f.instrument AND a."window" = f."window" AND a.fetched_at = f.found_at
ORDER BY f.seq
"""


def add_row_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Number the rows of every table in the order that they have; findings name their attempt.

    Tables are made anew and renamed: DuckDB refuses to alter a table twice around an update in one
    transaction.
    """
    connection.execute("DROP VIEW window_quality")
    for table, moment in ORDERED_TABLES.items():
        order = "rowid" if moment is None else f"{moment} NULLS FIRST, rowid"
        columns = _ARTIFACTS if table == "artifacts" else "*"
        connection.execute(
            f"CREATE TABLE numbered AS SELECT {columns}, row_number() OVER (ORDER BY {order}) "
            f"AS seq FROM {table} ORDER BY seq"
        )
        _replace(connection, table, "numbered")
    connection.execute(_FINDINGS)
    _replace(connection, "quality_findings", "findings_of_attempts")
    connection.execute(WINDOW_QUALITY)


def _replace(connection: duckdb.DuckDBPyConnection, table: str, by: str) -> None:
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE {by} RENAME TO {table}")
