"""Where the large tables of a run get their memory: from the tables of runs that are gone.

The system hands fresh memory over page by page, zeroed, when it is first written; for the logs of a
run that can take longer than the run. So the memory of large tables is kept for a later run once
nobody holds the tables any more. Bytes; at most `_MOST_KEPT` are kept.
"""

from __future__ import annotations

from math import prod
from threading import RLock
from typing import Any

import numpy as np

from trading_pipeline.domain.signals import FloatArray

__all__ = ["empty_tables"]


_LARGE = 32_768  # numbers: below it the allocator keeps memory by itself
_MOST_KEPT = 64 * 1024 * 1024
_LINE = 8  # numbers in a line of the cache

_kept: list[FloatArray] = []
_lock = RLock()  # giving back can happen while memory is taken, in the same thread


def empty_tables(*shapes: tuple[int, ...]) -> list[FloatArray]:
    """Uninitialised float64 tables of these shapes. Whoever holds one of them holds the memory of
    all.

    >>> [table.shape for table in empty_tables((3,), (2, 4))]
    [(3,), (2, 4)]
    """
    sizes = list(map(prod, shapes))
    if sum(sizes) < _LARGE:
        return list(map(np.empty, shapes))
    places = [-(-size // _LINE) * _LINE for size in sizes]
    memory = _leased(sum(places))
    tables, begin = [], 0
    for shape, size, place in zip(shapes, sizes, places, strict=True):
        tables.append(memory[begin : begin + size].reshape(shape))
        begin += place
    return tables


class _Lease:
    """Memory in use; arrays made of it hold this object, and when the last is gone it is given
    back.
    """

    def __init__(self, memory: FloatArray) -> None:
        self._memory = memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self) -> None:
        """Keep the memory for a later run; what has been kept longest makes room."""
        with _lock:
            _kept.append(self._memory)
            while sum(each.nbytes for each in _kept) > _MOST_KEPT:
                _kept.pop(0)


def _leased(size: int) -> FloatArray:
    """Memory for `size` numbers or a few more: the smallest that is kept and not far too large."""
    with _lock:
        fitting = [each for each in _kept if size <= each.size <= 2 * size]
        if fitting:
            memory = min(fitting, key=len)
            _kept[:] = [each for each in _kept if each is not memory]
            return np.asarray(_Lease(memory))
    return np.asarray(_Lease(np.empty(size)))
