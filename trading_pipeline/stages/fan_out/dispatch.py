"""One stage on many instruments: read excerpts, hand them to workers, store what comes back."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.stages.fan_out.call import Done, StageCall, work_on
from trading_pipeline.stages.fan_out.commit import commit
from trading_pipeline.stages.fan_out.context import Context
from trading_pipeline.stages.fan_out.pool import Pool, SerialPool, WorkerPool
from trading_pipeline.stages.fan_out.travelling_files import files_read
from trading_pipeline.stages.fan_out.work import Delivery, Task
from trading_pipeline.stages.outcome import tell_progress
from trading_pipeline.stages.turns import free_turn, turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.excerpt_rows import (
    excerpt_bytes,
    newest_finding,
    read_excerpts,
)

__all__ = ["fan_out", "tasks_of"]

_TOGETHER = 16
"""Deliveries that are stored in one transaction."""
_LINGER_SECONDS = 0.5
_STORED_EVERY_SECONDS = 2.0
"""As the write queue of a batch: a process that is killed loses at most so much."""
_AHEAD_BYTES = 64_000_000
"""Excerpts that wait for a worker may take about so much memory."""
_MOST_AT_ONCE = 32
_MOST_UNSTORED = 64
_TRADING = ("backtest", "tearsheet", "optimization_trials", "optimization_summary")
_STUDIES = ("optimization_trials", "optimization_summary")


def fan_out(
    workspace: Workspace,
    call: StageCall,
    work: Mapping[str, Sequence[str]],
    pool: Pool,
    *,
    audited: bool = False,
) -> Iterator[Done]:
    """Audit and materialize partitions of many instruments; gives each instrument once stored.

    It may not be used inside a `read` of the warehouse. The turn at each instrument is taken here.
    Equal inputs give equal files and rows whatever the pool.

    Parameters
    ----------
    call
        The stage. It must read rows of its own instrument alone: features, labels, patterns,
        models, predictions, backtests, tear sheets, trials and summaries of studies.
    work
        By instrument what the keys of its partitions say behind it; answers come in this order.
    pool
        Who works. One instrument alone is worked on in this process.
    audited
        Whether pending partitions are audited first; what has findings is not written.

    Raises
    ------
    WorkerError
        Where a worker has other code, cannot be started or reached. What was given is stored.
    WarehouseError
        Where the warehouse cannot be read or written.
    """
    asset = _asset(workspace, call, work)
    if isinstance(pool, SerialPool) or len(work) < 2 or not _can_be_sent(workspace, asset):
        for instrument_id, names in work.items():
            with turn_at(workspace.settings, asset, instrument_id):
                done = work_on(workspace, call, instrument_id, names, audited=audited)
            yield done
        return
    run = _FanOut(workspace, call, work, pool, asset=asset, audited=audited)
    try:
        yield from run.answers()
    finally:
        run.end()


def tasks_of(
    workspace: Workspace,
    call: StageCall,
    work: Mapping[str, Sequence[str]],
    *,
    audited: bool = False,
    travels: bool = False,
) -> list[Task]:
    """Tasks of instruments, with the rows that they read now; `travels`: with the files too."""
    asset = _asset(workspace, call, work)
    studies = None
    if asset in _TRADING:
        names = (name for each in work.values() for name in each)
        studies = list(dict.fromkeys(names)) if asset in _STUDIES else []
    with workspace.warehouse.read():
        newest = newest_finding(workspace.warehouse)
        excerpts = read_excerpts(workspace.warehouse, list(work), studies=studies)
    runtime = workspace.settings.runtime
    return [
        Task(
            call=call,
            instrument_id=instrument_id,
            names=tuple(names),
            audited=audited,
            tables=excerpts[instrument_id],
            newest_finding=newest,
            files=files_read(runtime, excerpts[instrument_id]) if travels else None,
        )
        for instrument_id, names in work.items()
    ]


def _asset(workspace: Workspace, call: StageCall, instruments: Iterable[str]) -> str:
    """Name of the asset; empty where the stage can be made of no instrument."""
    for instrument_id in instruments:
        with suppress(TradingPipelineError):
            return call(workspace, instrument_id).asset
    return ""


def _can_be_sent(workspace: Workspace, asset: str) -> bool:
    """False where every instrument fails: the error of each is then made here."""
    try:
        if asset == "optimization_summary":
            workspace.trials.require_whole()
    except TradingPipelineError:
        return False
    return bool(asset)


class _FanOut:
    """The state of one fan-out: what waits, what workers have, what came back."""

    def __init__(
        self,
        workspace: Workspace,
        call: StageCall,
        work: Mapping[str, Sequence[str]],
        pool: WorkerPool,
        *,
        asset: str,
        audited: bool,
    ) -> None:
        self._workspace, self._call, self._pool = workspace, call, pool
        self._asset, self._audited = asset, audited
        self._left = OrderedDict(work)
        self._tasks: dict[int, Task] = {}
        self._came: dict[int, Delivery] = {}
        self._turns: dict[int, ExitStack] = {}
        self._context: Context = pool.context(workspace)
        self._next = self._stored = 0
        self._at_once = min(2 * pool.size, _MOST_AT_ONCE)

    def answers(self) -> Iterator[Done]:
        """The instruments in their order."""
        stored_at = time.monotonic()
        while self._left or self._tasks:
            self._hand_in()
            at_work = len(self._tasks) - len(self._came)
            if at_work:
                self._came |= dict(self._pool.wait(_LINGER_SECONDS))
            ready = self._ready()
            is_last = len(self._tasks) == len(self._came)
            late = time.monotonic() - stored_at > _STORED_EVERY_SECONDS
            if ready and (is_last or late or len(ready) >= _TOGETHER):
                yield from self._store(ready)
                stored_at = time.monotonic()

    def end(self) -> None:
        """Give the turns back, and leave what workers still have."""
        if self._tasks:
            self._pool.drop()
        for turn in self._turns.values():
            turn.close()

    def _hand_in(self) -> None:
        """Read excerpts for the workers, before they have nothing to do.

        Where another process has the turn at the next instrument, it is waited for only while this
        one has no turn: two that wait for each other would wait forever.
        """
        at_work = len(self._tasks) - len(self._came)
        if not self._left or at_work > self._pool.size or len(self._tasks) >= _MOST_UNSTORED:
            return
        chosen: dict[str, Sequence[str]] = {}
        turns: list[ExitStack] = []
        try:
            while self._left and len(chosen) < self._at_once:
                instrument_id, names = next(iter(self._left.items()))
                turn = self._turn(instrument_id, may_wait=not self._turns and not turns)
                if turn is None:
                    break
                turns.append(turn)
                chosen[instrument_id] = names
                del self._left[instrument_id]
            if not chosen:
                return
            tasks = tasks_of(
                self._workspace,
                self._call,
                chosen,
                audited=self._audited,
                travels=self._pool.travels,
            )
        except BaseException:
            for turn in turns:
                turn.close()
            raise
        for task, turn in zip(tasks, turns, strict=True):
            self._tasks[self._next], self._turns[self._next] = task, turn
            self._next += 1
        size = max(1, sum(excerpt_bytes(task.tables) for task in tasks) // len(tasks))
        self._at_once = max(1, min(_MOST_AT_ONCE, 4 * self._pool.size, _AHEAD_BYTES // size))
        for number in range(self._next - len(tasks), self._next):
            self._pool.submit(number, self._context, self._tasks[number])

    def _turn(self, instrument_id: str, *, may_wait: bool) -> ExitStack | None:
        settings = self._workspace.settings
        if not may_wait:
            return free_turn(settings, self._asset, instrument_id)
        turn = ExitStack()
        turn.enter_context(turn_at(settings, self._asset, instrument_id))
        return turn

    def _ready(self) -> list[int]:
        """Numbers of deliveries that can be stored: those before them are stored or among them."""
        ready = []
        number = self._stored
        while number in self._came:
            ready.append(number)
            number += 1
        return ready

    def _store(self, ready: Sequence[int]) -> list[Done]:
        made = [(self._tasks[number], self._came[number]) for number in ready]
        done = commit(self._workspace, made)
        for outcome in (each for answer in done for each in answer.outcomes):
            tell_progress(outcome.asset, outcome.partition)  # workers have no display
        for number in ready:
            del self._tasks[number], self._came[number]
            self._turns.pop(number).close()
        self._stored += len(ready)
        return done
