"""Dagster's records with connections that stay open: equal to Dagster's own, whole after a kill."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
import yaml

from trading_pipeline.defs.event_storage import KeptSqliteStorage

NAMES = [f"p{i}" for i in range(12)]
MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
RANGE = {
    "dagster/asset_partition_range_start": NAMES[0],
    "dagster/asset_partition_range_end": NAMES[-1],
}

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(NAMES),
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("sound", asset="levels")],
)
def levels(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    for number, key in enumerate(context.partition_keys):
        context.add_asset_metadata({"level": float(number)}, partition_key=key)
    return dg.MaterializeResult(
        data_version=dg.DataVersion("one"), check_results=[dg.AssetCheckResult(passed=True)]
    )


def opened(folder: Path, *, kept: bool) -> dg.DagsterInstance:
    """The instance of a folder, with the project's storage or with Dagster's own."""
    own = {
        "module": KeptSqliteStorage.__module__,
        "class": "KeptSqliteStorage",
        "config": {"base_dir": str(folder)},
    }
    storage = {"custom": own} if kept else {"sqlite": {"base_dir": str(folder)}}
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text(
        yaml.safe_dump({"storage": storage, "telemetry": {"enabled": False}})
    )
    return dg.DagsterInstance.from_config(str(folder))


def run(instance: dg.DagsterInstance) -> str:
    job = dg.Definitions(assets=[levels], jobs=[dg.define_asset_job("j", [levels])])
    return (
        job.resolve_job_def("j")
        .execute_in_process(instance=instance, tags=RANGE, run_config=QUIET)
        .run_id
    )


def stored(folder: Path, shard: str) -> dict[str, list[tuple]]:
    """What does not differ between two equal runs, of every table that a run writes to."""
    queries = {
        "events": "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs",
        "tags": "SELECT event_id, asset_key, key, value FROM asset_event_tags WHERE key LIKE "
        "'%version' ORDER BY 1, 3",
        "checks": "SELECT asset_key, check_name, partition, execution_status, "
        "evaluation_event_storage_id FROM asset_check_executions",
        "assets": "SELECT asset_key, last_materialization IS NULL, asset_details FROM asset_keys",
    }
    with closing(sqlite3.connect(folder / "history" / "runs" / f"{shard}.db")) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name: base.execute(sql).fetchall() for name, sql in queries.items()}


@pytest.fixture(autouse=True)
def batches(monkeypatch):
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)


def seen(instance: dg.DagsterInstance) -> tuple:
    """What the UI shows of the asset."""
    record = instance.get_latest_materialization_event(dg.AssetKey("levels"))
    checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("levels"), "sound")]
    )
    return (
        instance.get_materialized_partitions(dg.AssetKey("levels")),
        record.asset_materialization.partition,
        record.asset_materialization.tags["dagster/data_version"],
        [(each.status.value, each.id) for each in checks.values()],
        [each.status.value for each in instance.get_runs()],
    )


def test_a_run_stores_what_dagster_itself_stores(tmp_path, monkeypatch) -> None:
    runs, shown = {}, {}
    for name, kept in (("stock", False), ("kept", True)):
        monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
        with opened(tmp_path / name, kept=kept) as instance:
            first = run(instance)
            runs[name], shown[name] = [first, run(instance)], seen(instance)
    assert shown["kept"] == shown["stock"]
    for number in (0, 1):
        ours, theirs = (stored(tmp_path / name, runs[name][number]) for name in ("kept", "stock"))
        assert ours == theirs
    assert stored(tmp_path / "kept", "index") == stored(tmp_path / "stock", "index")


def test_dagster_itself_goes_on_with_the_files(tmp_path, monkeypatch) -> None:
    with opened(tmp_path / "kept", kept=True) as instance:
        run_id, shown = run(instance), seen(instance)
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with opened(tmp_path / "kept", kept=False) as instance:
        assert seen(instance) == shown
        assert len(instance.all_logs(run_id, of_type=MATERIALIZED)) == len(NAMES)
        run(instance)
        assert len(instance.get_runs()) == 2
    with opened(tmp_path / "kept", kept=True) as instance:
        assert len(instance.get_runs()) == 2
        run(instance)


def event(run_id: str, number: int) -> dg.EventLogEntry:
    made = dg.AssetMaterialization("levels", partition=f"p{number}")
    step = dg._core.events.StepMaterializationData(made)
    told = dg.DagsterEvent(MATERIALIZED.value, "j", event_specific_data=step)
    return dg.EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=1_000_000.0 + number,
        dagster_event=told,
    )


WRITER = """
import sys
from pathlib import Path
from trading_pipeline_tests.defs.test_event_storage import event, opened
storage = opened(Path(sys.argv[1]), kept=True).event_log_storage
for batch in range(int(sys.argv[3])):
    storage.store_event_batch([event(sys.argv[2], batch * 10 + n) for n in range(10)])
    print(batch, flush=True)
"""


def writer(folder: Path, run_id: str, batches: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), run_id, str(batches)],
        stdout=subprocess.PIPE,
        text=True,
    )


def count(folder: Path, shard: str, run_id: str) -> int:
    with closing(sqlite3.connect(folder / "history" / "runs" / f"{shard}.db")) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        asked = "SELECT count(*) FROM event_logs WHERE run_id = ?"
        return base.execute(asked, (run_id,)).fetchone()[0]


def test_a_killed_process_leaves_whole_batches_and_all_that_it_acknowledged(tmp_path) -> None:
    folder = tmp_path / "kept"
    opened(folder, kept=True).dispose()
    process = writer(folder, "a", 100_000)
    for _ in range(10):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    acknowledged = 10 + len(process.stdout.read().splitlines())
    process.stdout.close()
    process.wait()
    in_run, in_index = (count(folder, shard, "a") for shard in ("a", "index"))
    # the batch of the kill may be in the run's file and not yet in the index, as Dagster has it
    assert in_run // 10 in (acknowledged, acknowledged + 1)
    assert in_index // 10 in (acknowledged, acknowledged + 1)
    assert (in_run % 10, in_index % 10) == (0, 0)
    with opened(folder, kept=False) as instance:
        assert len(instance.get_materialized_partitions(dg.AssetKey("levels"))) == in_index


def test_two_processes_write_at_the_same_time_while_another_reads(tmp_path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, kept=True) as reading:
        writers = [writer(folder, name, 20) for name in ("a", "b")]
        counts = []
        while any(process.poll() is None for process in writers):
            counts.append(len(reading.get_materialized_partitions(dg.AssetKey("levels"))))
        for process in writers:
            process.stdout.close()
            assert process.returncode == 0
    assert counts == sorted(counts)
    assert [count(folder, "index", name) for name in ("a", "b")] == [200, 200]


def test_a_reader_sees_the_batch_when_it_is_whole(tmp_path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, kept=True) as writing, opened(folder, kept=False) as reading:
        with writing.event_log_storage.index_connection():
            writing.event_log_storage.store_event_batch([event("a", n) for n in range(3)])
            assert reading.get_materialized_partitions(dg.AssetKey("levels")) == set()
        assert len(reading.get_materialized_partitions(dg.AssetKey("levels"))) == 3


def test_nothing_of_a_batch_stays_that_the_index_refuses(tmp_path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, kept=True) as instance:
        with instance.event_log_storage.index_connection() as index:
            index.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON event_logs WHEN new.partition = 'p2' "
                "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        with pytest.raises(Exception, match="disk is full"):
            instance.event_log_storage.store_event_batch([event("a", n) for n in range(5)])
        instance.event_log_storage.store_event(event("a", 7))
    assert (count(folder, "a", "a"), count(folder, "index", "a")) == (1, 1)


def test_files_that_were_removed_meanwhile_are_made_again(tmp_path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, kept=True) as instance:
        instance.event_log_storage.store_event(event("a", 1))
        shutil.rmtree(folder / "history" / "runs")
        (folder / "history" / "runs").mkdir()
        instance.event_log_storage.store_event(event("a", 2))
        assert instance.get_materialized_partitions(dg.AssetKey("levels")) == {"p2"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_disturb_its_parent(tmp_path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, kept=True) as instance:
        instance.event_log_storage.store_event(event("a", 1))
        child = os.fork()
        if not child:
            instance.event_log_storage.store_event(event("a", 2))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        instance.event_log_storage.store_event(event("a", 3))
        assert instance.get_materialized_partitions(dg.AssetKey("levels")) == {"p1", "p2", "p3"}
