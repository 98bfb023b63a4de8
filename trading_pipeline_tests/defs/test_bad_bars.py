"""Runs whose source gives wrong bars, no bars, or no answer."""

import pandas as pd
import pytest

from trading_pipeline.errors import RetryableFetchError
from trading_pipeline_tests.pipeline_world import (
    SOURCE,
    WINDOWS,
    cause_of_failure,
    failed_checks,
    materialized,
    run_job,
)
from trading_pipeline_tests.stage_calls import refresh_actions, refresh_bars, refresh_universe

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"
CHAIN = "bars_to_predictions"
UNIVERSE = "start: 2000-01-01\nend: {end}\n"


def high_below_low(_, frame):
    changed = frame.copy()
    changed.iloc[3, changed.columns.get_loc("high")] = changed["low"].iloc[3] * 0.5
    return changed


def a_day_twice(_, frame):
    return pd.concat([frame.iloc[:5], frame.iloc[4:]])


def negative_price(_, frame):
    changed = frame.copy()
    changed.iloc[7] = [-1.0, -1.0, -1.0, -1.0, 5.0]
    return changed


def half_of_the_days(_, frame):
    return frame.iloc[::2]


def time_out(_, frame):
    raise RetryableFetchError("The server did not answer within 10 s. Try again.")


@pytest.fixture
def half_year(fresh_world):
    """Bars of 2003 up to June are stored; the universe now goes on to the end of the year."""
    fresh_world.write("universe.yaml", UNIVERSE.format(end="2003-06-01"))
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    refresh_actions(workspace, "AAPL_1d")
    refresh_bars(workspace, "AAPL_1d", workspace.windows(WINDOWS[3:]))
    fresh_world.write("universe.yaml", UNIVERSE.format(end="2004-01-01"))
    return fresh_world


def stored(world, since="2003-01-01", before="2004-01-01"):
    return world.workspace.bars.read_span(
        "AAPL_1d", pd.Timestamp(since, tz="UTC"), pd.Timestamp(before, tz="UTC")
    )


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        (high_below_low, {"ohlc"}),
        (a_day_twice, {"duplicate_ts"}),
        (negative_price, {"positive"}),
        (half_of_the_days, {"gap"}),
    ],
)
def test_bad_bars_are_kept_out_and_stop_all_that_stands_on_them(half_year, instance, fault, checks):
    world, before = half_year, stored(half_year)
    SOURCE.answers[LAST] = fault
    result = run_job(world, instance, CHAIN, FIRST, LAST)

    assert not result.success
    assert failed_checks(result) - {"coverage", "restatement", "extra_bar"} == checks
    assert materialized(result) == {"bars"}
    pd.testing.assert_frame_equal(stored(world), before, check_exact=True)
    assert world.value("SELECT count(DISTINCT year(ts)) FROM bars WHERE ts < '2003-01-01'") == 3
    assert world.value("SELECT count(*) FROM bars_rejected") > 100
    found = world.rows(
        "SELECT DISTINCT check_name FROM quality_findings "
        "WHERE severity = 'ERROR' AND \"window\" = '2003-01-01'"
    )
    assert {name for (name,) in found} == checks
    (evaluation,) = [e for e in result.get_asset_check_evaluations() if e.check_name in checks]
    assert evaluation.metadata["windows"].value == LAST
    assert world.value("SELECT count(*) FROM artifacts WHERE asset LIKE 'features/%'") == 0


@pytest.mark.slow
def test_no_later_run_builds_on_rejected_bars_and_a_mended_source_heals_all(half_year, instance):
    world = half_year
    SOURCE.answers[LAST] = high_below_low
    assert not run_job(world, instance, CHAIN, FIRST, LAST).success

    later = run_job(world, instance, CHAIN, LAST, assets=["features/core"])
    assert not later.success
    assert "DataQualityError: The newest bars of AAPL_1d" in cause_of_failure(later)
    earlier = run_job(world, instance, CHAIN, FIRST, assets=["features/core"])
    assert earlier.success

    SOURCE.reset()
    assert run_job(world, instance, CHAIN, FIRST, LAST).success
    assert SOURCE.asked == [LAST]
    assert len(stored(world)) == 252
    assert world.value("SELECT count(*) FROM artifacts WHERE asset = 'predictions/direction'") == 4


def test_a_source_that_does_not_answer_leaves_the_old_bars_valid(half_year, instance):
    world, before = half_year, stored(half_year)
    SOURCE.answers["AAPL_1d|2001-01-01"] = time_out
    SOURCE.answers[LAST] = time_out
    result = run_job(world, instance, CHAIN, FIRST, LAST)

    assert not result.success
    text = cause_of_failure(result)
    assert "RetryableFetchError" in text
    assert "2001-01-01, 2003-01-01. The server did not answer" in text
    pd.testing.assert_frame_equal(stored(world), before, check_exact=True)
    assert len(stored(world, "2002-01-01", "2003-01-01")) == 252
    logged = world.rows(
        "SELECT \"window\", reason FROM fetch_log WHERE status = 'failed' ORDER BY ALL"
    )
    assert [key for key, _ in logged] == ["2001-01-01", "2003-01-01"]
    assert all("did not answer" in reason for _, reason in logged)
    attempts = world.workspace.bars.newest_attempts("AAPL_1d")
    assert attempts["2003-01-01"].status == "ok"
    assert "2001-01-01" not in attempts


def test_no_bars_where_the_calendar_has_sessions_is_an_error(half_year, instance):
    SOURCE.answers["AAPL_1d|2002-01-01"] = lambda _, frame: frame.iloc[:0]
    result = run_job(half_year, instance, CHAIN, FIRST, LAST)
    assert not result.success
    assert "MissingDataError" in cause_of_failure(result)
    assert "gave no bar of AAPL_1d from 2002-01-01 to 2003-01-01" in cause_of_failure(result)
    assert materialized(result) == set()


def test_windows_before_a_listing_are_there_without_rows(fresh_world, instance):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    result = run_job(fresh_world, instance, CHAIN, "FB_1d|2000-01-01", "FB_1d|2003-01-01")
    assert result.success
    statuses = fresh_world.rows("SELECT DISTINCT status, rows FROM fetch_log")
    assert statuses == [("not_listed", 0)]
    found = dict(
        fresh_world.rows("SELECT DISTINCT asset, status FROM artifacts WHERE asset LIKE '%/%'")
    )
    assert found == {
        "features/core": "not_listed",
        "labels/direction": "not_listed",
        "models/autoregressive": "no_model",
        "models/direction": "no_model",
        "models/multi_ohlc": "no_model",
        "predictions/autoregressive": "no_model",
        "predictions/direction": "no_model",
        "predictions/multi_ohlc": "no_model",
    }
    assert fresh_world.value("SELECT count(*) FROM bars") == 0
    assert SOURCE.asked == []
