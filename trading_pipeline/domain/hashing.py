"""Hashes that make inputs, code and results comparable.

sha256 over canonical bytes: sorted keys, IEEE-754 big-endian floats, UTC microseconds. The full hex
digest is stored; reports show its first 12 digits.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

__all__ = [
    "SHOWN_DIGITS",
    "canonical_hash",
    "canonical_row_hashes",
    "file_hash",
    "frame_hash",
    "short_hash",
]

SHOWN_DIGITS = 12
_BY_VALUE = frozenset({bool, float, int, str})


class _Digest(Protocol):
    """What takes bytes one after the other."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""


class _Bytes:
    """Keeps the bytes themselves."""

    def __init__(self) -> None:
        self.data = bytearray()

    def update(self, data: bytes, /) -> None:
        """Append them."""
        self.data += data


def canonical_hash(value: object) -> str:
    """Hash of plain values: None, bool, int, float, str, dates, enums, mappings, sequences, arrays.

    Raises `TypeError` for anything else, so that nothing is hashed by its memory address.

    >>> canonical_hash({"a": 1.0, "b": [1, 2]}) == canonical_hash({"b": [1, 2], "a": 1.0})
    True
    >>> canonical_hash(1) == canonical_hash(1.0)
    False
    """
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def canonical_row_hashes(columns: Mapping[str, Sequence[object]]) -> list[str]:
    """`canonical_hash` of each row as a mapping of its values by the names of the columns.

    Each distinct value of a column is written once, so thousands of rows cost little more than
    their digests. Values are those of `canonical_hash`; columns have one length.

    >>> canonical_row_hashes({"b": [1], "a": ["x"]}) == [canonical_hash({"a": "x", "b": 1})]
    True
    """
    written = []
    for name in sorted(columns):
        key = _text(name)
        known: dict[object, bytes] = {}
        column = []
        for value in columns[name]:
            kind = type(value)
            place = (kind, value) if kind in _BY_VALUE else id(value)  # 1, 1.0 and True are equal
            data = known.get(place)
            if data is None:
                data = known[place] = key + _canonical_bytes(value)
            column.append(data)
        written.append(column)
    return [
        hashlib.sha256(b"{%b}" % b"".join(row)).hexdigest() for row in zip(*written, strict=True)
    ]


def short_hash(value: object) -> str:
    """First digits of `canonical_hash`, as shown in ids and tables."""
    return canonical_hash(value)[:SHOWN_DIGITS]


def frame_hash(frame: pd.DataFrame) -> str:
    """Hash of a frame's index, column names, types and values, in the order of rows and columns.

    Moments are hashed in UTC microseconds, whatever their zone and unit. None, NaN and NaT all hash
    alike.
    """
    digest = hashlib.sha256()
    _feed(digest, [str(column) for column in frame.columns])
    _feed_series(digest, frame.index.to_series())
    for position in range(frame.shape[1]):
        _feed_series(digest, frame.iloc[:, position])
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _feed_series(digest: _Digest, series: pd.Series) -> None:
    dtype = series.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        digest.update(b"U")  # a moment must not hash like the integer of its microseconds
        _feed(digest, pd.DatetimeIndex(series).tz_convert("UTC").as_unit("us").asi8)
    elif isinstance(dtype, np.dtype) and dtype.kind in "fiubmM":
        _feed(digest, series.to_numpy())
    else:
        missing = series.isna().to_numpy()
        texts = [None if gone else str(v) for v, gone in zip(series, missing, strict=True)]
        _feed(digest, np.array(texts, dtype=object))


def _feed(digest: _Digest, value: Any) -> None:  # noqa: PLR0912 - one branch a type
    kind = type(value)
    if kind is str:  # exact types first: thousands of parameter sets are hashed
        digest.update(_text(value))
    elif kind is int:
        digest.update(b"i%d;" % value)
    elif kind is dict:
        _feed_mapping(digest, value)
    elif value is None:
        digest.update(b"N")
    elif isinstance(value, Enum):
        _feed(digest, value.value)
    elif isinstance(value, (bool, np.bool_)):
        digest.update(b"T" if value else b"F")
    elif isinstance(value, (int, np.integer)):
        digest.update(b"i" + str(int(value)).encode() + b";")
    elif isinstance(value, (float, np.floating)):
        # -0.0 hashes like 0.0, and every NaN alike
        digest.update(b"f" + struct.pack(">d", float("nan") if value != value else value + 0.0))
    elif isinstance(value, str):
        digest.update(_text(value))
    elif isinstance(value, datetime):
        stamp = pd.Timestamp(value)
        if stamp.tz is None:
            raise TypeError(f"A naive time stamp cannot be hashed: {value!r}.")
        digest.update(b"t" + str(stamp.tz_convert(UTC).as_unit("us").value).encode() + b";")
    elif isinstance(value, date):
        digest.update(b"d" + value.isoformat().encode())
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("Bytes have no canonical form here; hash their text or numbers.")
    elif isinstance(value, Mapping):
        _feed_mapping(digest, value)
    elif isinstance(value, (Sequence, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        digest.update(b"[")
        for item in items:
            _feed(digest, item)
        digest.update(b"]")
    else:
        raise TypeError(f"Values of type {type(value).__name__} have no canonical bytes.")


def _canonical_bytes(value: object) -> bytes:
    found = _Bytes()
    _feed(found, value)
    return bytes(found.data)


def _text(value: str) -> bytes:
    data = value.encode()
    return b"s%d:%b" % (len(data), data)


def _feed_mapping(digest: _Digest, value: Mapping[Any, object]) -> None:
    digest.update(b"{")
    for key in sorted(value, key=str):
        digest.update(_text(str(key)))
        _feed(digest, value[key])
    digest.update(b"}")


def _feed_array(digest: _Digest, array: np.ndarray[Any, Any]) -> None:
    if array.dtype.kind in "OUT":  # the width of a fixed-width text does not change its meaning
        _feed(digest, [None if item is None else str(item) for item in array.tolist()])
        return
    if array.dtype.kind in "mM":
        array = array.astype(f"{array.dtype.kind}8[us]")
    if array.dtype.kind == "f":
        array = array + 0.0
        array = np.where(np.isnan(array), np.nan, array)
    digest.update(f"a{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">")).tobytes())
