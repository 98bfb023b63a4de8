"""Runs jobs in this process, as real Dagster runs of the project's instance."""

import contextlib
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import dagster as dg
from dagster._core.storage.tags import EXTERNALLY_MANAGED_ASSETS_TAG

from trading_pipeline.defs.automation.run_origin import launched_by, name_code_location
from trading_pipeline.defs.partitions import (
    instrument_scenarios,
    instrument_studies,
    instruments,
)
from trading_pipeline.defs.resources import handed_on
from trading_pipeline.errors import DataQualityError, TradingPipelineError
from trading_pipeline.settings.claims import claimed, is_held, remove_dead
from trading_pipeline.stages.batch import Batch
from trading_pipeline.stages.turns import locks_folder
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.stop_signals import StopRequested, raise_if_stopped, stop_received
from trading_pipeline.storage.path_failures import folder_error

__all__ = ["JobRun", "JobRunner", "close_abandoned_runs"]

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_PROCESS_TAG = "trading_pipeline/process"
_CLAIM_ENDING = ".run"
_OPEN = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_INTERRUPTIONS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)
_SHOWN_CHECKS = 3
_SHOWN_NAMES = 5
_NOTE = "Exception while writing logger call to event log"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class JobRun:
    """A run that ended well: its id, what ran, and how long it took."""

    run_id: str
    job: str
    partition: str
    seconds: float


class JobRunner:
    """Runs the jobs of the definitions, one after another, and keeps a list of them.

    The runs work with `workspace`, so that they need not open and read everything again.
    """

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance, workspace: Workspace
    ) -> None:
        self._definitions, self._workspace = definitions, workspace
        self.instance = instance
        name_code_location(instance)
        self.runs: list[JobRun] = []
        close_abandoned_runs(instance, locks_folder(workspace.settings))

    def run(
        self,
        job: str,
        *,
        partition: str | None = None,
        last_partition: str | None = None,
        assets: Sequence[str] | None = None,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        batch: Batch | None = None,
        refusal: TradingPipelineError | None = None,
    ) -> JobRun:
        """Run a job: whole, for a partition, for the range up to `last_partition`, or on a batch.

        `assets` restricts it, names with slashes. `config`: of assets by name. `refusal`: what the
        first asset raises in place of working, so that the partitions are shown as failed.

        Raises the error of the asset that failed, or `DataQualityError` for a blocking check;
        `StopRequested` for a signal to stop, also for one that came where Dagster delays it.
        """
        raise_if_stopped()
        started = time.perf_counter()
        ranged = partition is not None and last_partition is not None
        tags = {_RANGE_START: partition, _RANGE_END: last_partition} if ranged else {}
        selection = None if assets is None else [dg.AssetKey(name.split("/")) for name in assets]
        run_id = str(uuid.uuid4())
        try:
            with (
                self._claim(run_id),
                self._canceled_by_stops(run_id),
                _without_event_log_notes(),
                handed_on(self._workspace, run_id, batch, refusal),
            ):
                result = self._definitions.resolve_job_def(job).execute_in_process(
                    instance=self.instance,
                    run_id=run_id,
                    partition_key=None if ranged else partition,
                    tags={
                        **{name: str(value) for name, value in tags.items()},
                        _PROCESS_TAG: _process(),
                        **launched_by(),
                        **({} if batch is None else self._tags_of(batch)),
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
            raise self._told(error, run_id) from error
        raise_if_stopped()
        seconds = time.perf_counter() - started
        shown = partition if batch is None else result.dagster_run.tags[_RANGE_START]
        done = JobRun(result.run_id, job, shown or "", seconds)
        logging.getLogger(__name__).debug("%s took %.2f s", job, seconds)
        self.runs.append(done)
        return done

    def _claim(self, run_id: str) -> AbstractContextManager[None]:
        """Says that the run has a live process, for as long as it has one."""
        folder = locks_folder(self._workspace.settings)
        folder.mkdir(parents=True, exist_ok=True)
        return claimed(_claim_of(folder, run_id))

    def _tags_of(self, batch: Batch) -> dict[str, str]:
        """Tags of a run whose assets tell Dagster themselves which partitions they materialized.

        The range is the smallest rectangle around the batch; partitions in it may be current.
        """
        names = list(dict.fromkeys(part.instrument_id for part in batch.parts))
        first, last = self._range_of(batch, names)
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        return {
            _RANGE_START: first,
            _RANGE_END: last,
            EXTERNALLY_MANAGED_ASSETS_TAG: "true",
            "trading_pipeline/instruments": ", ".join(names[:_SHOWN_NAMES]) + more,
        }

    def _range_of(self, batch: Batch, names: Sequence[str]) -> tuple[str, str]:
        """First and last key of the batch in Dagster's order."""
        keys = {
            "|".join(filter(None, (part.instrument_id, name)))
            for part in batch.parts
            for name in part.names
        }
        for partitions in (instrument_scenarios, instrument_studies, instruments):
            known = self.instance.get_dynamic_partitions(str(partitions.name))
            found = [key for key in known if key in keys]
            if found:
                return found[0], found[-1]
        # `known` are the instruments now
        chosen = [name for name in known if name in set(names)] or list(names)
        windows = sorted({name for part in batch.parts for name in part.names})
        return f"{chosen[0]}|{windows[0]}", f"{chosen[-1]}|{windows[-1]}"

    @contextlib.contextmanager
    def _canceled_by_stops(self, run_id: str) -> Iterator[None]:
        """Close the run as canceled where a signal ends the block; Dagster calls it a failure."""
        try:
            yield
        except BaseException as error:
            number = stop_received()
            if number is None and isinstance(error, _INTERRUPTIONS):
                number = int(signal.SIGINT)
            if number is None:
                raise
            stop = StopRequested(number)
            run = self.instance.get_run_by_id(run_id)
            if run is not None and run.status in (*_OPEN, dg.DagsterRunStatus.FAILURE):
                self.instance.report_run_canceled(run, f"The command that ran this was {stop}.")
            raise stop from None

    def _told(self, error: dg.DagsterError, run_id: str) -> TradingPipelineError:
        settings = self._workspace.settings
        try:
            told = _plain_error(error, _failed_checks(self.instance, run_id))
        except Exception as lost:  # the records are gone, and the failed checks with them
            told = folder_error(lost, settings.runtime, settings.config) or _plain_error(error, ())
        if type(told) is not TradingPipelineError:
            return told
        return folder_error(error, settings.runtime, settings.config) or told


def close_abandoned_runs(instance: dg.DagsterInstance, locks: Path) -> int:
    """Mark runs as failed whose process on this machine is gone; gives their number.

    A killed process cannot say that its run ended, or that one it made will never start; without
    this the UI shows it as running forever. The run's claim in the folder `locks` decides, as
    process ids are used again; without one, as in earlier versions, the process must be gone.
    """
    host = socket.gethostname()
    open_runs = instance.get_runs(dg.RunsFilter(statuses=list(_OPEN)))
    closed = 0
    for run in open_runs:
        where, _, pid = run.tags.get(_PROCESS_TAG, "").rpartition(":")
        if run.parent_run_id is not None:  # begun by the UI, which copies the tags of a run
            continue
        if where != host or not pid.isdigit():
            continue
        claim = _claim_of(locks, run.run_id)
        if is_held(claim) or (not claim.exists() and _is_alive(int(pid))):
            continue
        now = instance.get_run_by_id(run.run_id)  # it may have ended since the list was made
        if now is not None and now.status in _OPEN:
            instance.report_run_failed(run, f"Process {pid}, which ran this, is gone.")
            closed += 1
    for path in locks.glob(f"*{_CLAIM_ENDING}"):
        remove_dead(path)
    return closed


def _claim_of(locks: Path, run_id: str) -> Path:
    return locks / f"{run_id}{_CLAIM_ENDING}"


class _NoteFilter:
    """A stream without the note that Dagster writes where an event could not be stored.

    The same error is raised a moment later; the note repeats it with the whole event, thousands of
    characters.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith(_NOTE) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _without_event_log_notes() -> Iterator[None]:
    if os.environ.get("TRADING_PIPELINE_DEBUG"):
        yield
        return
    with contextlib.redirect_stderr(_NoteFilter(sys.stderr)):
        yield


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


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """What each failed blocking check of a run said, with its asset and name."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = []
    for event in events:
        check = event.get_dagster_event().asset_check_evaluation_data
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            name = f"{check.asset_key.to_user_string()}: {check.check_name}"
            said = (check.description or "").removeprefix(f"{check.check_name}: ")
            found.append(f"{name}: {said}" if said else f"{name}.")
    return found


def _plain_error(error: BaseException, failed_checks: Sequence[str]) -> TradingPipelineError:
    """The project's own error behind Dagster's, or what the failed checks said."""
    cause: BaseException | None = error
    root = error
    while cause is not None:
        if isinstance(cause, TradingPipelineError):
            return cause
        root, cause = cause, cause.__cause__
    text = str(error).strip().splitlines()[0]
    if "check" in type(error).__name__.lower():
        shown = " ".join(failed_checks[:_SHOWN_CHECKS]) or text
        more = len(failed_checks) - _SHOWN_CHECKS
        return DataQualityError(
            f"A blocking check failed, so nothing was built on its asset. {shown}"
            + (f" And {more} more check(s)." if more > 0 else "")
            + " The asset's page in the UI lists every finding; those of bars are rows of the "
            "table quality_findings.",
            checks=list(failed_checks),
        )
    if root is error:
        return TradingPipelineError(f"The run failed: {text}")
    said = " ".join(str(root).split())
    return TradingPipelineError(f"The run failed: {text} {type(root).__name__}: {said}")
