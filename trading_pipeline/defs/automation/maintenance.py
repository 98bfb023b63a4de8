"""The maintenance job: prunes runs, events, logs, and files that newer ones superseded.

What the UI shows of any partition stays: a run goes only when every partition and check that it
told about has a newer event.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as db
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)

from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.stages.maintenance import (
    SupersededFile,
    remove_superseded,
    superseded_files,
)
from trading_pipeline.stages.models.prune_models import Removable, models_to_prune, prune_models
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.sqlite_files import shrink

__all__ = ["Prunable", "maintenance_job", "prunable", "prune", "shrink_records"]

_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_TOLD = (
    dg.DagsterEventType.ASSET_MATERIALIZATION.value,
    dg.DagsterEventType.ASSET_OBSERVATION.value,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
)


@dataclass(frozen=True, kw_only=True)
class Prunable:
    """What would go: ids of runs with their events, folders of logs, files, models.

    `run_bytes`, `log_bytes`: size of the runs' own files and of the folders.
    """

    runs: tuple[str, ...]
    logs: tuple[Path, ...]
    files: tuple[SupersededFile, ...]
    models: tuple[Removable, ...]
    run_bytes: int = 0
    log_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Size of all of it, without what runs take in Dagster's index."""
        files = sum(each.size_bytes for each in self.files)
        models = sum(each.size_bytes for each in self.models)
        return files + models + self.run_bytes + self.log_bytes

    def lines(self) -> list[str]:
        """One line a kind, with its number and size."""
        files = sum(each.size_bytes for each in self.files)
        models = sum(each.size_bytes for each in self.models)
        kinds = (
            (
                self.runs,
                "run",
                " whose partitions and checks all have newer events",
                self.run_bytes,
            ),
            (self.logs, "folder", " of captured output", self.log_bytes),
            (self.files, "superseded frame", " or page", files),
            (self.models, "model", " that nothing names", models),
        )
        return [
            f"{len(found)} {name}{'' if len(found) == 1 else 's'}{what} ({size / 1e6:,.1f} MB)"
            for found, name, what, size in kinds
        ]

    def __bool__(self) -> bool:
        """True where anything would go."""
        return any((self.runs, self.logs, self.files, self.models))


def prunable(workspace: Workspace, instance: dg.DagsterInstance, *, keep_days: float) -> Prunable:
    """What maintenance would remove that is older than so many days; it changes nothing."""
    runs = _runs(workspace, instance, keep_days)
    logs = tuple(_logs(workspace, instance, keep_days))
    own = [path for run_id in runs for path in _events_files(instance, run_id)]
    captured = [path for folder in logs for path in folder.rglob("*")]
    return Prunable(
        runs=tuple(runs),
        run_bytes=_size(own),
        logs=logs,
        log_bytes=_size(captured),
        files=tuple(superseded_files(workspace, keep_days=keep_days)),
        models=tuple(models_to_prune(workspace, keep_days=keep_days)),
    )


def prune(
    workspace: Workspace, instance: dg.DagsterInstance, chosen: Prunable, *, keep_days: float
) -> dict[str, int]:
    """Remove it, and give how much is gone by kind; what became needed meanwhile stays."""
    still = set(_runs(workspace, instance, keep_days))
    runs = [run_id for run_id in chosen.runs if run_id in still]
    for run_id in runs:
        instance.delete_run(run_id)
        for path in _events_files(instance, run_id):
            path.unlink(missing_ok=True)
    for folder in chosen.logs:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "runs": len(runs),
        "logs": sum(not folder.exists() for folder in chosen.logs),
        "files": remove_superseded(workspace, chosen.files),
        "models": prune_models(workspace, chosen.models, keep_days=keep_days),
    }


def shrink_records(instance: dg.DagsterInstance) -> int:
    """Rewrite Dagster's index of events and its table of runs without the rows that went.

    Gives the bytes that they are smaller by: 0 where little is free, another process is at work in
    them, or they are in another storage than SQLite.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return 0
    index = Path(storage.path_for_shard(INDEX_SHARD_NAME))
    return shrink(index) + shrink(index.parent.parent / "runs.db")


def maintenance_job() -> dg.JobDefinition:
    """Removes by the setting `retention_days`, after its log said what."""

    @dg.op(description="Prunes runs, logs and superseded files; results and the ledger stay.")
    def prune_superseded(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
        opened = workspace.open_for(None)
        keep_days = opened.settings.retention_days
        found = prunable(opened, context.instance, keep_days=keep_days)
        for line in found.lines():
            context.log.info(f"Older than {keep_days:g} days: {line}.")
        gone = prune(opened, context.instance, found, keep_days=keep_days)
        context.log.info("Removed " + ", ".join(f"{n} {kind}" for kind, n in gone.items()) + ".")
        shrunk = shrink_records(context.instance) if gone["runs"] else 0
        context.log.info(f"Dagster's index is {shrunk / 1e6:,.1f} MB smaller.")
        context.add_output_metadata(gone)

    @dg.job(
        name="maintenance",
        description="Prunes runs, events, logs, and files that newer ones superseded, older than "
        "TRADING_PIPELINE_RETENTION_DAYS (90). Results, the ledger and the newest of everything "
        "stay.",
        executor_def=dg.in_process_executor,
    )
    def maintenance() -> None:
        prune_superseded()

    return maintenance


def _runs(workspace: Workspace, instance: dg.DagsterInstance, keep_days: float) -> list[str]:
    before = workspace.clock() - timedelta(days=keep_days)
    ended = instance.get_run_records(dg.RunsFilter(statuses=_ENDED, created_before=before))
    needed = _newest(instance) if ended else set()
    return [each.dagster_run.run_id for each in ended if each.dagster_run.run_id not in needed]


def _newest(instance: dg.DagsterInstance) -> set[str]:
    """Runs that told the newest of any partition or check, or were the last to try one."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return {each.run_id for each in instance.get_runs()}  # unknown storage: nothing goes
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    latest = (
        db.select(db.func.max(events.id))
        .where(events.dagster_event_type.in_(_TOLD))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    evaluated = db.select(db.func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition
    )
    with storage.index_connection() as index:
        told = index.execute(db.select(events.run_id).where(events.id.in_(latest)).distinct())
        checked = index.execute(db.select(checks.run_id).where(checks.id.in_(evaluated)))
        return {run_id for (run_id,) in (*told, *checked)}


def _logs(workspace: Workspace, instance: dg.DagsterInstance, keep_days: float) -> Iterator[Path]:
    """Folders of captured output of runs that ended before; those of runs that stay go too."""
    oldest = (workspace.clock() - timedelta(days=keep_days)).timestamp()
    folder = workspace.settings.dagster / "compute_logs"
    open_runs = {each.run_id for each in instance.get_runs() if not each.is_finished}
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_dir() and each.name not in open_runs and each.stat().st_mtime < oldest:
            yield each


def _events_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """SQLite keeps the events of each run in a file of its own, which `delete_run` empties."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return []
    path = storage.path_for_shard(run_id)
    return [Path(path + ending) for ending in ("", "-wal", "-shm")]


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
