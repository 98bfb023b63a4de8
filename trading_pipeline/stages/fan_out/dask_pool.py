"""The workers of a Dask scheduler, on this machine or on others."""

from __future__ import annotations

import contextlib
import pickle
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from trading_pipeline.errors import ConfigurationError, WorkerError
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.stages.fan_out.context import Context, SharedFolder, shared_context
from trading_pipeline.stages.fan_out.identity import code_of_package
from trading_pipeline.stages.fan_out.local_pool import died_twice
from trading_pipeline.stages.fan_out.work import Delivery, Task, do_sealed
from trading_pipeline.stages.turns import locks_folder
from trading_pipeline.stages.workspace import Workspace

__all__ = ["DaskPool"]

_CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 5.0
_TRIES = 2
_LOCAL = "local"


class DaskPool:
    """A client of the scheduler that the settings name; `local` makes one on this machine.

    Where every worker sees the runtime folder under the same path, files are written there. Else
    they travel with the work. Raises `WorkerError` where the scheduler does not answer within five
    seconds or has no worker, and `ConfigurationError` without the extra `cluster`.
    """

    def __init__(self, settings: PipelineSettings) -> None:
        distributed = _distributed()
        address = str(settings.scheduler)
        self._cluster: Any = None
        self._address = address
        if address == _LOCAL:
            self._cluster = distributed.LocalCluster(
                n_workers=settings.worker_count,
                threads_per_worker=1,
                dashboard_address=None,
                host="127.0.0.1",
                local_directory=str(settings.cache / "dask"),
            )
        try:
            self._client: Any = distributed.Client(
                self._cluster or address, timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            self._end_cluster()
            raise WorkerError(
                f"No Dask scheduler answers at {address} (tried for {_CONNECT_SECONDS:g} s). Start "
                "it there with 'dask scheduler', correct TRADING_PIPELINE_SCHEDULER, or leave that "
                "variable out to compute on this machine.",
                address=address,
            ) from error
        try:
            self.size = self._threads()
            self._shared = self._probe(locks_folder(settings))
        except BaseException:
            self.close(at_once=True)
            raise
        self.travels = self._shared is None
        self._some_done = threading.Event()
        self._futures: dict[Any, tuple[int, Context, Task]] = {}
        self._contexts: dict[str, Any] = {}
        self._tries: dict[int, int] = {}

    def context(self, workspace: Workspace) -> Context:
        """What the tasks of one fan-out share; their numbers begin anew."""
        self._tries.clear()
        return shared_context(workspace, shared=self._shared, travels=self.travels)

    def submit(self, number: int, context: Context, task: Task) -> None:
        """Hand a task in under a number."""
        if context.key not in self._contexts:  # the scheduler can hand it out again, unlike data
            self._contexts = {
                context.key: self._client.submit(bytes, context.sealed, key=f"c-{context.key}")
            }
        future = self._client.submit(
            do_sealed,
            code_of_package(),
            context.key,
            self._contexts[context.key],
            pickle.dumps(task),
            key=f"{task.instrument_id}-{uuid.uuid4().hex}",
            retries=0,
        )
        self._futures[future] = number, context, task
        future.add_done_callback(lambda _: self._some_done.set())

    def wait(self, seconds: float | None = None) -> list[tuple[int, Delivery]]:
        """Deliveries of tasks that are done; see `WorkerPool`."""
        done: list[tuple[int, Delivery]] = []
        while self._futures and not done:
            told = self._some_done.wait(_LOOK_SECONDS if seconds is None else seconds)
            self._some_done.clear()
            if self._client.status != "running":
                raise self._gone()
            ready = [future for future in self._futures if future.done()]
            for future in ready:
                number, context, task = self._futures.pop(future)
                answer = self._answer(future, number, context, task)
                if answer is not None:
                    done.append((number, answer))
                future.release()
            if not told and seconds is not None:
                break
        return done

    def drop(self) -> None:
        """Forget all tasks; workers are told to leave them."""
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self._futures), force=True)
        self._futures.clear()

    def close(self, *, at_once: bool = False) -> None:
        """Leave the scheduler; a local one ends."""
        with contextlib.suppress(Exception):
            self._client.close(timeout=1 if at_once else 10)
        self._end_cluster()

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=kind is not None)

    def _answer(self, future: Any, number: int, context: Context, task: Task) -> Delivery | None:
        """The delivery of a finished task; None where it is done again."""
        if future.status == "finished":
            found = pickle.loads(future.result())
            if isinstance(found, WorkerError):
                raise found
            return cast("Delivery", found)
        if self._client.status != "running":
            raise self._gone()
        error = None if future.status in ("lost", "cancelled") else future.exception()
        if error is not None and type(error).__name__ != "KilledWorker":
            raise WorkerError(
                f"A worker of the scheduler {self._address} could not take the work: "
                f"{type(error).__name__}: {error}. It has another version of this package, or "
                "none. Install the same one there and restart the worker.",
                address=self._address,
            )
        self._tries[number] = self._tries.get(number, 0) + 1
        if self._tries[number] < _TRIES and error is None:
            self.submit(number, context, task)
            return None
        return died_twice(task, "died")

    def _threads(self) -> int:
        """Tasks that the workers do side by side; waits for the first worker."""
        from distributed import TimeoutError as Late

        try:
            self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except (TimeoutError, Late) as error:
            raise WorkerError(
                f"The Dask scheduler {self._address} has no worker. Start one with 'dask worker "
                f"{self._address}', in an environment with this package.",
                address=self._address,
            ) from error
        return sum(self._client.nthreads().values())

    def _probe(self, folder: Path) -> SharedFolder | None:
        """The file that all workers find in the runtime folder; None where one does not."""
        folder.mkdir(parents=True, exist_ok=True)
        marker = SharedFolder(folder / "shared-folder", uuid.uuid4().hex)
        marker.path.write_text(marker.content, "utf-8")
        try:
            seen = self._client.run(_sees, str(marker.path), marker.content)
        except Exception as error:  # whatever a worker without this package makes of it
            raise WorkerError(
                f"The workers of {self._address} cannot be asked ({type(error).__name__}: {error})."
                " Install the same version of this package there and restart them.",
                address=self._address,
            ) from error
        return marker if seen and all(seen.values()) else None

    def _gone(self) -> WorkerError:
        return WorkerError(
            f"The Dask scheduler {self._address} went away in the middle of the work. What was "
            "finished is stored. Start it again and run the same command; it goes on from there.",
            address=self._address,
        )

    def _end_cluster(self) -> None:
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=5)


def _sees(path: str, content: str) -> bool:
    return SharedFolder(Path(path), content).is_seen()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ConfigurationError(
            "TRADING_PIPELINE_SCHEDULER names a Dask scheduler, and the package 'distributed' is "
            "not installed. Install it with: pip install 'trading-pipeline[cluster]', or leave the "
            "variable out."
        ) from error
    return distributed
