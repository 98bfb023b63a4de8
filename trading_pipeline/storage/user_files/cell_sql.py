"""SQL that turns text cells of a user's file into numbers and time stamps.

Time stamps become microseconds since 1970: UTC where a cell carries an offset or is an epoch, else
as the wall clock shows. A cell that cannot be read becomes NULL.
"""

from __future__ import annotations

from dataclasses import dataclass

from trading_pipeline.domain.dataset_shape import NumberFormat, TimestampFormat, is_aware_format

__all__ = [
    "EARLIEST",
    "FORMULA",
    "LATEST",
    "TimestampSql",
    "number_sql",
    "stamp_text",
    "text_literal",
    "timestamp_sql",
]

FORMULA = r"^\s*([=@]|[-+]\s*[A-Za-z(@=])"
"""A cell that a spreadsheet would run."""
EARLIEST, LATEST = -2_208_988_800_000_000, 4_102_444_800_000_000
"""Stamps outside 1900 to 2100 are taken for faults."""
_OFFSET = r"([Zz]|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_OFFSET_BEHIND_CLOCK = (
    r"(:\d{2}(\.\d+)?( ?[AaPp][Mm])? ?(UTC|GMT)?[+-]\d{2}(:?\d{2})?|\d( ?[AaPp][Mm])? ?"
    r"(Z|z|UTC|GMT))$"
)
"""An offset or the letters of UTC, but not the year of `02-01-2024`."""
_COARSE = r"^\s*-?\d(?:\.(\d*))?[eE]\+?(\d+)\s*$"
_UNITS = {
    "s": ("1e8", "5e9", "* 1000000"),
    "ms": ("1e11", "5e12", "* 1000"),
    "us": ("1e14", "5e15", ""),
    "ns": ("1e17", "5e18", "// 1000"),
}
_FRACTIONAL = {"s": "* 1e6", "ms": "* 1e3", "us": "* 1", "ns": "/ 1e3"}


@dataclass(frozen=True)
class TimestampSql:
    """Expressions: `moment` in microseconds, `aware` (UTC is known), `loss` (a digit was lost)."""

    moment: str
    aware: str
    loss: str


def text_literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def number_sql(cell: str, form: NumberFormat, *, magnitudes: bool = False) -> str:
    """DOUBLE of a text cell; with `magnitudes` a suffix K, M, B or T counts."""
    text = cell
    if form.symbols:
        text = f"regexp_replace({text}, '[\\s\u00a0\u202f$€£¥₹''\u2019]', '', 'g')"
    if form.thousands and form.thousands in ".,":
        text = f"replace({text}, {text_literal(form.thousands)}, '')"
    if form.decimal == ",":
        text = f"replace({text}, ',', '.')"
    if not (magnitudes and form.magnitudes):
        return f"try_cast({text} AS DOUBLE)"
    return (
        f"try_cast(rtrim({text}, 'KMBTkmbt ') AS DOUBLE) * CASE upper(right(rtrim({text}), 1)) "
        "WHEN 'K' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'B' THEN 1e9 WHEN 'T' THEN 1e12 ELSE 1 END"
    )


def timestamp_sql(cells: list[str], form: TimestampFormat) -> TimestampSql:
    """Expressions for the time stamp in one cell, or in a cell of the date and one of the time."""
    if form.kind == "epoch":
        moment, loss = _epoch(cells[0], form)
        return TimestampSql(moment, "true", loss)
    text = stamp_text(cells, form)
    if not form.is_iso:
        return _by_directives(f"trim({text})", form)
    aware = f"(length({text}) > 10 AND regexp_matches({text}, {text_literal(_OFFSET)}))"
    full = text
    if any("%M%z" in each for each in form.formats):  # DuckDB wants seconds before an offset
        full = f"regexp_replace({text}, '(:\\d{{2}})( ?[Zz+-].*)$', '\\1:00\\2')"
        full = (
            f"CASE WHEN regexp_matches({text}, '\\d:\\d{{2}}:\\d{{2}}') THEN {text} ELSE {full} END"
        )
    moment = (
        f"CASE WHEN {aware} THEN epoch_us(try_cast({full} AS TIMESTAMPTZ)) "
        f"ELSE epoch_us(try_cast({text} AS TIMESTAMP)) END"
    )
    loss = f"(length({text}) > 26 AND regexp_matches({text}, '\\.\\d{{6}}\\d*[1-9]'))"
    return TimestampSql(moment, aware, loss)


def _by_directives(text: str, form: TimestampFormat) -> TimestampSql:
    """Stamps by their formats; in a file with offsets, cells without one are read apart.

    In one list of formats DuckDB (1.5) gives a cell without an offset that of the cell before.
    """
    aware = [each for each in form.formats if not form.names_zone and is_aware_format(each)]
    naive = [each for each in form.formats if each not in aware]
    if not aware:
        return TimestampSql(_parsed(text, naive), "false", "false")
    naive += [each.replace("%z", "").rstrip() for each in aware if "%H" in each or "%I" in each]
    if any(each.startswith("%Y%m%d-") for each in aware):
        return TimestampSql(_parsed(text, aware), "true", "false")
    shows = f"regexp_matches({text}, {text_literal(_OFFSET_BEHIND_CLOCK)})"
    moment = f"CASE WHEN {shows} THEN {_parsed(text, aware)} ELSE {_parsed(text, naive)} END"
    return TimestampSql(moment, shows, "false")


def _parsed(text: str, formats: list[str]) -> str:
    listed = ", ".join(text_literal(each) for each in dict.fromkeys(formats))
    return f"epoch_us(try_strptime({text}, [{listed}]))" if formats else "CAST(NULL AS BIGINT)"


def stamp_text(cells: list[str], form: TimestampFormat) -> str:
    """Expression of the text of a stamp: its cell, or a date and a time with a space between."""
    if len(cells) == 1 or form.kind == "epoch":
        return cells[0]
    clock = f"trim({cells[1]})"
    if form.formats[0].endswith("%H%M%S"):
        clock = f"lpad({clock}, 6, '0')"
    elif form.formats[0].endswith("%H%M"):
        clock = f"lpad({clock}, 4, '0')"
    return f"(trim({cells[0]}) || ' ' || {clock})"


def _epoch(cell: str, form: TimestampFormat) -> tuple[str, str]:
    """Each cell's unit by its own magnitude, as providers changed from s to ms to us in their
    files."""
    forced = form.formats[:1] and form.unit
    units = {forced: _UNITS[forced]} if forced else _UNITS
    whole, real = f"try_cast({cell} AS BIGINT)", f"try_cast({cell} AS DOUBLE)"
    branches = []
    for unit, (lowest, highest, factor) in units.items():
        size = "true" if forced else f"abs({real}) >= {lowest} AND abs({real}) < {highest}"
        fraction = f"try_cast(round({real} {_FRACTIONAL[unit]}) AS BIGINT)"
        exact = f"try_cast({whole}::HUGEINT {factor} AS BIGINT)"
        branches.append(
            f"WHEN {size} THEN CASE WHEN contains({cell}, '.') THEN {fraction} ELSE {exact} END"
        )
    coarse = _is_coarse(cell)
    lost = [coarse]
    if "ns" in units:
        lowest = "0" if forced else _UNITS["ns"][0]
        lost.append(f"(abs({real}) >= {lowest} AND {whole} % 1000 <> 0)")
    moment = f"CASE WHEN {coarse} THEN NULL {' '.join(branches)} END"
    return moment, f"({' OR '.join(lost)})"


def _is_coarse(cell: str) -> str:
    """Whether a spreadsheet cut an epoch to an exponent, such as 1.71752E+12, whose last written
    digit stands for more than a second; no moment is left to read."""
    power = f"try_cast(regexp_extract({cell}, {text_literal(_COARSE)}, 2) AS INTEGER)"
    digits = f"length(regexp_extract({cell}, {text_literal(_COARSE)}, 1))"
    return (
        f"(regexp_matches({cell}, '[eE]') AND "
        f"coalesce({power} - {digits} > 3 * (({power} - 8) // 3), true))"
    )
