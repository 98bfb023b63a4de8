"""What a refetch makes stale, of the check of each name, and of schedules."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.resources import MarketDataResource
from trading_pipeline.market_data.quality.findings import CHECK_NAMES, ERROR_CHECKS
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.pipeline_world import (
    SOURCE,
    bring_up_to_date,
    failed_checks,
    materialized,
    run_job,
)
from trading_pipeline_tests.stage_calls import refresh_actions, refresh_bars, refresh_universe

CHAIN, FEATURES = "bars_to_predictions", dg.AssetKey(["features", "core"])
WINDOWS = [f"AAPL_1d|{year}-01-01" for year in range(2000, 2004)]
FIRST, LAST = WINDOWS[0], WINDOWS[3]


def status(world, instance, partition, asset=FEATURES):
    graph = world.definitions().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(asset, partition)


def more_volume(_, frame):
    frame = frame.copy()
    frame.iloc[20, frame.columns.get_loc("volume")] += 100.0
    return frame


def test_an_unchanged_refetch_of_a_window_leaves_what_stands_on_it_fresh(world, instance):
    for partition in WINDOWS[:2]:
        assert run_job(world, instance, CHAIN, partition, assets=["bars"]).success
    assert run_job(world, instance, CHAIN, WINDOWS[1], assets=["features/core"]).success
    assert status(world, instance, WINDOWS[1]) == StaleStatus.FRESH

    before = world.counts()
    again = run_job(world, instance, CHAIN, WINDOWS[1], assets=["bars"], config={"refetch": True})
    assert again.success
    assert [request.start.year for request in SOURCE.requests] == [2001]
    assert status(world, instance, WINDOWS[1]) == StaleStatus.FRESH
    assert world.counts() == before | {"fetch_log": before["fetch_log"] + 1}

    SOURCE.answers[WINDOWS[1]] = more_volume
    changed = run_job(world, instance, CHAIN, WINDOWS[1], assets=["bars"], config={"refetch": True})
    assert failed_checks(changed) == {"restatement"}
    assert changed.success
    assert status(world, instance, WINDOWS[1]) == StaleStatus.STALE
    assert run_job(world, instance, CHAIN, WINDOWS[1], assets=["features/core"]).success
    assert status(world, instance, WINDOWS[1]) == StaleStatus.FRESH


def test_a_second_materialization_of_every_window_makes_nothing_stale(world, instance):
    assets = ["bars", "features/core", "labels/direction"]
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=assets).success
    before = world.counts()
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=["bars"]).success
    assert {status(world, instance, partition) for partition in WINDOWS} == {StaleStatus.FRESH}
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=assets).success
    for asset in ("features/core", "labels/direction"):
        key = dg.AssetKey(asset.split("/"))
        found = {status(world, instance, partition, key) for partition in WINDOWS}
        assert found == {StaleStatus.FRESH}
    assert world.counts() == before
    assert SOURCE.asked == []


def test_a_ranged_run_that_changed_a_window_leaves_nothing_fresh_by_mistake(world, instance):
    assets = ["bars", "features/core"]
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=assets).success
    SOURCE.answers[LAST] = more_volume
    config = {"refetch": True}
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=["bars"], config=config).success
    assert status(world, instance, LAST) == StaleStatus.STALE
    hashes = world.artifact_hashes("features/core")
    assert run_job(world, instance, CHAIN, FIRST, LAST, assets=["features/core"]).success
    after = world.artifact_hashes("features/core")
    assert [key for key in after if after[key] != hashes[key]] == [LAST]
    assert status(world, instance, LAST) == StaleStatus.FRESH


def test_every_name_of_the_quality_record_is_a_check_with_its_metadata(world, instance):
    SOURCE.answers[LAST] = lambda _, frame: frame.drop(frame.index[100])
    result = run_job(world, instance, CHAIN, LAST, assets=["bars"], config={"refetch": True})
    assert result.success
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert set(found) == set(CHECK_NAMES)
    assert {name for name, each in found.items() if each.blocking} == set(ERROR_CHECKS)
    assert failed_checks(result) == {"gap", "restatement"}
    gap = found["gap"]
    assert gap.severity == dg.AssetCheckSeverity.WARN
    assert gap.metadata["windows"].value == LAST
    assert gap.metadata["examples"].records[0].data["ts"].startswith("2003-05-28")
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["quality_score"].value == pytest.approx(251 / 252 * 0.99)
    assert isinstance(metadata["quality_score"], dg.FloatMetadataValue)
    assert metadata["coverage"].value == pytest.approx(251 / 252)


@pytest.mark.slow
def test_run_with_refetch_asks_for_all_windows_and_computes_nothing_that_did_not_change(world):
    before = world.counts()
    full_pass = world.full_pass()
    missing = full_pass.chain("AAPL_1d", ["direction"], full_pass.workspace.windows(), refetch=True)
    chain = (
        "bars",
        "features/core",
        "labels/direction",
        "models/direction",
        "predictions/direction",
    )
    assert missing == dict.fromkeys(chain, 4)
    assert [request.start.year for request in SOURCE.requests] == [2000, 2001, 2002, 2003]
    assert world.counts() == before | {"fetch_log": before["fetch_log"] + 4}
    assert [run.job for run in bring_up_to_date(world).runner.runs] == []


class TestSchedules:
    def requests(self, world, instance, name, definitions=None):
        definitions = definitions or world.definitions()
        schedule = definitions.resolve_schedule_def(name)
        with dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2026, 1, 5, 23, 30, tzinfo=UTC),
            resources={"workspace": definitions.resources["workspace"]},
            repository_def=definitions.get_repository_def(),
        ) as context:
            return schedule.evaluate_tick(context)

    @pytest.fixture
    def stored_instance(self, tmp_path):
        """An instance on disk, as schedules need it."""
        with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
            yield opened

    def test_final_windows_are_skipped_with_a_reason(self, fresh_world, stored_instance):
        workspace = fresh_world.tampered
        refresh_universe(workspace)
        refresh_actions(workspace, "AAPL_1d")
        refresh_bars(workspace, "AAPL_1d", workspace.windows())
        stored_instance.add_dynamic_partitions("instruments", ["AAPL_1d"])
        for name in ("daily_bars", "daily_corporate_actions"):
            data = self.requests(fresh_world, stored_instance, name)
            assert not data.run_requests
            assert data.skip_message

    def test_every_window_that_runs_or_settles_is_a_run_of_its_own(
        self, fresh_world, stored_instance
    ):
        stored_instance.add_dynamic_partitions("instruments", ["AAPL_1d", "FB_1d"])
        fresh_world.write("universe.yaml", "start: 2003-01-01\nend: null\n")
        refresh_universe(fresh_world.tampered)
        data = self.requests(fresh_world, stored_instance, "daily_bars")
        keys = [request.partition_key for request in data.run_requests]
        assert keys[:2] == ["AAPL_1d|2003-01-01", "AAPL_1d|2004-01-01"]
        assert {key.split("|")[0] for key in keys} == {"AAPL_1d", "FB_1d"}
        assert len({request.run_key for request in data.run_requests}) == len(keys)
        assert data.run_requests[0].run_key == "2026-01-05|AAPL_1d|2003-01-01"
        data = self.requests(fresh_world, stored_instance, "daily_corporate_actions")
        assert [request.partition_key for request in data.run_requests] == ["AAPL_1d", "FB_1d"]

    def test_windows_that_are_not_known_yet_stop_no_other_instrument(
        self, fresh_world, stored_instance
    ):
        loaded_before = fresh_world.definitions()
        longer = "{symbol: IBM, timeframe: 1d, source: bundled, start: 2003-01-01, end: 2006-01-01}"
        fresh_world.write(
            "universe.yaml", f"start: 2003-01-01\nend: 2004-01-01\ninstruments: [{longer}]\n"
        )
        refresh_universe(fresh_world.tampered)
        stored_instance.add_dynamic_partitions("instruments", ["AAPL_1d", "IBM_1d"])
        data = self.requests(fresh_world, stored_instance, "daily_bars", loaded_before)
        keys = [request.partition_key for request in data.run_requests]
        assert keys == ["AAPL_1d|2003-01-01", "IBM_1d|2003-01-01"]
        data = self.requests(fresh_world, stored_instance, "daily_bars")
        assert data.run_requests[-1].partition_key == "IBM_1d|2005-01-01"

    def test_they_are_stopped_until_somebody_starts_them(self):
        definitions = build_definitions(
            load_catalog(load_settings().config), market_data=MarketDataResource()
        )
        for name in ("daily_bars", "daily_corporate_actions"):
            schedule = definitions.resolve_schedule_def(name)
            assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
            assert schedule.execution_timezone == "UTC"

    def test_a_run_of_the_schedule_sets_the_content_hash_as_data_version(self, world, instance):
        result = run_job(world, instance, "daily_bars", LAST)
        assert materialized(result) == {"bars"}
        (event,) = result.get_asset_materialization_events()
        stored = world.workspace.bars.newest_attempts("AAPL_1d")["2003-01-01"].content_hash
        assert event.materialization.tags["dagster/data_version"] == stored[:32]
