"""Writes of a batch, gathered into few short transactions."""

from __future__ import annotations

import time
from collections.abc import Callable

from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["WriteQueue"]

_FLUSH_SECONDS = 2.0


class WriteQueue:
    """Writes in the order in which they came, committed together every two seconds.

    A process that is killed loses what was not flushed, and nothing is half-written.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._writes: list[Callable[[], object]] = []
        self._flushed_at = time.monotonic()

    def add(self, write: Callable[[], object]) -> None:
        """Take a write; it is made by now or by a later `flush`."""
        self._writes.append(write)
        if time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Make all writes in one transaction; raises what the first that fails raises."""
        writes, self._writes = self._writes, []
        try:
            if writes:
                with self._warehouse.write():
                    for write in writes:
                        write()
        finally:
            self._flushed_at = time.monotonic()
