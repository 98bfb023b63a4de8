"""Why a user's file cannot be bars, as far as its bytes and its head show it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from trading_pipeline.datasets.clocks.coverage import step_name
from trading_pipeline.datasets.columns.roles import STAMP_NAMES, plain_name
from trading_pipeline.datasets.columns.zone_names import split_zone
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.datasets.reading.encodings import FileBytes
from trading_pipeline.datasets.reading.table import FoundTable
from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.domain.dataset_shape import TableShape
from trading_pipeline.domain.moments import DAY, WEEK
from trading_pipeline.domain.timeframe import Timeframe

__all__ = [
    "coarse_reason",
    "cut_stamps_reason",
    "formula_reason",
    "refused_bytes",
    "refused_table",
]

_EXPONENT = re.compile(r"\s*\d[.,]\d*[eE]\+?\d+\s*")


def refused_bytes(content: FileBytes) -> tuple[str, str] | None:
    """Problem code and reason of a file that is not text; None for one that is."""
    if content.kind == "empty":
        return "empty_file", "The file is empty."
    if content.kind == "binary":
        return (
            "binary_file",
            f"The file is {content.detail}. Give plain CSV, TSV or Parquet; unpack an archive and "
            "save a workbook's sheet as CSV first.",
        )
    return None


def refused_table(
    base: DatasetProfile, table: FoundTable, bom: Mapping[str, int]
) -> DatasetProfile | None:
    """The profile of a file whose head shows that it cannot be bars; None for others."""
    shape = table.shape
    if table.is_blank:
        return replace(base, reason="The file holds blank lines only.", problems={"empty_file": 1})
    missing = [role for role in PRICE_COLUMNS if role not in shape.positions]
    if missing and not (shape.header and not table.rows and len(missing) == len(PRICE_COLUMNS)):
        return replace(
            base,
            reason=f"No column for {', '.join(missing)} was found among {_columns_found(shape)}. "
            f"Name each with --column, such as --column close=Last.{_ticks(missing)}",
            problems={"missing_column": len(missing), **bom},
            rows=len(table.rows),
        )
    if not table.rows:
        return replace(
            base,
            reason="The file has a header but no row behind it.",
            problems={"no_rows": 1, **bom},
        )
    formula = _formula_in_head(table)
    if formula is not None:
        return replace(base, reason=formula_reason(formula), problems=bom)
    if not table.formats:
        return replace(base, reason=_no_stamp_reason(table), problems=bom, rows=len(table.rows))
    return None


def _ticks(missing: list[str]) -> str:
    """Advice for a file with one price a row."""
    if len(missing) != len(PRICE_COLUMNS) - 1:
        return ""
    return (
        " If every row is a trade or a quote (ticks), make bars of them first, such as with "
        "pandas: ticks.resample('1min').ohlc()."
    )


def _exponents(table: FoundTable) -> list[str]:
    """Cells of the first column that holds no stamps but numbers cut to an exponent, by name or
    place."""
    names = [plain_name(name) for name in table.shape.names]
    likely = [i for i, name in enumerate(names) if name in STAMP_NAMES] or [0]
    full = [row for row in table.rows if len(row) == table.shape.width]
    return [row[likely[0]] for row in full]


def _columns_found(shape: TableShape) -> str:
    if not shape.header:
        return f"{shape.width} column(s) without names"
    return ", ".join(name or "(no name)" for name in shape.names[:20])


def _formula_in_head(table: FoundTable) -> int | None:
    """Row of the head, from 1, with a cell that begins like a formula in any column."""
    numbered = enumerate(table.rows, start=1)
    found = (n for n, row in numbered if any(c.lstrip().startswith(("=", "@")) for c in row))
    return next(found, None)


def formula_reason(row: int | None) -> str:
    """Why a file with a formula is refused; `row` counts from 1, None for a symbol."""
    where = "A symbol" if row is None else f"Row {row}"
    return (
        f"{where} holds a cell that a spreadsheet would run as a formula (=, @, + or - before a "
        "name). Prices hold none: remove it and look where the file comes from."
    )


def coarse_reason(profile: DatasetProfile, steps: Counter[int]) -> str | None:
    """Why bars of several days, weeks or months are refused; None for others."""
    step, is_known = profile.step, profile.timeframe in set(Timeframe)
    asked = {question.key for question in profile.open_questions}
    if profile.answers.timeframe is not None or "date_order" in asked:
        return None  # the user knows better, or the distance depends on an answer
    if step <= WEEK and (step <= DAY or is_known):
        return None
    return (
        f"The bars are {step_name(steps)} apart. The longest timeframe here is 1w, and no shorter "
        "bars can be made of longer ones. Export daily or weekly bars."
    )


def cut_stamps_reason(rows: int) -> str:
    """Why a file whose time stamps lost digits is refused."""
    return (
        f"{rows:,} row(s) have a time stamp like 1.71752E+12: a spreadsheet cut it to an exponent, "
        "and the digits that tell one bar from the next are lost. Export the file again without "
        "opening it there, or format that column as a number without decimals before saving."
    )


def _no_stamp_reason(table: FoundTable) -> str:
    cells = table.cells("timestamp") or _exponents(table)
    if cells and sum(bool(_EXPONENT.fullmatch(cell)) for cell in cells) > len(cells) / 2:
        return cut_stamps_reason(len(cells))
    zones = {zone for cell in cells if (zone := split_zone(cell.strip())[1]) is not None}
    if len(zones) > 1:
        return (
            f"The time stamps name {len(zones)} time zones ({', '.join(sorted(zones)[:5])}). Split "
            "the file into one for each zone."
        )
    if cells:
        return (
            f"The time stamps cannot be read, for example {cells[0][:40]!r}. Give their form with "
            "--timestamp-format, such as --timestamp-format '%d.%m.%Y %H:%M'."
        )
    return (
        f"No column of time stamps was found among {_columns_found(table.shape)}. Name it with "
        "--column timestamp=NAME, or --column date=NAME --column time=NAME."
    )
