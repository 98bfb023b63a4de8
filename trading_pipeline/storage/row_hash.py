"""The hash of rows as a table gives them back, whatever columns later migrations add."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

__all__ = ["row_hash"]

_OWN = ("seq", "row_hash")


def row_hash(*tables: Iterable[Mapping[str, object]]) -> str:
    """sha256 of the rows of several tables, each in the order given.

    Left out are NULL, the place `seq` and the hash itself. The bytes are JSON with sorted keys,
    each float in the shortest form that gives it back, time stamps in UTC microseconds.
    """
    told = [
        [{n: v for n, v in row.items() if v is not None and n not in _OWN} for row in rows]
        for rows in tables
    ]
    text = json.dumps(told, sort_keys=True, default=_text, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"Values of type {type(value).__name__} are not hashed.")
