"""One task in a worker: the unchanged stage on a private warehouse, and what it wrote."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from trading_pipeline.errors import TradingPipelineError, WorkerError
from trading_pipeline.stages.fan_out.call import Done, StageCall, work_on
from trading_pipeline.stages.fan_out.context import Opened, opened_context
from trading_pipeline.stages.fan_out.identity import code_of_package, require_same_code
from trading_pipeline.stages.fan_out.journal import Note
from trading_pipeline.stages.fan_out.travelling_files import lay_out, new_files
from trading_pipeline.storage.disk_space import disk_full_error
from trading_pipeline.storage.private_warehouse import PrivateWarehouse

__all__ = ["Delivery", "Task", "do", "do_sealed"]

_idle: list[PrivateWarehouse] = []
_lock = threading.Lock()


@dataclass(frozen=True)
class Task:
    """The work on one instrument, and the rows that it reads.

    `names`: what the keys of the partitions say behind the instrument. `tables`: the excerpt of the
    warehouse. `newest_finding`: number of the newest finding of an audit that the excerpt has.
    `files`: what the rows name, where workers do not see the runtime folder, else None.
    """

    call: StageCall
    instrument_id: str
    names: tuple[str, ...]
    audited: bool
    tables: Mapping[str, pa.Table] = field(repr=False)
    newest_finding: int = 0
    files: Mapping[str, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Delivery:
    """What came of a task: the answer, the writes in their order, and the files where they travel.

    `hashes`: sha256 of each of `files`.
    """

    done: Done
    notes: tuple[Note, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    hashes: Mapping[str, str] = field(default_factory=dict, repr=False)


def do(opened: Opened, task: Task) -> Delivery:
    """Do a task; what went wrong with its instrument is part of the delivery."""
    if task.files is None:
        return _done_in(opened, task, None)
    with tempfile.TemporaryDirectory(prefix="trading-pipeline-work-") as name:
        folder = Path(name).resolve()
        try:
            lay_out(folder, task.files)
            delivery = _done_in(opened, task, folder)
            made = new_files(folder, task.files)
        except OSError as error:
            full = disk_full_error(error, folder)
            return Delivery(Done(task.instrument_id, error=full or error))
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
        return Delivery(delivery.done, delivery.notes, made, hashes)


def do_sealed(expected: Mapping[str, str], key: str, context: bytes, task: bytes) -> bytes:
    """Do a task that came as bytes; gives the delivery, or the error that refuses it, as bytes.

    `expected`: `code_of_package` of the sender. Nothing is unpacked where it differs here. `key`
    and `context`: those of the context.
    """
    try:
        require_same_code(expected, code_of_package())
        delivery: Delivery | WorkerError = do(opened_context(key, context), pickle.loads(task))
    except WorkerError as error:
        delivery = error
    except Exception as error:  # a fault of this package: the sender stops and shows it
        delivery = WorkerError(f"A worker could not do its work: {type(error).__name__}: {error}.")
        delivery.add_note("".join(traceback.format_exception(error)))
    return pickle.dumps(delivery)


def _done_in(opened: Opened, task: Task, runtime: Path | None) -> Delivery:
    with _private(task.tables) as warehouse:
        workspace = opened.workspace(warehouse, task.instrument_id, runtime)
        done = work_on(workspace, task.call, task.instrument_id, task.names, audited=task.audited)
    if done.error is not None:
        done = done._replace(error=_sent(done.error, workspace.settings.runtime))
    return Delivery(done, tuple(workspace.notes))


def _sent(error: Exception, runtime: Path) -> Exception:
    """The error as it can be sent: a class of a user's file is not known where it goes."""
    if isinstance(error, TradingPipelineError):
        return error
    full = disk_full_error(error, runtime)
    if full is not None:
        return full
    if type(error).__module__ == "builtins":
        return error
    told = WorkerError(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return told


@contextmanager
def _private(tables: Mapping[str, pa.Table]) -> Iterator[PrivateWarehouse]:
    """A private warehouse with these rows; making one takes a tenth of a second, so they are kept.

    One in which something failed is not used again; another keeps the rows until its next task.
    """
    with _lock:
        warehouse = _idle.pop() if _idle else None
    warehouse = warehouse or PrivateWarehouse()
    warehouse.fill(tables)
    yield warehouse
    with _lock:
        _idle.append(warehouse)
