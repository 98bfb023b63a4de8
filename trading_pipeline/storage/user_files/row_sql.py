"""SQL that turns the text rows of a user's file into rows of moments and numbers.

Rows in the file's plainest form are read by casts alone; the texts of the others are searched, as
DuckDB evaluates a branch of CASE for its own rows only. Moments are int64 microseconds.
"""

from __future__ import annotations

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.dataset_shape import TableShape, TimestampFormat
from trading_pipeline.storage.user_files.cell_sql import (
    EARLIEST,
    FORMULA,
    LATEST,
    number_sql,
    stamp_text,
    text_literal,
    timestamp_sql,
)
from trading_pipeline.storage.user_files.plain_cells import is_plain_number, plain_stamp

__all__ = ["MARKS", "NO_MOMENT", "number_positions", "rows_sql"]

NO_MOMENT = -(2**63)
"""`moment` of a row whose time stamp cannot be read."""
MARKS = {"aware": 1, "loss": 2, "short": 4, "long": 8, "formula": 16}
"""The marks of a row in one byte, which is less to hand over than a column for each mark."""


def number_positions(shape: TableShape) -> frozenset[int]:
    """Positions of columns that DuckDB's CSV reader can take as numbers, if all cells are
    numbers."""
    if shape.delimiter is None or not is_plain_number(shape.numbers):
        return frozenset()
    roles = [r for r in BAR_COLUMNS if not (r == "volume" and shape.numbers.magnitudes)]
    texts = {p for role, places in shape.positions.items() if role not in roles for p in places}
    return frozenset(p for role in roles for p in shape.positions.get(role, ())) - texts


def _sum(parts: list[str]) -> str:
    """Sum of the numbers of a role, which several columns may share; NULL where none can be
    read."""
    if not parts:
        return "CAST('nan' AS DOUBLE)"
    if len(parts) == 1:
        return parts[0]
    known = " + ".join(f"coalesce({part}, 0)" for part in parts)
    return f"CASE WHEN {' AND '.join(f'({p}) IS NULL' for p in parts)} THEN NULL ELSE {known} END"


def rows_sql(
    shape: TableShape, stamp: TimestampFormat, source: str, typed: frozenset[int] = frozenset()
) -> str:
    """A query of the rows of `source`, whose columns are c0, c1, ...: text, but `typed` DOUBLE.

    Its columns are moment (int64, `NO_MOMENT` where it cannot be read), marks (a sum of `MARKS`),
    the numbers (null where unreadable, NaN where there is no column), and symbol where there is
    one.
    """
    cells = [f"c{position}" for position in shape.positions.get("timestamp", ())]
    symbol = shape.positions.get("symbol", ())
    text = stamp_text(cells, stamp)
    careful = timestamp_sql(cells, stamp)
    plain = plain_stamp("stamp_text", stamp)
    numbers, texts = [], [(cells[0], "stamp")]
    for role in BAR_COLUMNS:
        parts = []
        for place in shape.positions.get(role, ()):
            cell = f"c{place}"
            if place not in typed:
                texts.append((cell, role))
                cell = number_sql(cell, shape.numbers, magnitudes=role == "volume")
            parts.append(cell)
        numbers.append(f"{_sum(parts)} AS {role}")
    wanted = [f"{role} IS NOT NULL" for role in BAR_COLUMNS if role in shape.positions]
    last = shape.width - 1
    short = long = "false"
    if shape.delimiter is not None:
        short, long = f"c{last} IS NULL", f"c{last + 1} IS NOT NULL"
        wanted += [f"c{last} IS NOT NULL", f"c{last + 1} IS NULL"]
    sure, aware = "NULL", "0::UTINYINT"
    if plain is not None:
        sure = f"CASE WHEN {plain.condition} THEN {plain.moment} END"
        aware = f"{int(plain.aware)}::UTINYINT"
    elif careful.loss == "false":  # read by its directives, which all its stamps share
        sure, aware = careful.moment, f"({careful.aware})::UTINYINT"
    formula = " OR ".join(
        f"coalesce(CASE WHEN {role} IS NULL THEN "
        f"regexp_matches({cell}, {text_literal(FORMULA)}) END, false)"
        for cell, role in texts
    )
    found = (f"coalesce({careful.aware}, false)", f"coalesce({careful.loss}, false)", short, long)
    odd = " + ".join(
        f"CASE WHEN {flag} THEN {bit} ELSE 0 END"
        for flag, bit in zip((*found, formula), MARKS.values(), strict=True)
    )
    columns = [
        f"CASE WHEN stamp BETWEEN {EARLIEST} AND {LATEST} THEN stamp ELSE {NO_MOMENT} END AS "
        "moment",
        f"CASE WHEN plain THEN {aware} ELSE CAST({odd} AS UTINYINT) END AS marks",
        *BAR_COLUMNS,
    ]
    if symbol:
        columns.append(f"coalesce(trim(c{symbol[0]}), '') AS symbol")
    texts_and_sure = (
        f"SELECT *, CAST({sure} AS BIGINT) AS sure, {', '.join(numbers)} "
        f"FROM (SELECT *, {text} AS stamp_text FROM {source})"
    )
    judged = (
        f"SELECT *, sure IS NOT NULL AND {' AND '.join(wanted)} AS plain FROM ({texts_and_sure})"
    )
    stamp_column = f"CASE WHEN plain THEN sure ELSE {careful.moment} END AS stamp"
    stamped = f"SELECT *, {stamp_column} FROM ({judged})"
    return f"SELECT {', '.join(columns)} FROM ({stamped})"
