"""Dynamic partition keys: what is listed has one, and nothing else keeps one."""

import dagster as dg
import pytest

from trading_pipeline.defs.partition_keys import bring_in_keys, keys_are_missing
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stage_calls import refresh_universe

SCENARIO = "scenarios/sma_crossover.yaml"


@pytest.fixture
def records():
    """Dagster's records, still empty."""
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def pairs(records, scenario):
    known = records.get_dynamic_partitions("instrument_scenarios")
    return [key.split("|")[0] for key in known if key.endswith(f"|{scenario}")]


def test_a_pair_has_a_key_where_its_scenario_lists_the_instrument(fresh_world, records):
    assert keys_are_missing(records, fresh_world.workspace)
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == ["AAPL_1d"]
    assert not keys_are_missing(records, fresh_world.workspace)
    fresh_world.write(SCENARIO, FILES[SCENARIO].replace("[AAPL_1d]", "[IBM_1d, MSFT_1d]"))
    assert keys_are_missing(records, fresh_world.workspace)
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == ["IBM_1d", "MSFT_1d"]


def test_a_scenario_without_a_list_means_all_but_what_waits_and_what_is_archived(
    fresh_world, records
):
    fresh_world.write(SCENARIO, FILES[SCENARIO].replace("instruments: [AAPL_1d]\n", ""))
    waiting = FILES[SCENARIO].replace("[AAPL_1d]", "[AAPL_1d, NIFTY_1m]")
    fresh_world.write(
        "scenarios/waiting.yaml", waiting.replace("name: sma_crossover", "name: waiting")
    )
    universe = FILES["universe.yaml"] + "archived: [GOOG_1d]\n"
    records.add_dynamic_partitions("instruments", ["GOOG_1d"])
    fresh_world.write("universe.yaml", universe)
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == ["AAPL_1d", "IBM_1d", "MSFT_1d", "FB_1d"]
    assert pairs(records, "waiting") == []
    assert "GOOG_1d" not in records.get_dynamic_partitions("instruments")


def test_a_listing_outside_the_dates_is_left_out_unless_there_is_a_result(fresh_world, records):
    late = "{start: 2013-06-01, end: 2014-01-01}"  # after the last bundled bar
    text = FILES[SCENARIO].replace("instruments: [AAPL_1d]\n", "")
    fresh_world.write(SCENARIO, text.replace("{start: 2002-01-01, end: 2004-01-01}", late))
    refresh_universe(fresh_world.workspace)  # says when each was listed
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == []
    made = Artifact(
        asset="backtest",
        partition="AAPL_1d|sma_crossover",
        status="ok",
        input_hash="of other dates",
        code_hash="0",
        run_id="earlier",
    )
    fresh_world.workspace.artifacts.record([made])
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == ["AAPL_1d"]


def test_the_two_dimensions_of_earlier_versions_lose_their_keys(fresh_world, records):
    records.add_dynamic_partitions("scenarios", ["sma_crossover"])
    records.add_dynamic_partitions("studies", ["sma_grid"])
    bring_in_keys(records, fresh_world.workspace)
    assert records.get_dynamic_partitions("scenarios") == []
    assert records.get_dynamic_partitions("studies") == []
    assert records.get_dynamic_partitions("instrument_studies") == ["AAPL_1d|sma_grid"]


def test_while_a_file_is_left_out_no_pair_loses_its_key(fresh_world, records):
    bring_in_keys(records, fresh_world.workspace)
    known = pairs(records, "sma_crossover")
    fresh_world.write(SCENARIO, "name: [\n")
    assert not keys_are_missing(records, fresh_world.workspace)
    bring_in_keys(records, fresh_world.workspace)
    assert pairs(records, "sma_crossover") == known == ["AAPL_1d"]
