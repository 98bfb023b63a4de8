"""This file holds how jobs are run in this process, as real Dagster runs of the project's instance."""

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from trading_pipeline.errors import DataQualityError, TradingPipelineError

__all__ = ["JobRun", "JobRunner", "close_abandoned_runs"]

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_PROCESS_TAG = "trading_pipeline/process"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class JobRun:
    """A run that ended well: its id, what ran, and how long it took."""

    run_id: str
    job: str
    partition: str
    seconds: float


class JobRunner:
    """Runs the jobs of the definitions, one after another, and keeps a list of them."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._definitions = definitions
        self.instance = instance
        self.runs: list[JobRun] = []
        close_abandoned_runs(instance)

    def run(
        self,
        job: str,
        *,
        partition: str | None = None,
        last_partition: str | None = None,
        assets: Sequence[str] | None = None,
        config: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> JobRun:
        """Run a job: whole, for a partition, or for the range up to `last_partition`.

        `assets` restricts it, names with slashes. `config`: of assets by name. Raises the error of the asset that failed, or
        `DataQualityError` for a blocking check.
        """
        started = time.perf_counter()
        ranged = partition is not None and last_partition is not None
        tags = {_RANGE_START: partition, _RANGE_END: last_partition} if ranged else {}
        selection = None if assets is None else [dg.AssetKey(name.split("/")) for name in assets]
        try:
            result = self._definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                partition_key=None if ranged else partition,
                tags={
                    **{name: str(value) for name, value in tags.items()},
                    _PROCESS_TAG: _process(),
                },
                asset_selection=selection,
                run_config={
                    **_QUIET,
                    "ops": {
                        name: {"config": dict(given)} for name, given in (config or {}).items()
                    },
                },
                raise_on_error=True,
            )
        except TradingPipelineError:
            raise
        except dg.DagsterError as error:
            raise _plain_error(error) from error
        seconds = time.perf_counter() - started
        done = JobRun(result.run_id, job, partition or "", seconds)
        logging.getLogger(__name__).debug("%s took %.2f s", job, seconds)
        self.runs.append(done)
        return done


def close_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs as failed whose process on this machine is gone; gives their number.

    A killed process cannot say that its run ended; without this the UI shows it as running for ever.
    """
    host = socket.gethostname()
    open_runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    closed = 0
    for run in open_runs:
        where, _, pid = run.tags.get(_PROCESS_TAG, "").rpartition(":")
        if where == host and pid.isdigit() and not _is_alive(int(pid)):
            instance.report_run_failed(run, f"Process {pid}, which ran this, is gone.")
            closed += 1
    return closed


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _plain_error(error: BaseException) -> TradingPipelineError:
    """The project's own error behind Dagster's, or one in its words for a blocking check."""
    cause: BaseException | None = error
    root = error
    while cause is not None:
        if isinstance(cause, TradingPipelineError):
            return cause
        root, cause = cause, cause.__cause__
    text = str(error).strip().splitlines()[0]
    if "check" in type(error).__name__.lower():
        return DataQualityError(
            f"A blocking check failed, so nothing was built on its asset: {text} The asset's page in "
            "the UI and the table quality_findings say which rows are wrong."
        )
    if root is error:
        return TradingPipelineError(f"The run failed: {text}")
    return TradingPipelineError(f"The run failed: {text} {type(root).__name__}: {root}")
