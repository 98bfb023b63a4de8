"""Worker processes of this machine, started once a run and kept."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import cast

from trading_pipeline.errors import WorkerError
from trading_pipeline.stages.fan_out.call import Done
from trading_pipeline.stages.fan_out.context import Context, shared_context
from trading_pipeline.stages.fan_out.identity import code_of_package
from trading_pipeline.stages.fan_out.work import Delivery, Task
from trading_pipeline.stages.fan_out.worker_process import READY
from trading_pipeline.stages.workspace import Workspace

__all__ = ["LocalPool", "died_twice"]

_MODULE = "trading_pipeline.stages.fan_out.worker_process"
_ROOT = Path(__file__).resolve().parents[3]
_AHEAD = 2
"""Tasks that a worker has at once: the next one is there when it is done with one."""
_TRIES = 2
_GRACE_SECONDS = 5.0


@dataclass(eq=False)
class _Worker:
    """A process, the pipe to it, and the numbers of the tasks that it has, oldest first."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    tasks: deque[int] = field(default_factory=deque)
    context: str = ""
    is_ready: bool = False


class LocalPool:
    """`size` processes. They see this machine's folders, so no file travels.

    A process is started when there is work for it. Threads of libraries are limited to one each.
    """

    travels = False

    def __init__(self, size: int) -> None:
        self.size = size
        self._workers: list[_Worker] = []
        self._tasks: dict[int, tuple[Context, Task]] = {}
        self._waiting: deque[int] = deque()
        self._tries: Counter[int] = Counter()
        self._failed: list[tuple[int, Delivery]] = []

    def context(self, workspace: Workspace) -> Context:
        """What the tasks of one fan-out share; their numbers begin anew."""
        self._tries.clear()
        return shared_context(workspace)

    def submit(self, number: int, context: Context, task: Task) -> None:
        """Hand a task in under a number."""
        self._tasks[number] = context, task
        self._waiting.append(number)
        self._send()

    def wait(self, seconds: float | None = None) -> list[tuple[int, Delivery]]:
        """Deliveries of tasks that are done; see `WorkerPool`."""
        until = None if seconds is None else time.monotonic() + seconds
        done: list[tuple[int, Delivery]] = []
        while self._tasks and not done:
            left = None if until is None else max(0.0, until - time.monotonic())
            for ready in wait([worker.pipe for worker in self._workers], left):
                worker = next(each for each in self._workers if each.pipe is ready)
                try:
                    message = worker.pipe.recv_bytes()
                except (EOFError, OSError):
                    self._lost(worker)
                    continue
                if not worker.is_ready:
                    worker.is_ready = pickle.loads(message) == READY
                    continue
                done.append(self._received(worker, message))
            self._send()
            done += self._failed
            self._failed = []
            if left == 0.0:
                break
        return done

    def drop(self) -> None:
        """Forget all tasks; workers that are at one are ended, since nobody waits for it."""
        self._waiting.clear()
        self._tasks.clear()
        for worker in [each for each in self._workers if each.tasks]:
            self._workers.remove(worker)
            _end(worker, at_once=True)

    def close(self, *, at_once: bool = False) -> None:
        """End all workers."""
        workers, self._workers = self._workers, []
        for worker in workers:
            if at_once or worker.tasks:
                worker.process.kill()
            worker.pipe.close()  # an idle one ends by itself
        for worker in workers:
            _end(worker, at_once=at_once)

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=kind is not None)

    def _received(self, worker: _Worker, message: bytes) -> tuple[int, Delivery]:
        number = int.from_bytes(message[:8], "big")
        worker.tasks.remove(number)
        del self._tasks[number]
        answer = pickle.loads(message[8:])
        if isinstance(answer, WorkerError):
            raise answer
        return number, cast("Delivery", answer)

    def _lost(self, worker: _Worker) -> None:
        """Hand the tasks of a dead worker in again; the one that it was at only once."""
        self._workers.remove(worker)
        status = _end(worker, at_once=True)
        if not worker.is_ready:
            raise WorkerError(
                f"A worker process {_ended(status)} before it could begin. What it wrote to "
                "standard error says why; TRADING_PIPELINE_WORKERS=1 works without such processes.",
                status=status,
            )
        if not worker.tasks:
            return
        begun, *others = worker.tasks
        self._waiting.extendleft(reversed(others))
        self._tries[begun] += 1
        if self._tries[begun] < _TRIES:
            self._waiting.appendleft(begun)
        else:
            _, task = self._tasks.pop(begun)
            self._failed.append((begun, died_twice(task, _ended(status))))

    def _send(self) -> None:
        """Give waiting tasks to the workers that have the fewest; start one where all have some."""
        while self._waiting:
            worker = min(self._workers, key=lambda each: len(each.tasks), default=None)
            if (worker is None or worker.tasks) and len(self._workers) < self.size:
                worker = _started()
                self._workers.append(worker)
            if worker is None or len(worker.tasks) >= _AHEAD:
                return
            number = self._waiting.popleft()
            context, task = self._tasks[number]
            blob = None if worker.context == context.key else context.sealed
            worker.tasks.append(number)
            worker.context = context.key
            with contextlib.suppress(OSError):  # a dead one is noticed by `wait`
                worker.pipe.send((number, code_of_package(), context.key, blob, pickle.dumps(task)))


def died_twice(task: Task, how: str) -> Delivery:
    """The delivery of a task whose worker died each time."""
    error = WorkerError(
        f"The worker that worked on {task.instrument_id} {how}, and so did a second one. The "
        "others went on. It may need more memory than there is (fewer workers: "
        "TRADING_PIPELINE_WORKERS), or code of yours or of a library ends the process. With "
        f"TRADING_PIPELINE_WORKERS=1 trading-pipeline run {task.instrument_id} shows it.",
        instrument=task.instrument_id,
    )
    return Delivery(Done(task.instrument_id, error=error))


def _started() -> _Worker:
    ours, theirs = Pipe()
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, "-m", _MODULE, str(theirs.fileno())],
        env={**os.environ, **one_thread, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": path},
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # standard output may be JSON for a program
    )
    theirs.close()
    return _Worker(process, ours)


def _end(worker: _Worker, *, at_once: bool) -> int:
    """Wait for the end of a process whose pipe is closed; kill it where that takes long."""
    worker.pipe.close()
    if at_once:
        worker.process.kill()
    try:
        return worker.process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        return worker.process.wait()


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    return f"was ended by {signal.Signals(-status).name}"
