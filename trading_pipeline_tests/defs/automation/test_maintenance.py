"""Maintenance: what is superseded goes, the newest of everything and all results stay."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from trading_pipeline.defs.automation.maintenance import prunable, prune, shrink_records
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline_tests.pipeline_world import run_job
from trading_pipeline_tests.stage_calls import materialize_windows, refresh_bars

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"


@pytest.fixture
def instance(world):
    with open_instance(world.workspace.settings) as opened:
        opened.add_dynamic_partitions("instruments", ["AAPL_1d", "IBM_1d", "FB_1d"])
        opened.add_dynamic_partitions("scenarios", ["ml_direction", "sma_crossover"])
        yield opened


def in_days(world, days: float):
    """The workspace as it is, so many days later."""
    workspace = world.workspace
    now = workspace.clock() + timedelta(days=days)
    return replace(workspace, clock=lambda: now)


def statuses(instance):
    """What the UI shows of each partition."""
    return {
        asset: instance.get_materialized_partitions(dg.AssetKey(asset))
        for asset in ("bars", "corporate_actions")
    }


def test_a_run_goes_once_all_that_it_told_has_newer_events(world, instance):
    older = run_job(world, instance, "daily_bars", LAST).run_id
    other = run_job(world, instance, "corporate_actions_job", "AAPL_1d").run_id
    newer = run_job(world, instance, "daily_bars", LAST).run_id
    shown = statuses(instance)
    assert not prunable(in_days(world, 89), instance, keep_days=90).runs
    later = in_days(world, 91)
    found = prunable(later, instance, keep_days=90)
    assert older in found.runs
    assert not {other, newer} & {*found.runs}
    everything = {run.run_id for run in instance.get_runs()}
    assert prune(later, instance, found, keep_days=90)["runs"] == len(found.runs)
    assert {run.run_id for run in instance.get_runs()} == everything - {*found.runs}
    assert statuses(instance) == shown
    assert not [*(world.workspace.settings.dagster / "history" / "runs").glob(f"{older}*")]
    assert instance.all_logs(newer)
    assert not prunable(later, instance, keep_days=90).runs


def test_only_superseded_files_go_and_results_stay(world, instance):
    refresh_bars(world.workspace, "IBM_1d", world.workspace.windows())
    paths = []
    for lengths in ("[10]", "[11]"):
        world.write("cross_features.yaml", f"windows: {lengths}\n")
        workspace = world.workspace
        materialize_windows(CrossFeatureStage(workspace, "AAPL_1d"), workspace.windows())
        newest = workspace.artifacts.newest(["cross_features"], "AAPL_1d")
        paths.append({workspace.settings.runtime / each.path for each in newest.values()})
    results, trials = world.counts()["backtest_results"], world.counts()["trials"]
    later = in_days(world, 91)
    found = prunable(later, instance, keep_days=90)
    assert paths[0] <= {each.path for each in found.files}
    assert not paths[1] & {each.path for each in found.files}
    before = {each.path for each in later.artifacts.all_newest()}
    prune(later, instance, found, keep_days=90)
    assert not any(path.exists() for path in paths[0])
    assert all(later.artifacts.is_intact(each) for each in later.artifacts.all_newest())
    assert before == {each.path for each in later.artifacts.all_newest()}
    assert (world.counts()["backtest_results"], world.counts()["trials"]) == (results, trials)
    assert not prunable(later, instance, keep_days=90).files


def test_records_shrink_once_runs_are_gone_and_say_what_they_said(world, instance):
    for _ in range(6):
        run_job(world, instance, "daily_bars", FIRST, LAST)
    shown = statuses(instance)
    later = in_days(world, 91)
    found = prunable(later, instance, keep_days=90)
    assert found.run_bytes > 0
    assert found.size_bytes >= found.run_bytes
    prune(later, instance, found, keep_days=90)
    index = world.workspace.settings.dagster / "history" / "runs" / "index.db"
    before = index.stat().st_size
    freed = shrink_records(instance)
    assert freed > 0
    assert index.stat().st_size < before
    assert statuses(instance) == shown
    assert run_job(world, instance, "daily_bars", LAST).success
    assert shrink_records(instance) == 0


def test_the_job_says_what_it_removed(world, instance, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_RETENTION_DAYS", "0")
    older = run_job(world, instance, "daily_bars", LAST).run_id
    run_job(world, instance, "daily_bars", LAST)
    result = run_job(world, instance, "maintenance")
    assert result.success
    assert older not in {run.run_id for run in instance.get_runs()}
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("whose partitions and checks all have newer events" in text for text in said)
