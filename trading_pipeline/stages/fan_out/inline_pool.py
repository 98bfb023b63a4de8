"""The pool that is this process itself: the tasks of a batch, without opening the warehouse."""

from __future__ import annotations

from collections import deque
from types import TracebackType

from trading_pipeline.stages.fan_out.context import Context, Opened, shared_context
from trading_pipeline.stages.fan_out.work import Delivery, Task, do
from trading_pipeline.stages.workspace import Workspace

__all__ = ["InlinePool"]


class InlinePool:
    """Does one task after the other, each when it is waited for.

    A stage that asks the warehouse often is done sooner on its private one, and what it writes is
    stored with what others write.
    """

    size = 1
    travels = False

    def __init__(self) -> None:
        self._tasks: deque[tuple[int, Context, Task]] = deque()
        self._sender: Workspace | None = None

    def context(self, workspace: Workspace) -> Context:
        """What the tasks share; the user's files are open already."""
        self._sender = workspace
        return shared_context(workspace)

    def submit(self, number: int, context: Context, task: Task) -> None:
        """Take a task."""
        self._tasks.append((number, context, task))

    def wait(self, seconds: float | None = None) -> list[tuple[int, Delivery]]:  # noqa: ARG002
        """Do the next task."""
        number, context, task = self._tasks.popleft()
        return [(number, do(Opened(context, self._sender), task))]

    def drop(self) -> None:
        """Forget all tasks."""
        self._tasks.clear()

    def close(self, *, at_once: bool = False) -> None:
        """Nothing is left to end."""

    def __enter__(self) -> InlinePool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
