"""The rows that stages of single instruments read, as Arrow tables, instrument by instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["EXCERPT_TABLES", "excerpt_bytes", "newest_finding", "read_excerpts"]

_OWNER = "owner_"
"""Name of the column that says which instrument a row is read for; not part of the excerpt."""

# Of attempts the newest of each window and status say everything; of artifacts the newest one.
_SERIES = {
    "bars": "SELECT *, instrument AS owner_ FROM bars WHERE instrument IN ({ids}) "
    "ORDER BY instrument, ts",
    "fetch_log": "SELECT *, instrument AS owner_ FROM fetch_log WHERE instrument IN ({ids}) "
    'QUALIFY row_number() OVER (PARTITION BY instrument, "window", status ORDER BY seq DESC) = 1 '
    "ORDER BY seq",
    "corporate_actions": "SELECT *, instrument AS owner_ FROM corporate_actions "
    "WHERE instrument IN ({ids}) ORDER BY seq",
    "artifacts": "SELECT *, split_part(\"partition\", '|', 1) AS owner_ FROM artifacts "
    "WHERE owner_ IN ({ids}) QUALIFY row_number() OVER "
    '(PARTITION BY asset, "partition" ORDER BY seq DESC) = 1 ORDER BY seq',
    "models": "SELECT *, instrument AS owner_ FROM models WHERE instrument IN ({ids}) ORDER BY seq",
    "audits": "SELECT *, instrument AS owner_ FROM audits WHERE instrument IN ({ids}) "
    "AND coalesce(finding, '') = '' ORDER BY seq",
}
_RESULT = (
    "JOIN (SELECT DISTINCT result_id, owner_ FROM (SELECT input_hash AS result_id, "
    "split_part(\"partition\", '|', 1) AS owner_ FROM artifacts WHERE asset = 'backtest' "
    "AND owner_ IN ({ids}) QUALIFY row_number() OVER "
    '(PARTITION BY "partition" ORDER BY seq DESC) = 1)) AS newest USING (result_id)'
)
_TRADING = {
    "frozen_studies": "SELECT *, instrument AS owner_ FROM frozen_studies "
    "WHERE instrument IN ({ids}) ORDER BY seq",
    "trials": "SELECT *, instrument AS owner_ FROM trials WHERE instrument IN ({ids}) "
    "AND coalesce(study, '') IN ({studies}) ORDER BY seq",
    "backtest_results": f"SELECT * FROM backtest_results {_RESULT} ORDER BY seq",
    "trades": f"SELECT * FROM trades {_RESULT} ORDER BY result_id, trade_no",
    "daily_results": f"SELECT * FROM daily_results {_RESULT} ORDER BY result_id, date",
}
_FINDINGS = (
    "SELECT * FROM audits WHERE finding <> '' OR kind = 'feature_set' QUALIFY finding <> '' "
    "OR row_number() OVER (PARTITION BY name, code_hash ORDER BY seq DESC) <= 16 ORDER BY seq"
)
"""Findings of all instruments, and on which a feature set passed lately."""
EXCERPT_TABLES = (*_SERIES, *_TRADING)
"""Tables of which a stage of an instrument may read rows."""


def read_excerpts(
    warehouse: Warehouse, instruments: Sequence[str], *, studies: Sequence[str] | None = None
) -> dict[str, dict[str, pa.Table]]:
    """By instrument and table the rows that its stages read, all of one moment.

    `studies`: for stages of scenarios and studies, with the names of the studies; None leaves out
    the ledger and results. Findings of audits are those of every instrument: each holds for all.
    """
    found: dict[str, dict[str, pa.Table]] = {name: {} for name in instruments}
    with warehouse.read() as connection:
        queries = _SERIES if studies is None else _SERIES | _TRADING
        for table, sql in queries.items():
            rows = _rows(connection, sql, instruments, studies or ())
            for name in instruments:
                own = rows.filter(pc.equal(rows[_OWNER], name)) if len(rows) else rows
                found[name][table] = own.drop_columns([_OWNER])
        findings = connection.sql(_FINDINGS).to_arrow_table()
    for tables in found.values():
        tables["audits"] = pa.concat_tables([findings, tables["audits"]])
    return found


def excerpt_bytes(tables: Mapping[str, pa.Table]) -> int:
    """Size of an excerpt in memory."""
    return sum(table.nbytes for table in tables.values())


def newest_finding(warehouse: Warehouse) -> int:
    """Number of the newest finding of an audit; 0 where there is none."""
    with warehouse.read() as connection:
        sql = "SELECT coalesce(max(seq), 0) FROM audits WHERE finding <> ''"
        return int(connection.execute(sql).fetchall()[0][0])


def _rows(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    instruments: Sequence[str],
    studies: Sequence[str],
) -> pa.Table:
    named = ("", *studies)
    asked = list(instruments)
    text = sql.format(ids=", ".join("?" * len(asked)), studies=", ".join("?" * len(named)))
    given = [*asked, *(named if "{studies}" in sql else ())]
    return connection.sql(text, params=given).to_arrow_table()
