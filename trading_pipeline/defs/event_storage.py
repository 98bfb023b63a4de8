"""Dagster's SQLite storage with connections that stay open and batches in one transaction.

Dagster opens and closes each database several times an event, and closing the last connection of a
database in WAL mode writes all of it back to disk. The files are the same as Dagster's own: its
`SqliteEventLogStorage` reads and continues them.
"""

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as db
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine

__all__ = ["KeptSqliteEventLogStorage", "KeptSqliteRunStorage", "KeptSqliteStorage"]

_BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
_BATCH_SIZE = "500"  # events of one transaction; 500 take about half a second
_KEPT_FILES = 4  # databases with an open connection: the index and the newest runs
_LOG_BYTES = 4_000_000  # of a database's log (-wal) once it is written back
_abandoned: list[Engine] = []


class _KeptEngines:
    """Engines by path, each with one connection that stays open; the least used are closed.

    A file that another process removed or replaced is opened again. A forked child leaves the
    parent's connections alone: closing one would write the parent's log back under it.
    """

    def __init__(self) -> None:
        self._engines: dict[str, tuple[tuple[int, int], Engine]] = {}
        self._process = os.getpid()

    def engine(self, path: str, address: str) -> tuple[Engine, bool]:
        """The engine of a database, and whether it was opened just now."""
        if self._process != os.getpid():
            _abandoned.extend(engine for _, engine in self._engines.values())
            self._engines, self._process = {}, os.getpid()
        kept = self._engines.pop(path, None)
        if kept is not None and kept[0] == _file(path):
            self._engines[path] = kept
            return kept[1], False
        if kept is not None:
            kept[1].dispose()
        if not Path(path).exists():
            Path(path).touch()  # SQLite takes an empty file for a new database
        engine = db.create_engine(
            address,
            poolclass=db.pool.QueuePool,
            pool_size=1,
            max_overflow=-1,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        db.event.listen(engine, "connect", _set_up)
        self._engines[path] = (_file(path), engine)
        while len(self._engines) > _KEPT_FILES:
            self._engines.pop(next(iter(self._engines)))[1].dispose()
        return engine, True

    def close(self) -> None:
        """Close all connections; the next use opens them again."""
        if self._process == os.getpid():
            for _, engine in self._engines.values():
                engine.dispose()
        self._engines = {}


def _file(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_dev, found.st_ino


def _set_up(connection: Any, _record: Any) -> None:
    # In WAL mode NORMAL loses nothing when a process is killed and never damages the file; a power
    # cut can take the last transactions.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")


@dataclass(frozen=True)
class _Schema:
    """Tables and indexes of a new event database, and the revision that Dagster gave it."""

    statements: tuple[str, ...]
    revision: str

    @classmethod
    def of(cls, engine: Engine) -> Self:
        with engine.connect() as connection:
            made = connection.execute(
                db.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
            )
            statements = tuple(sql for (sql,) in made if not sql.startswith("CREATE TABLE sqlite_"))
            return cls(statements, str(_revision(connection)))

    def is_made(self, engine: Engine) -> bool:
        """True where the file has the schema now; False for one with other tables."""
        with engine.connect() as connection:
            if db.inspect(connection).get_table_names():
                return _revision(connection) == self.revision
            connection.execute(db.text("PRAGMA journal_mode=WAL"))
            connection.rollback()
            connection.execute(db.text("BEGIN IMMEDIATE"))
            for sql in self.statements:
                connection.exec_driver_sql(sql)
            connection.execute(
                db.text("INSERT INTO alembic_version VALUES (:revision)"),
                {"revision": self.revision},
            )
            connection.commit()
        return True


def _revision(connection: Connection) -> str | None:
    found = connection.execute(db.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log with open connections; a batch is one transaction a database.

    Dagster sends batches where the environment gives `DAGSTER_EVENT_BATCH_SIZE`; it is set here
    where it is not. Where a batch fails, nothing of it stays and Dagster stores its events singly.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        os.environ.setdefault(_BATCH_VARIABLE, _BATCH_SIZE)
        self._engines = _KeptEngines()
        self._open: dict[str, Connection] = {}
        self._template: _Schema | None = None
        self._newest: dict[tuple[str, str], tuple[EventLogEntry, int]] | None = None
        self._known_tables: set[str] = set()
        self._known_columns: set[str] = set()
        self._lock = threading.RLock()  # a batch enters again for each of its events
        weakref.finalize(self, self._engines.close)  # at the end of the process too
        super().__init__(base_dir, inst_data)

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Make the tables of a new file; the first new one of this process by Dagster's own way.

        That way reads all migrations of Dagster's history, a quarter of a second a file.
        """
        with suppress(db.exc.DatabaseError):  # another process at it: Dagster's way waits
            if self._template is not None and self._template.is_made(engine):
                return
        empty = not db.inspect(engine).get_table_names()
        super()._initdb(engine, for_index_shard)
        if empty:
            self._template = _Schema.of(engine)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A connection in a transaction; inside `store_event_batch` that of the batch."""
        with self._lock:
            if shard in self._open:
                yield self._open[shard]
                return
            engine, fresh = self._engines.engine(
                self.path_for_shard(shard), self.conn_string_for_shard(shard)
            )
            if fresh or shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                self._open[shard] = connection
                try:
                    yield connection
                finally:
                    del self._open[shard]

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event, in the run's database and where needed in the index."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction of each database: all of them, or none."""
        runs = list(dict.fromkeys(event.run_id for event in events))
        with ExitStack() as opened:
            opened.enter_context(self.index_connection())  # committed last, as Dagster does
            for run_id in runs:
                opened.enter_context(self.run_connection(run_id))
            self._newest = {}
            try:
                for event in events:
                    super().store_event(event)
                newest = self._newest
            finally:
                self._newest = None
            with self.index_connection() as index:
                for event, event_id in newest.values():
                    super()._store_asset_event(index, event, event_id)
        for run_id in runs:
            with suppress(OSError):
                os.utime(self.path_for_shard(run_id))  # the UI follows a run by its file

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        # The row of an asset holds what its newest events say; the earlier ones of a batch leave
        # no trace in it.
        if self._newest is None:
            super()._store_asset_event(conn, event, event_id)
            return
        told = event.get_dagster_event()
        key = (str(told.asset_key), told.event_type_value)
        self._newest.pop(key, None)
        self._newest[key] = (event, event_id)

    def has_table(self, table_name: str) -> bool:
        """True for a table of the index; tables never go away."""
        if table_name not in self._known_tables:
            with self.index_connection() as connection:
                if not db.inspect(connection).has_table(table_name):
                    return False
            self._known_tables.add(table_name)
        return True

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._known_columns:
            if not super()._has_asset_key_col_on_connection(conn, column_name):
                return False
            self._known_columns.add(column_name)
        return True

    def wipe(self) -> None:
        """Remove all events."""
        self._engines.close()
        super().wipe()

    def dispose(self) -> None:
        """Close the connections, which writes their logs back to the files."""
        super().dispose()
        with self._lock:
            self._engines.close()


class KeptSqliteRunStorage(SqliteRunStorage):
    """Dagster's table of runs with one connection that stays open."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines, self._lock = _KeptEngines(), threading.Lock()
        weakref.finalize(self, self._engines.close)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with self._lock:
            path = str(db.make_url(self._conn_string).database)
            engine, _ = self._engines.engine(path, self._conn_string)
        with engine.connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close the connection."""
        with self._lock:
            self._engines.close()


class KeptSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage of runs, events and schedules, in the same folders."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # past Dagster's own, which opens its own classes
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir = base_dir
        home = Path(base_dir)
        self._run_storage = KeptSqliteRunStorage.from_local(str(home / "history" / ""))
        self._event_log_storage = KeptSqliteEventLogStorage(str(home / "history" / "runs" / ""))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(home / "schedules"))
        self._inst_data = inst_data

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage that a `dagster.yaml` describes."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in a folder, which is made where it is missing."""
        Path(base_dir).mkdir(parents=True, exist_ok=True)
        return cls(base_dir, inst_data)
