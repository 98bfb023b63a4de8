"""Who does the tasks: this process itself, processes beside it, or the workers of a scheduler."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.stages.fan_out.context import Context
from trading_pipeline.stages.fan_out.work import Delivery, Task
from trading_pipeline.stages.workspace import Workspace

__all__ = ["Pool", "SerialPool", "WorkerPool", "open_pool"]


class WorkerPool(Protocol):
    """Workers that stay until the pool is closed; an error in a `with` block ends them at once.

    `size`: tasks that are done side by side. `travels`: whether files go along with the work, since
    workers do not see the runtime folder.
    """

    size: int
    travels: bool

    def context(self, workspace: Workspace) -> Context:
        """What the tasks of one fan-out share."""

    def submit(self, number: int, context: Context, task: Task) -> None:
        """Hand a task in under a number; it does not wait for a worker."""

    def wait(self, seconds: float | None = None) -> list[tuple[int, Delivery]]:
        """Numbers and deliveries of tasks that are done, at least one unless `seconds` pass.

        A task whose worker died was done again once; if that worker died too, its delivery holds
        a `WorkerError`. Raises `WorkerError` where a worker has other code, and where no worker
        can be reached.
        """

    def drop(self) -> None:
        """Forget all tasks that were handed in."""

    def close(self, *, at_once: bool = False) -> None:
        """End the workers; `at_once` in the middle of their work."""

    def __enter__(self) -> WorkerPool: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class SerialPool:
    """No worker: tasks are done one after the other, by the process that has the warehouse."""

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(self, *error: object) -> None:
        return None


Pool = SerialPool | WorkerPool


def open_pool(settings: PipelineSettings) -> Pool:
    """The pool that the settings ask for; use it in a `with` block, once a run.

    Raises `WorkerError` where a scheduler is named that is not there, and `ConfigurationError`
    where the extra `cluster` is not installed for it.
    """
    if settings.scheduler is not None:
        from trading_pipeline.stages.fan_out.dask_pool import DaskPool  # an extra

        return DaskPool(settings)
    if settings.worker_count == 1:
        return SerialPool()
    from trading_pipeline.stages.fan_out.local_pool import LocalPool

    return LocalPool(settings.worker_count)
