"""Whether a cell of a user's file holds a value, a name, or a formula."""

from __future__ import annotations

import re

__all__ = ["formula_cell", "is_value"]

_VALUE = re.compile(
    r"""\s*[-+(]?[$€£¥₹]?\s*(?:
        \d[\d.,'\u2019\u00a0\u202f ]*(?:[eE][-+]?\d+)?\s*[KMBT%]?\)?   # a number
      | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*                              # a date
      | \d{1,2}[- ][A-Za-z]{3,9}\.?[- ,]+\d{2,4}.*                     # 02-Jan-2024
      | [A-Za-z]{3,9}\.?\s+\d{1,2},?\s+\d{4}.*                         # Jan 02, 2024
      | \d{1,2}:\d{2}.*                                                # a time
      | \.\d+
    )\s*""",
    re.VERBOSE,
)
_FORMULA = re.compile(r"\s*(?:[=@]|[-+]\s*[A-Za-z(@=])")
_MISSING = {"nan", "+nan", "-nan", "inf", "+inf", "-inf"}


def is_value(cell: str) -> bool:
    """True for a cell that holds a number, a date or a time and not a name.

    >>> [is_value(cell) for cell in ("1,234.5", "$12.3", "Jan 02, 2024", "Open", "-", "")]
    [True, True, True, False, False, False]
    """
    return _VALUE.fullmatch(cell) is not None


def formula_cell(cell: str) -> bool:
    """True for a cell that a spreadsheet would run: `=...`, `@...`, `+name`, `-name`.

    >>> cells = ("=HYPERLINK(1)", "@SUM(1)", "+cmd|x", "-1.5", "+1", "-", "-nan")
    >>> [formula_cell(cell) for cell in cells]
    [True, True, True, False, False, False, False]
    """
    return _FORMULA.match(cell) is not None and cell.strip().casefold() not in _MISSING
