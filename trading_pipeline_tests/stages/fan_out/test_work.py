"""Tests of one task and its delivery, without any process: what travels, what is stored."""

import pickle
import subprocess
import sys

import pytest

from trading_pipeline.errors import DiskFullError, WarehouseError, WorkerError
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.fan_out import SerialPool, StageCall
from trading_pipeline.stages.fan_out.commit import commit
from trading_pipeline.stages.fan_out.context import opened_context, shared_context
from trading_pipeline.stages.fan_out.dispatch import tasks_of
from trading_pipeline.stages.fan_out.identity import code_of_package
from trading_pipeline.stages.fan_out.work import do, do_sealed
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.models.models import ModelStage
from trading_pipeline.storage.private_warehouse import PrivateWarehouse
from trading_pipeline_tests.stages.fan_out.small_market import (
    CHAIN,
    INSTRUMENTS,
    WINDOWS,
    files_of,
    rows_of,
    spread,
)

MINE = StageCall(FeatureStage, ("mine",))
WORK = dict.fromkeys(INSTRUMENTS, WINDOWS)


def delivered(market, call, work, *, travels=False):
    """Tasks and their deliveries, done in this process and sent as bytes both ways."""
    context = shared_context(market, travels=travels)
    tasks = tasks_of(market, call, work, audited=call.kind is FeatureStage, travels=travels)
    answers = [
        do_sealed(code_of_package(), context.key, context.sealed, pickle.dumps(task))
        for task in tasks
    ]
    return [(task, pickle.loads(each)) for task, each in zip(tasks, answers, strict=True)]


def test_the_same_delivery_twice_adds_nothing(market):
    for call, names in CHAIN:
        made = delivered(market, call, dict.fromkeys(INSTRUMENTS, names))
        first = commit(market, made)
        rows, files = rows_of(market), files_of(market)
        hashes = [[o.content_hash for o in done.outcomes] for done in first]
        assert [[o.content_hash for o in done.outcomes] for done in commit(market, made)] == hashes
        assert (rows_of(market), files_of(market)) == (rows, files)
    assert market.trials.verify().faults == ()
    assert [market.results.examined(name)[1] for name in market.results.ids()] == [""] * 6


def test_work_without_a_shared_folder_gives_the_same_files_and_rows(market, serial):
    for call, names in CHAIN:
        made = delivered(market, call, dict.fromkeys(INSTRUMENTS, names), travels=True)
        assert all(name in delivery.hashes for _, delivery in made for name in delivery.files)
        assert [done.error for done in commit(market, made)] == [None] * 3
    assert files_of(market) == serial[2]
    assert rows_of(market) == serial[3]


def test_a_committer_that_dies_between_files_leaves_nothing_that_counts(market, serial):
    spread(market, MINE, WINDOWS, SerialPool())
    spread(market, *CHAIN[1], SerialPool())
    made = delivered(market, StageCall(ModelStage, ("own",)), WORK, travels=True)
    task, delivery = made[0]
    before = rows_of(market)
    names = sorted(delivery.files)
    some = {name: delivery.files[name] for name in names[: len(names) // 2]}
    for name, content in some.items():  # as far as it came
        path = market.settings.runtime / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:-10])
    assert rows_of(market) == before
    commit(market, made)
    made_files = files_of(market)
    assert made_files == {name: serial[2][name] for name in made_files}
    assert task.instrument_id == "AAA_1d"


def test_a_damaged_file_is_refused_whole(market):
    (task, delivery), *_ = delivered(market, MINE, WORK, travels=True)
    name = next(iter(delivery.files))
    delivery.files[name] += b"x"
    before = rows_of(market), files_of(market)
    with pytest.raises(WorkerError, match="did not come from its worker as it was made"):
        commit(market, [(task, delivery)])
    assert (rows_of(market), files_of(market)) == before


def test_a_worker_of_another_version_is_refused_with_both_named(market):
    expected = {**code_of_package(), "pandas": "1.0.0"}
    answer = pickle.loads(do_sealed(expected, "", b"not unpacked", b"nor this"))
    assert isinstance(answer, WorkerError)
    here = code_of_package()["pandas"]
    assert f"pandas {here} (the sender has 1.0.0)" in str(answer)


def test_own_files_that_changed_meanwhile_are_refused(market):
    context = shared_context(market)
    path = market.settings.config / "features" / "mine.py"
    path.write_text(path.read_text() + "\n# another line\n")
    with pytest.raises(WorkerError, match="your own Python files"):
        opened_context(context.key, context.sealed)


def test_keys_of_providers_do_not_travel(market):
    kept = market.settings.model_copy(update={"alpaca_api_key": "very-secret"})
    object.__setattr__(market, "settings", kept)
    assert b"very-secret" not in shared_context(market).sealed


def test_a_full_disk_on_a_worker_stops_the_instrument_with_its_error(market, monkeypatch):
    import errno

    from trading_pipeline.storage.stores import artifacts

    def full(path, frame):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(artifacts, "write_frame", full)
    made = delivered(market, MINE, WORK)
    before = rows_of(market)
    assert [type(done.error) for done in commit(market, made)] == [DiskFullError] * 3
    # what the audit had found is known all the same
    assert rows_of(market) | {"audits": []} == before


def test_a_private_warehouse_refuses_writes_that_nobody_notes():
    private = PrivateWarehouse()
    with pytest.raises(WarehouseError, match="do not hand back"), private.write():
        pass


def test_a_table_that_is_not_brought_along_cannot_be_read_as_empty():
    private = PrivateWarehouse()
    with private.read() as connection, pytest.raises(Exception, match="does not exist"):
        connection.execute("SELECT * FROM bars_rejected")


def test_a_result_counts_the_trials_of_all_instruments(market):
    call = StageCall(BacktestStage)
    answers = commit(market, delivered(market, call, dict.fromkeys(INSTRUMENTS, ("crosses",))))
    counts = [done.outcomes[0].metadata["trials_at_creation"] for done in answers]
    assert counts == [1.0, 2.0, 3.0]


def test_a_task_reads_rows_of_its_own_instrument_alone(market):
    (task, *_) = tasks_of(market, MINE, WORK)
    assert set(task.tables["bars"]["instrument"].to_pylist()) == {"AAA_1d"}
    opened = opened_context(*_sealed(market))
    assert do(opened, task).done.error is None


def test_workers_do_not_import_dagster():
    code = (
        "import sys, trading_pipeline.stages.fan_out.work\n"
        "from trading_pipeline.stages.backtests import study\n"
        "print('dagster' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def _sealed(market):
    context = shared_context(market)
    return context.key, context.sealed
