"""The warehouse: one DuckDB file, opened for short reads and short writes.

Compute outside a connection; a write is one transaction that is committed whole or not at all.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import duckdb

from trading_pipeline.errors import WarehouseBusy, WarehouseError
from trading_pipeline.storage.duckdb_connection import attached, foreign_format
from trading_pipeline.storage.file_lock import hold_lock
from trading_pipeline.storage.schema import SCHEMA_VERSION, check_version, migrate, stored_version
from trading_pipeline.storage.storage_failures import (
    corrupt_error,
    is_held_elsewhere,
    storage_error,
)

__all__ = ["Warehouse"]

_RETRY_SECONDS = 0.05
_LONGEST_QUESTIONS_SECONDS = 1.0


class Warehouse:
    """Access to the file `path`; cheap to build, opens nothing until it is used.

    `wait_seconds`: how long to wait for a busy file. `before_commit`: called between the last
    statement and COMMIT of every write; tests use it to kill the process there.

    `read` and `write` raise `WarehouseBusy`, `WarehouseVersionError`, `WarehouseCorruptError`, or
    `WarehouseError` where the disk is full or a right is missing. Other errors of DuckDB, such as a
    wrong statement, pass as they are.
    """

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = 30.0,
        before_commit: Callable[[], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.wait_seconds = wait_seconds
        self._before_commit = before_commit
        self._local = threading.local()
        self._migrated = False

    @property
    def lock_path(self) -> Path:
        """The sidecar lock file."""
        return self.path.with_name(self.path.name + ".lock")

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection; inside a `read` or `write` of this thread the open one."""
        writing = getattr(self._local, "connection", None)
        questions: _Questions | None = getattr(self._local, "questions", None)
        if writing is None and questions is not None:
            try:
                yield cast("duckdb.DuckDBPyConnection", questions)
            except duckdb.Error:
                with (
                    questions.file.pop_all()
                ):  # told as by a read of its own; nothing is used again
                    raise
            return
        current = writing or getattr(self._local, "reading", None)
        if current is not None:
            yield current
            return
        with self._opened() as connection:
            yield connection

    @contextmanager
    def questions(self) -> Iterator[Callable[[], None]]:
        """Many reads by one opening: their first statement opens the file, for all of them.

        Nothing is opened where all is answered from memory. The block is given a function that
        closes the file once it was open for a second, for between two pieces of work that need not
        be of one moment: writers of other processes come in there. A block inside a `read`, a
        `write` or another such block is part of it.
        """
        local = self._local
        if any(getattr(local, name, None) for name in ("connection", "reading", "questions")):
            yield _goes_on
            return
        with ExitStack() as file:
            questions = local.questions = _Questions(file, self._opened)
            try:
                yield questions.let_others_write
            finally:
                local.questions = None

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, opened for the reads of this thread."""
        self._ensure_tables()
        with (
            hold_lock(self.lock_path, exclusive=False, wait_seconds=self.wait_seconds),
            self._connect(self.path, read_only=True) as connection,
        ):
            self._local.reading = connection
            try:
                yield connection
            finally:
                self._local.reading = None

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection inside one transaction: committed at the end, rolled back on any error.

        A `write` inside a `write` of the same thread is part of that transaction; where the inner
        one failed, the outer one is not committed either. Raises `WarehouseError` inside a `read`
        of the same thread, which could never get the lock.
        """
        if getattr(self._local, "connection", None) is not None:
            try:
                yield self._local.connection
            except BaseException:
                self._local.broken = True
                raise
            return
        if getattr(self._local, "reading", None) is not None:
            raise WarehouseError(
                f"A write to {self.path} was started inside a read of the same thread and would "
                "wait for it forever. End the read first: take its rows out of the 'with' block.",
                path=str(self.path),
            )
        with hold_lock(self.lock_path, exclusive=True, wait_seconds=self.wait_seconds):
            if self._is_absent():
                self._create()
            with self._connect(self.path, read_only=False) as connection:
                connection.execute("BEGIN")
                try:
                    migrate(connection, str(self.path))
                    self._local.connection, self._local.broken = connection, False
                    yield connection
                    self._require_whole()
                    if self._before_commit is not None:
                        self._before_commit()
                    connection.execute("COMMIT")
                    self._migrated = True
                except BaseException:
                    # an aborted transaction has nothing to roll back, and closing drops the rest
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    self._local.connection = None

    def _require_whole(self) -> None:
        if self._local.broken:
            raise WarehouseError(
                f"A part of this write to {self.path} failed and its error was caught, so nothing "
                "of the write was kept. Let the error pass, or write the parts one by one.",
                path=str(self.path),
            )

    def _is_absent(self) -> bool:
        """True where there is no file yet; an empty one counts as none."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True
        except OSError:
            return False  # opening it will say why

    def _create(self) -> None:
        """Make the file under another name and rename it, so that it is complete or absent."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            for leftover in (new, *(p.with_name(p.name + ".wal") for p in (new, self.path))):
                leftover.unlink(missing_ok=True)
            with self._connect(new, read_only=False) as connection:
                connection.execute("BEGIN")
                migrate(connection, str(self.path))
                connection.execute("COMMIT")
            new.replace(self.path)
        except OSError as error:
            raise WarehouseError(
                f"The warehouse {self.path} cannot be created: {error.strerror}. Allow this user "
                "to write in that folder, or point TRADING_PIPELINE_RUNTIME_DIR at another one.",
                path=str(self.path),
            ) from error

    def _ensure_tables(self) -> None:
        """Create or migrate the tables once per process, before the first read."""
        absent = self._is_absent()
        if self._migrated and not absent:
            return
        if not absent:
            with (
                hold_lock(self.lock_path, exclusive=False, wait_seconds=self.wait_seconds),
                self._connect(self.path, read_only=True) as connection,
            ):
                version = stored_version(connection)
            check_version(version, str(self.path))
            if version == SCHEMA_VERSION:
                self._migrated = True
                return
        with self.write():
            pass

    @contextmanager
    def _connect(self, path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        with ExitStack() as stack:
            connection = self._open(stack, path, read_only=read_only)
            try:
                connection.execute("SET TimeZone='UTC'")
                yield connection
            except duckdb.Error as error:
                failure = storage_error(error, self.path)
                if failure is None:
                    raise
                raise failure from error

    def _open(self, stack: ExitStack, path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file; waits for another program's own lock on it as for ours."""
        foreign = foreign_format(path)
        if foreign is not None:
            raise corrupt_error(f"it is {foreign}.", self.path)
        deadline = time.monotonic() + self.wait_seconds
        while True:
            try:
                return stack.enter_context(attached(path, read_only=read_only))
            except duckdb.Error as error:
                if not is_held_elsewhere(error):
                    failure = storage_error(error, self.path, opening=True)
                    raise (failure or error) from error
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(
                        f"The warehouse {self.path} is held by a program that does not use this "
                        f"package's lock: {str(error).strip()} It was not free within "
                        f"{self.wait_seconds:g} s. Close that program and try again.",
                        path=str(self.path),
                        wait_seconds=self.wait_seconds,
                    ) from error
                time.sleep(_RETRY_SECONDS)


class _Questions:
    """The connection of `Warehouse.questions`, which is opened by its first use."""

    def __init__(
        self,
        file: ExitStack,
        opened: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    ) -> None:
        self.file, self._opened = file, opened
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._opened_at = 0.0

    def __getattr__(self, name: str) -> Any:
        if self._connection is None:
            self._connection = self.file.enter_context(self._opened())
            self.file.callback(self._forget)
            self._opened_at = time.monotonic()
        return getattr(self._connection, name)

    def _forget(self) -> None:
        self._connection = None

    def let_others_write(self) -> None:
        """Close the file where it was open for a second; the next use opens it again."""
        is_open = self._connection is not None
        if is_open and time.monotonic() - self._opened_at > _LONGEST_QUESTIONS_SECONDS:
            self.file.close()


def _goes_on() -> None:
    """Inside another block: that one decides."""
