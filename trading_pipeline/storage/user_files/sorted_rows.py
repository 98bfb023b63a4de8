"""Sorts more rows than memory should hold, by series and time.

A first pass over the rows shows a sample of their keys to `KeySample`. In a second one `RowSorter`
divides them by its bounds: each block goes to a temporary file with the rows of one division side
by side. Then each division is read back and sorted in memory. Equal keys keep the order in which
they came. Keys are the rank of a series and a moment (int64 microseconds).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from trading_pipeline.domain.moments import Flags, Floats, Moments
from trading_pipeline.storage.user_files.temporary_folder import temporary_file_error

__all__ = ["KeySample", "RowSorter"]

_ONE_IN = 64
_DIVISION_ROWS = 125_000
_MOST_DIVISIONS = 1024
_SLICE_ROWS = 65_536
_SECOND = 1_000_000
_SECONDS_ORIGIN, _SECONDS_BITS = -2_208_988_800, 33
"""Seconds from 1970 to 1900, and the bits that those until 2100 take."""


class KeySample:
    """A random sample of the keys of all rows, one in 64; the same for the same rows."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(64)
        self._codes: list[Moments] = []
        self._moments: list[Moments] = []

    def add(self, codes: Moments, moments: Moments, usable: Flags) -> None:
        """Show the keys of the next rows, of which only the usable ones will be sorted."""
        if len(moments):
            chosen = self._random.integers(0, len(moments), -(-len(moments) // _ONE_IN))
            chosen = chosen[usable[chosen]]
            self._codes.append(codes[chosen])
            self._moments.append(moments[chosen])

    def bounds(self, ranks: Moments) -> Moments:
        """Keys that divide the rows into parts of about 125,000; `ranks[code]` is a series'
        rank."""
        if not self._codes:
            return np.empty(0, dtype=np.int64)
        keys = np.sort(_keys(ranks[np.concatenate(self._codes)], np.concatenate(self._moments)))
        every = max(_DIVISION_ROWS // _ONE_IN, -(-len(keys) // _MOST_DIVISIONS))
        return np.unique(keys[every::every])


class RowSorter:
    """Takes rows in any order and returns them by series and time; a context manager.

    `bounds`: see `KeySample.bounds`; without any, all rows stay in memory. Both methods raise
    `DatasetFormatError` where the temporary file cannot be written or read; it has no name in its
    folder where the system allows that, and is removed at the end in any case.
    """

    def __init__(self, bounds: Moments) -> None:
        self._bounds = bounds
        self._file: IO[bytes] | None = None
        self._starts: list[Moments] = []
        self._room = [np.empty((0, 7), dtype=np.int64)] * 2
        self._kept: list[Moments] = []
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(
        self,
        ranks: Moments,
        moments: Moments,
        values: Floats,
    ) -> None:
        """Take rows; `values` has five columns, open, high, low, close and volume."""
        if not len(moments):
            return
        records = self._memory(0, len(moments))
        records[:, 0], records[:, 1] = ranks, moments
        records.view(np.float64)[:, 2:] = values
        if not len(self._bounds):
            self._kept.append(records.copy())
            return
        owners = np.searchsorted(self._bounds, _keys(ranks, moments), side="right")
        if (owners[1:] < owners[:-1]).any():
            order = np.argsort(owners.astype(np.uint16), kind="stable")
            owners, unordered = owners[order], records
            records = self._memory(1, len(moments))
            # several times as fast as an index; without clip, the result would be copied
            unordered.take(order, axis=0, out=records, mode="clip")
        divisions = np.arange(len(self._bounds) + 2)
        self._starts.append(self._written + np.searchsorted(owners, divisions))
        self._write(records)

    def series_parts(
        self,
    ) -> Iterator[tuple[int, Moments, Floats]]:
        """Rank, moments and values of consecutive rows of one series, at most 65,536 at once."""
        for division in range(len(self._bounds) + 1):
            records = self._read(division)
            order = _order(records[:, 0], np.ascontiguousarray(records[:, 1]))
            ranks = records[:, 0][order]
            ends = np.flatnonzero(ranks[1:] != ranks[:-1]) + 1
            for begin, end in zip([0, *ends], [*ends, len(ranks)], strict=True):
                for start in range(begin, end, _SLICE_ROWS):
                    rows = records.take(order[start : min(start + _SLICE_ROWS, end)], axis=0)
                    # columns lie together in memory: checks go along them
                    values = np.ascontiguousarray(rows[:, 2:].T).view(np.float64).T
                    yield int(ranks[begin]), np.ascontiguousarray(rows[:, 1]), values

    def _memory(self, which: int, rows: int) -> Moments:
        """Room for this many records, reused: new memory costs more than filling it."""
        if len(self._room[which]) < rows:
            self._room[which] = np.empty((rows, 7), dtype=np.int64)
        return self._room[which][:rows]

    def _write(self, records: Moments) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="datasets-", buffering=0)  # noqa: SIM115
            view = records.reshape(-1).view(np.uint8).data
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise temporary_file_error(Path(tempfile.gettempprefix()), error) from error
        self._written += len(records)

    def _read(self, division: int) -> Moments:
        if self._file is None:
            kept, self._kept = self._kept, []
            return np.concatenate([np.empty((0, 7), dtype=np.int64), *kept])
        part = [starts[division : division + 2].tolist() for starts in self._starts]
        records = np.empty((sum(end - begin for begin, end in part), 7), dtype=np.int64)
        at, size = 0, records.strides[0]
        view = records.reshape(-1).view(np.uint8).data
        try:
            for first, last in part:
                if first < last:
                    self._file.seek(first * size)
                end = at + (last - first) * size
                while at < end:
                    got = self._file.readinto(view[at:end])  # type: ignore[attr-defined]
                    if not got:
                        raise OSError(0, "it ended early")
                    at += got
        except OSError as error:
            raise temporary_file_error(Path(tempfile.gettempprefix()), error) from error
        return records


def _keys(ranks: Moments, moments: Moments) -> Moments:
    """Ranks and whole seconds in one number, in the same order."""
    seconds = moments // _SECOND - _SECONDS_ORIGIN
    return np.asarray((ranks << _SECONDS_BITS) + seconds)


def _order(ranks: Moments, moments: Moments) -> Moments:
    """Places of the rows by rank, moment and place."""
    if len(ranks) and ranks.min() == ranks.max():
        order = np.argsort(moments)  # faster than a stable sort, which only equal moments need
        found = moments[order]
        if (found[1:] != found[:-1]).all():
            return np.asarray(order)
        return np.argsort(moments, kind="stable")
    return np.lexsort((moments, ranks))
