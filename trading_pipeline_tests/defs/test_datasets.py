"""The inbox as Dagster sees it: the sensor, the asset, its checks."""

import json
import os

import dagster as dg
import pytest

from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.universe_writer import archive_instrument
from trading_pipeline_tests.pipeline_world import cause_of_failure, run_job
from trading_pipeline_tests.stage_calls import refresh_bars
from trading_pipeline_tests.stages.datasets.test_profiles import ANSWERS, index_bars
from trading_pipeline_tests.stages.datasets.test_registration import conflicting


@pytest.fixture
def inbox(fresh_world):
    folder = fresh_world.runtime / "inbox"
    folder.mkdir(parents=True)
    return folder


def put(path, text):
    path.write_text(text, encoding="utf-8")
    os.utime(path, (1_000_000_000, 1_000_000_000))


def tick(world, instance, cursor=None):
    """One evaluation of the sensor by definitions made of the files as they are now."""
    definitions = world.definitions()
    sensor = definitions.resolve_sensor_def("inbox")
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=definitions.get_repository_def()
    )
    return sensor(context)


def keys(result):
    return [(r.job_name, r.partition_key) for r in result.run_requests]


def checks(result):
    return {e.check_name: e for e in result.get_asset_check_evaluations()}


def test_a_file_is_profiled_answered_registered_and_fetched_by_the_sensors_runs(
    inbox, fresh_world, instance
):
    put(inbox / "nifty.csv", index_bars().to_csv(index=False))
    first = tick(fresh_world, instance)
    assert keys(first) == [("datasets", "nifty.csv")]
    (added,) = first.dynamic_partitions_requests
    instance.add_dynamic_partitions("datasets", list(added.partition_keys))

    waits = run_job(fresh_world, instance, "datasets", "nifty.csv")
    assert waits.success
    assert checks(waits)["accepted"].passed
    assert not checks(waits)["decided"].passed
    assert "--tz Asia/Kolkata" in checks(waits)["decided"].description
    assert isinstance(tick(fresh_world, instance, first.cursor), dg.SkipReason)

    put(inbox / "nifty.csv.yaml", ANSWERS)
    second = tick(fresh_world, instance, first.cursor)
    assert keys(second) == [("datasets", "nifty.csv")]
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
    registered = run_job(fresh_world, instance, "datasets", "nifty.csv")
    assert all(check.passed for check in checks(registered).values())
    assert "NIFTY_1m" in instance.get_dynamic_partitions("instruments")

    third = tick(fresh_world, instance, second.cursor)
    assert keys(third) == [("bars_of_files", "NIFTY_1m|2012-01-01")]
    assert isinstance(tick(fresh_world, instance, third.cursor), dg.SkipReason)


def test_windows_that_the_definitions_do_not_have_yet_wait_for_a_reload(
    inbox, fresh_world, instance
):
    put(inbox / "nifty.csv", index_bars().to_csv(index=False))
    put(inbox / "nifty.csv.yaml", ANSWERS)
    old = fresh_world.definitions()
    instance.add_dynamic_partitions("datasets", ["nifty.csv"])
    made = run_job(fresh_world, instance, "datasets", "nifty.csv")
    assert made.success, cause_of_failure(made)
    sensor = old.resolve_sensor_def("inbox")
    seen = tick(fresh_world, instance).cursor
    cursor = json.dumps({"files": json.loads(seen)["files"], "bars": {}})
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=old.get_repository_def()
    )
    skipped = sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "reload the code location" in skipped.skip_message


def test_a_refused_file_turns_its_check_red_and_not_the_run(inbox, fresh_world, instance):
    put(inbox / "notes.csv", "who,what\nme,nothing\n")
    instance.add_dynamic_partitions("datasets", ["notes.csv"])
    result = run_job(fresh_world, instance, "datasets", "notes.csv")
    assert result.success
    refused = checks(result)["accepted"]
    assert not refused.passed
    assert refused.severity is dg.AssetCheckSeverity.ERROR
    assert "No column for open" in refused.description
    assert instance.get_dynamic_partitions("instruments") == ["AAPL_1d", "IBM_1d", "FB_1d"]


def test_what_was_registered_and_fetched_before_counts_as_seen(inbox, fresh_world, instance):
    put(inbox / "nifty.csv", index_bars().to_csv(index=False))
    put(inbox / "nifty.csv.yaml", ANSWERS)
    instance.add_dynamic_partitions("datasets", ["nifty.csv"])
    assert run_job(fresh_world, instance, "datasets", "nifty.csv").success
    unfetched = tick(fresh_world, instance)
    assert keys(unfetched) == [("bars_of_files", "NIFTY_1m|2012-01-01")]
    workspace = fresh_world.workspace
    refresh_bars(workspace, "NIFTY_1m", workspace.windows_of("NIFTY_1m"))
    assert isinstance(tick(fresh_world, instance), dg.SkipReason)
    put(inbox / "nifty.csv", index_bars(days=4).to_csv(index=False))
    assert keys(tick(fresh_world, instance)) == [("datasets", "nifty.csv")]


def test_the_sensor_leaves_an_archived_instrument_archived_and_says_so(
    inbox, fresh_world, instance
):
    put(inbox / "nifty.csv", index_bars().to_csv(index=False))
    put(inbox / "nifty.csv.yaml", ANSWERS)
    instance.add_dynamic_partitions("datasets", ["nifty.csv"])
    assert run_job(fresh_world, instance, "datasets", "nifty.csv").success
    for name in ("FB_1d", "NIFTY_1m"):
        archive_instrument(load_settings().config, name)
    before = (load_settings().config / "universe.yaml").read_text("utf-8")
    skipped = tick(fresh_world, instance)
    assert isinstance(skipped, dg.SkipReason)
    back = "NIFTY_1m is archived; bring it back with: trading-pipeline universe add NIFTY"
    assert back in skipped.skip_message
    put(inbox / "nifty.csv", index_bars(days=4).to_csv(index=False))
    result = run_job(fresh_world, instance, "datasets", "nifty.csv")
    assert not checks(result)["decided"].passed
    assert back in checks(result)["decided"].description
    assert (load_settings().config / "universe.yaml").read_text("utf-8") == before


def test_a_file_that_a_check_keeps_out_turns_accepted_red_and_is_registered_nowhere(
    inbox, fresh_world, instance
):
    put(inbox / "nifty.csv", conflicting(index_bars()).to_csv(index=False))
    put(inbox / "nifty.csv.yaml", ANSWERS)
    instance.add_dynamic_partitions("datasets", ["nifty.csv"])
    result = run_job(fresh_world, instance, "datasets", "nifty.csv")
    assert result.success
    assert "--duplicates first" in checks(result)["accepted"].description
    assert "NIFTY_1m" not in instance.get_dynamic_partitions("instruments")


@pytest.mark.parametrize("name", ["my prices.csv", "börse.csv", "a;b.csv", "_x.parquet"])
def test_a_file_with_an_improper_name_waits_and_the_sensor_says_so(
    inbox, fresh_world, instance, name
):
    put(inbox / name, "who,what\n")
    skipped = tick(fresh_world, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert f"{name!r} in the inbox waits for a proper name" in skipped.skip_message


def test_an_empty_inbox_asks_for_nothing(fresh_world, instance):
    skipped = tick(fresh_world, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "No new or changed file" in skipped.skip_message
    assert not load_settings().inbox.exists()
