"""Rows as CSV that reads the same everywhere: UTF-8, commas, ISO 8601 stamps, full precision.

A missing value is an empty field, a truth value `true` or `false`; numbers have the shortest digits
that give them back, with a point, whatever the locale. A stamp in UTC ends in `Z`, another one in
its offset.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

__all__ = ["csv_text"]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A head of `columns`, and a line a row; a column that a row lacks is empty.

    >>> csv_text(["ts", "pnl", "open"], [{"ts": datetime(2012, 1, 3, tzinfo=UTC), "pnl": 0.1}])
    'ts,pnl,open\\n2012-01-03T00:00:00Z,0.1,\\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(row.get(column)) for column in columns] for row in rows)
    return buffer.getvalue()


def _field(value: object) -> str:
    if value is None or value != value:  # NaN and NaT are not equal to themselves
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    return str(value)


def _stamp(moment: datetime) -> str:
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    text = known.isoformat(timespec="microseconds" if known.microsecond else "seconds")
    is_utc = known.utcoffset() == timedelta(0)
    return text.removesuffix("+00:00") + "Z" if is_utc else text
