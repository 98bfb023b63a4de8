"""Brings stages of many instruments up to date with one run a batch.

What is missing is decided first, from rows that are read once for the batch; where nothing is, no
run is made. A part of the batch that fails is run again alone, as a run of its own partitions:
there the check or the error shows, and the partitions are red.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from trading_pipeline.defs.automation.job_runs import JobRunner
from trading_pipeline.defs.automation.untold import Untold
from trading_pipeline.errors import TradingPipelineError, WarehouseError
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.stages.batch import Batch, Part
from trading_pipeline.stages.coverage import pending_in_order
from trading_pipeline.stages.fan_out.pool import Pool, SerialPool, WorkerPool, open_pool
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.disk_space import is_full_disk

__all__ = ["BatchRuns", "Failures", "Missing", "Workers", "groups_of"]

Failures = dict[Part, TradingPipelineError]
"""What stopped a part of a batch."""
Missing = dict[Part, dict[str, int]]
"""Number of partitions that were missing or stale of a part, by asset."""
Stages = Sequence[Stage[Any, Any]]
_WORTH_WORKERS = 24
"""Parts of a batch from which on starting workers takes less time than it saves."""


class Workers:
    """The workers of a pass: started when they are worth it, ended with the `with` block.

    Outside of the block, and for few instruments, this process works alone.
    """

    def __init__(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self._pool: Pool | None = None
        self._open: ExitStack | None = None

    def __enter__(self) -> Self:
        self._open = ExitStack()
        return self

    def __exit__(self, *error: Any) -> None:
        stack, self._open, self._pool = self._open, None, None
        if stack is not None:
            stack.__exit__(*error)

    def for_parts(self, count: int) -> WorkerPool | None:
        """Who works on so many parts; None for this process."""
        if self._open is None or count < _WORTH_WORKERS:
            return None
        if self._pool is None:
            self._pool = open_pool(self._settings)
            self._open.push(self._pool.__exit__)
            self._pool.__enter__()
        return None if isinstance(self._pool, SerialPool) else self._pool


class BatchRuns:
    """The instruments of a batch, whose turns this process has, and its runs."""

    def __init__(
        self,
        workspace: Workspace,
        runner: JobRunner,
        names: Sequence[str],
        workers: Workers,
        untold: Untold,
    ) -> None:
        self.workspace, self.names = workspace, names
        self._runner, self._workers, self._untold = runner, workers, untold

    @classmethod
    @contextmanager
    def of(
        cls,
        workspace: Workspace,
        runner: JobRunner,
        instruments: Sequence[str],
        workers: Workers,
        untold: Untold,
        *,
        reads: Sequence[str] = (),
    ) -> Iterator["BatchRuns"]:
        """Have the turns of these instruments, taken in one order by everybody, for a block."""
        with ExitStack() as turns:
            for name in sorted(set(instruments)):
                turns.enter_context(turn_at(workspace.settings, "pass", name))
            batch = turns.enter_context(workspace.for_batch((*instruments, *reads)))
            yield cls(batch, runner, instruments, workers, untold)

    def bring_up(
        self,
        job: str,
        stages_of: Mapping[Part, Stages],
        *,
        config: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> tuple[Missing, Failures]:
        """Run what is pending of each part's stages, which follow each other; see the module."""
        missing, failures = self._pending(stages_of)
        with self.workspace.warehouse.questions():
            for part, stages in stages_of.items():
                if part not in missing and part not in failures:
                    self._untold.tell(stages, part.names)
        parts = list(missing)
        if parts:
            batch = Batch(self.workspace, parts, self._workers.for_parts(len(parts)))
            assets = _in_order(stages_of[part] for part in parts)
            pending = {asset for found in missing.values() for asset in found}
            chosen = [asset for asset in assets if asset in pending]
            self._runner.run(job, assets=chosen, batch=batch, config=config)
            for part, asset in batch.failed.items():
                lost = batch.lost.get(part)  # it would end this process as it ended two workers
                later = [each.asset for each in stages_of[part]]
                try:
                    self._alone(job, part, later[later.index(asset) :], config, lost)
                except TradingPipelineError as error:
                    failures[part] = _of_one_part(error)
        return missing, failures

    def _pending(self, stages_of: Mapping[Part, Stages]) -> tuple[Missing, Failures]:
        missing: Missing = {}
        failures: Failures = {}
        with self.workspace.warehouse.questions() as let_others_write:
            for part, stages in stages_of.items():
                let_others_write()
                try:
                    found = pending_in_order(stages, stages[0].keys(part.names))
                except TradingPipelineError as error:
                    failures[part] = _of_one_part(error)
                    continue
                if found:
                    missing[part] = found
        return missing, failures

    def _alone(
        self,
        job: str,
        part: Part,
        assets: list[str],
        config: Mapping[str, Mapping[str, Any]] | None,
        refusal: TradingPipelineError | None,
    ) -> None:
        """A run of the part's own partitions, with Dagster's own account of them.

        With a `refusal` nothing is tried, and the run fails with it.
        """
        keys = ["|".join(filter(None, (part.instrument_id, name))) for name in part.names]
        given = {name: each for name, each in (config or {}).items() if name in assets}
        try:
            self._runner.run(
                job,
                partition=keys[0] or None,
                last_partition=keys[-1] if len(keys) > 1 else None,
                assets=assets,
                config=given,
                refusal=refusal,
            )
        finally:
            if self.workspace.kept is not None:
                self.workspace.kept.forget_all(part.instrument_id)


def groups_of(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Names in groups of at most `size`, in their order."""
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _in_order(sequences: Iterable[Stages]) -> list[str]:
    """Every asset once; parts have the same stages in the same order, or some of them."""
    return list(dict.fromkeys(stage.asset for stages in sequences for stage in stages))


def _of_one_part(error: TradingPipelineError) -> TradingPipelineError:
    """The error, unless nothing that follows could work either or all of it is wanted."""
    if (
        isinstance(error, WarehouseError)
        or is_full_disk(error)
        or os.environ.get("TRADING_PIPELINE_DEBUG")
    ):
        raise error
    return error
