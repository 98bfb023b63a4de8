"""Tests of a batch: one run for many; what fails is run again alone; what Dagster is told."""

import shutil

import dagster as dg
import pytest

from trading_pipeline.defs.automation.batch_runs import Workers
from trading_pipeline.errors import PermanentFetchError
from trading_pipeline.stages.fan_out.call import work_on
from trading_pipeline.stages.fan_out.local_pool import died_twice
from trading_pipeline.stages.fan_out.work import Task
from trading_pipeline.storage import warehouse as warehouse_module
from trading_pipeline_tests.pipeline_world import SOURCE, bring_up_to_date

YEARS = (2000, 2001, 2002, 2003)


@pytest.mark.slow
def test_an_instrument_that_fails_in_a_batch_is_red_alone_and_all_others_go_on(fresh_world):
    def refuse(_, frame):
        raise PermanentFetchError("IBM is not to be had.")

    for year in YEARS:
        SOURCE.answers[f"IBM_1d|{year}-01-01"] = refuse
    full_pass = fresh_world.full_pass()
    full_pass.reference_data()
    names = ["AAPL_1d", "IBM_1d", "MSFT_1d"]
    missing, failed = full_pass.chains(names, ["direction"])
    assert set(missing) == set(names)
    assert set(failed) == {"IBM_1d"}
    assert "IBM is not to be had" in str(failed["IBM_1d"])
    runs = [(run.job, run.partition) for run in full_pass.runner.runs]
    assert runs == [
        ("reference_data", ""),
        ("corporate_actions_job", "AAPL_1d"),
        ("bars_to_predictions", "AAPL_1d|2000-01-01"),
    ]  # the run of IBM alone failed, so it is not among those that ended well
    instance = full_pass.runner.instance
    failures = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert [run.tags["dagster/asset_partition_range_start"] for run in failures] == [
        "IBM_1d|2000-01-01"
    ]
    for asset in ("bars", "features/core", "models/direction", "predictions/direction"):
        told = instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))
        assert told == {f"{n}|{y}-01-01" for n in ("AAPL_1d", "MSFT_1d") for y in YEARS}
    SOURCE.reset()
    missing, failed = full_pass.chains(names, ["direction"])
    assert (set(missing), failed) == ({"IBM_1d"}, {})


def test_planning_opens_the_warehouse_as_often_for_three_instruments_as_for_one(
    fresh_world, monkeypatch
):
    full_pass, names = fresh_world.full_pass(), ["AAPL_1d", "IBM_1d", "MSFT_1d"]
    full_pass.reference_data()
    assert set(full_pass.chains(names, [])[0]) == set(names)
    opened = []
    attached = warehouse_module.attached

    def noted(path, *, read_only):
        opened.append(read_only)
        return attached(path, read_only=read_only)

    monkeypatch.setattr(warehouse_module, "attached", noted)
    counts = []
    for asked in (names[:1], names):
        opened.clear()
        assert full_pass.chains(asked, []) == ({}, {})
        assert all(opened)  # for reading
        counts.append(len(opened))
    assert 0 < counts[1] <= counts[0]


@pytest.mark.slow
def test_an_instrument_that_ended_its_workers_is_red_and_is_not_tried_here(
    fresh_world, monkeypatch
):
    tried = []

    def fan_out(workspace, call, work, _, *, audited=False):
        for name, names in work.items():
            if name == "IBM_1d":
                task = Task(call, name, tuple(names), audited, {})
                yield died_twice(task, "was ended by SIGKILL").done
            else:
                tried.append(name)
                yield work_on(workspace, call, name, names, audited=audited)

    monkeypatch.setattr("trading_pipeline.stages.batch.fan_out", fan_out)
    monkeypatch.setattr(Workers, "for_parts", lambda *_: object())
    full_pass = fresh_world.full_pass()
    full_pass.reference_data()
    _, failed = full_pass.chains(["AAPL_1d", "IBM_1d"], ["direction"], only_inputs=True)
    assert set(failed) == {"IBM_1d"}
    assert "was ended by SIGKILL, and so did a second one" in str(failed["IBM_1d"])
    assert set(tried) == {"AAPL_1d"}
    instance = full_pass.runner.instance
    (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert run.tags["dagster/asset_partition_range_start"] == "IBM_1d|2000-01-01"
    assert "features__core" in {
        event.step_key for event in instance.all_logs(run.run_id) if event.step_key
    }
    told = instance.get_materialized_partitions(dg.AssetKey(["features", "core"]))
    assert {name.partition("|")[0] for name in told} == {"AAPL_1d"}
    graph = fresh_world.definitions().resolve_asset_graph()
    features = graph.get(dg.AssetKey(["features", "core"]))
    found = instance.get_status_by_partition(
        features.key, [f"IBM_1d|{year}-01-01" for year in YEARS], features.partitions_def
    )
    assert {status.value for status in found.values()} == {"FAILED"}


def test_records_of_dagster_that_were_lost_are_told_anew_without_computing(world):
    before = world.counts()
    shutil.rmtree(world.runtime / "dagster")
    full_pass = bring_up_to_date(world)
    assert {run.job for run in full_pass.runner.runs} <= {"reference_data", "reports"}
    instance = full_pass.runner.instance
    for asset in ("bars", "features/core", "predictions/direction", "chart_patterns"):
        told = instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))
        assert {f"AAPL_1d|{year}-01-01" for year in YEARS} <= told
    for asset in ("backtest", "tearsheet"):
        told = instance.get_materialized_partitions(dg.AssetKey(asset))
        assert told == {"AAPL_1d|sma_crossover", "AAPL_1d|ml_direction"}
    after = world.counts()
    assert all(after[name] == before[name] for name in ("bars", "models", "trials", "fetch_log"))
