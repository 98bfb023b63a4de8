"""Runs that ask for what is not there, as the UI would start them."""

import dagster as dg
import pytest

from trading_pipeline_tests.pipeline_world import cause_of_failure, run_job


def test_a_range_of_instruments_in_reverse_is_an_error(world, instance):
    result = run_job(
        world, instance, "bars_to_predictions", "IBM_1d|2000-01-01", "AAPL_1d|2003-01-01"
    )
    assert not result.success
    assert "UnknownNameError" in cause_of_failure(result)
    assert "IBM_1d|2000-01-01...AAPL_1d|2003-01-01 holds no partition" in cause_of_failure(result)


def test_a_range_over_instruments_works_through_each_of_them(world, instance):
    result = run_job(
        world,
        instance,
        "bars_to_predictions",
        "AAPL_1d|2002-01-01",
        "IBM_1d|2003-01-01",
        assets=["bars"],
    )
    assert result.success
    found = world.rows("SELECT \"window\" FROM fetch_log WHERE instrument = 'IBM_1d' ORDER BY ALL")
    assert found == [("2002-01-01",), ("2003-01-01",)]


def test_a_backtest_on_an_instrument_that_is_not_listed_names_the_scenario(world, instance):
    result = run_job(world, instance, "backtests", "IBM_1d|sma_crossover")
    assert not result.success
    assert "ScenarioError" in cause_of_failure(result)
    assert "'sma_crossover' does not list IBM_1d" in cause_of_failure(result)


@pytest.mark.parametrize(
    ("partitions", "stale", "job", "key", "text"),
    [
        ("instruments", "IBN_1d", "corporate_actions_job", "IBN_1d", "instrument 'IBN_1d'"),
        ("instruments", "IBN_1d", "bars_to_predictions", "IBN_1d|2000-01-01", "'IBM_1d'"),
        (
            "instrument_scenarios",
            "AAPL_1d|sma_cross",
            "backtests",
            "AAPL_1d|sma_cross",
            "'sma_crossover'",
        ),
        (
            "instrument_studies",
            "AAPL_1d|sma_gird",
            "optimization",
            "AAPL_1d|sma_gird",
            "'sma_grid'",
        ),
    ],
)
def test_a_key_whose_file_is_gone_is_refused_with_the_closest_name(
    world, instance, partitions, stale, job, key, text
):
    instance.add_dynamic_partitions(partitions, [stale])
    result = run_job(world, instance, job, key)
    assert not result.success
    assert "UnknownNameError" in cause_of_failure(result)
    assert text in cause_of_failure(result)


@pytest.mark.parametrize(
    ("job", "key"),
    [
        ("corporate_actions_job", "TSLA_1d"),
        ("backtests", "FB_1d|sma_crossover"),  # the scenario lists AAPL alone
        ("optimization", "FB_1d|sma_grid"),
    ],
)
def test_what_is_not_listed_is_refused_by_dagster_before_a_run_begins(world, instance, job, key):
    with pytest.raises(dg.DagsterUnknownPartitionError):
        run_job(world, instance, job, key)
    assert instance.get_runs_count() == 0


def test_a_study_before_its_bars_says_what_to_materialize(fresh_world, instance):
    result = run_job(fresh_world, instance, "optimization", "AAPL_1d|sma_grid")
    assert "InsufficientDataError" in cause_of_failure(result)
    assert "trading-pipeline run AAPL_1d" in cause_of_failure(result)


def test_a_tear_sheet_before_its_backtest_says_so(fresh_world, instance):
    result = run_job(
        fresh_world, instance, "backtests", "AAPL_1d|sma_crossover", assets=["tearsheet"]
    )
    assert "There is no result of 'backtest' for AAPL_1d|sma_crossover yet" in cause_of_failure(
        result
    )
