"""Backtest results: the row, its trades, its files, its trials."""

import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ScenarioError, UnknownNameError
from trading_pipeline.performance import INTERVAL_NAMES, METRIC_NAMES
from trading_pipeline.stages.backtests.backtest import result_folder
from trading_pipeline.storage.parquet_files import read_frame
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stage_calls import (
    backtest_is_pending,
    materialize_backtest,
    materialize_trials,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

SMA = FILES["scenarios/sma_crossover.yaml"]


def result_row(world, scenario):
    (row,) = [r for r in world.workspace.results.newest() if r["scenario"] == scenario]
    return row


def test_headline_metrics_are_stored_with_their_intervals(world):
    row = result_row(world, "sma_crossover")
    assert {name for name in INTERVAL_NAMES if name not in row} == set()
    for name in ("total_return", "cagr", "annual_volatility", "sharpe"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["sharpe_standard_error"] > 0.0


@pytest.mark.parametrize("scenario", ["sma_crossover", "ml_direction"])
def test_the_row_names_everything_that_made_it(world, scenario):
    row = result_row(world, scenario)
    assert {name for name in METRIC_NAMES if name not in row} == set()
    hashes = ["settings_hash", "bars_hash", "code_hash", "content_hash"]
    if scenario == "ml_direction":
        hashes += ["features_hash", "predictions_hash"]
    assert all(row[name] for name in hashes)
    assert row["instruments"] == "AAPL_1d"
    assert (row["from_ts"].year, row["to_ts"].year) == (2002, 2003)
    assert row["bars"] == 504


@pytest.mark.parametrize("scenario", ["sma_crossover", "ml_direction"])
def test_the_stored_rows_and_files_agree_with_the_metrics(world, scenario):
    row = result_row(world, scenario)
    result_id = row["result_id"]
    trades = pd.DataFrame(world.workspace.results.trades(result_id))
    closed = trades.loc[~trades["is_open"]]
    assert row["trade_count"] in (len(trades), len(closed))
    assert trades["trade_no"].diff().dropna().eq(1).all()
    assert (trades["entry_ts"] < trades["exit_ts"]).loc[closed.index].all()
    folder = world.runtime / result_folder(result_id)
    equity = read_frame(folder / "equity.parquet")
    assert len(equity) == row["bars"]
    assert equity["equity"].iloc[-1] == row["final_equity"]
    np.testing.assert_allclose(equity["cash"] + equity["position_value"], equity["equity"])
    assert equity["equity"].iloc[-1] / 100_000 - 1 == pytest.approx(row["total_return"], abs=1e-12)
    top = equity["equity"].cummax().clip(lower=100_000)
    assert (equity["equity"] / top - 1).min() == pytest.approx(row["max_drawdown"], abs=1e-12)
    benchmark = read_frame(folder / "benchmark.parquet")["equity"]
    assert benchmark.iloc[-1] / 100_000 - 1 == pytest.approx(
        row["benchmark_total_return"], abs=1e-12
    )
    assert trades["pnl"].sum() == pytest.approx(row["final_equity"] - 100_000, abs=1e-6)
    assert world.value("SELECT count(*) FROM daily_results WHERE result_id = ?", result_id) == 504


def test_an_equal_rerun_is_the_same_row(world):
    before = world.counts()
    outcome = materialize_backtest(world.workspace, "AAPL_1d", "sma_crossover")
    assert not outcome.changed
    assert outcome.row == result_row(world, "sma_crossover")
    assert world.counts() == before


def test_lost_files_are_made_again_under_the_same_id(world):
    row = result_row(world, "sma_crossover")
    path = world.runtime / result_folder(row["result_id"]) / "orders.parquet"
    path.unlink()
    assert backtest_is_pending(world.workspace, "AAPL_1d", "sma_crossover")
    outcome = materialize_backtest(world.workspace, "AAPL_1d", "sma_crossover")
    assert (outcome.changed, outcome.row) == (True, row)
    assert path.exists()
    assert world.value("SELECT count(*) FROM trials WHERE study = ''") == 2


def test_every_backtest_counts_as_a_trial_once(world):
    trials = world.workspace.trials
    assert trials.count() == 8  # 7 of the study, of which one is the scenario's, and the model's
    world.write("scenarios/sma_crossover.yaml", SMA.replace("fast: 10", "fast: 11"))
    materialize_backtest(world.workspace, "AAPL_1d", "sma_crossover")
    assert trials.count() == 9
    world.write("scenarios/sma_crossover.yaml", SMA.replace("slippage_bps: 5", "slippage_bps: 6"))
    materialize_backtest(world.workspace, "AAPL_1d", "sma_crossover")
    assert trials.count() == 10
    assert result_row(world, "sma_crossover")["trials_at_creation"] == 10


def test_a_trial_of_a_study_run_alone_has_the_very_same_sharpe(world):
    trials = world.rows("SELECT parameters, sharpe, mean, sd FROM trials WHERE study = 'sma_grid'")
    assert len(trials) == 7
    best = max(trials, key=lambda row: row[1])
    text = SMA.replace("{fast: 10, slow: 30}", best[0])
    world.write("scenarios/alone.yaml", text.replace("name: sma_crossover", "name: alone"))
    row = materialize_backtest(world.workspace, "AAPL_1d", "alone").row
    assert row["sharpe"] == best[1]
    alone = world.rows("SELECT sharpe, mean, sd FROM trials WHERE fold = 'alone'")
    assert alone == [best[1:]]


def test_a_study_that_is_asked_again_adds_no_trial(world):
    before = world.value("SELECT count(*) FROM trials")
    outcome = materialize_trials(world.workspace, "AAPL_1d", "sma_grid")
    assert (outcome.rows, outcome.changed) == (7, False)
    assert world.value("SELECT count(*) FROM trials") == before


def test_a_split_costs_the_holder_nothing(fresh_world):
    fresh_world.write("universe.yaml", "start: 2004-01-01\nend: 2006-01-01\n")
    fresh_world.write(
        "scenarios/held.yaml",
        "name: held\nstrategy: {type: buy_and_hold}\ndates: {start: 2004-01-01, end: 2006-01-01}\n"
        "costs: {commission_bps: 0}\n",
    )
    workspace = fresh_world.workspace
    refresh_universe(workspace)
    refresh_actions(workspace, "AAPL_1d")
    refresh_bars(workspace, "AAPL_1d", workspace.windows())
    row = materialize_backtest(workspace, "AAPL_1d", "held").row
    equity = read_frame(fresh_world.runtime / result_folder(row["result_id"]) / "equity.parquet")
    raw = workspace.bars.read_span("AAPL_1d", None, None)["close"]
    friday, monday = pd.Timestamp("2005-02-25", tz="UTC"), pd.Timestamp("2005-02-28", tz="UTC")
    assert raw[monday] / raw[friday] < 0.55
    assert equity["equity"][monday] / equity["equity"][friday] == pytest.approx(
        2 * raw[monday] / raw[friday], rel=1e-9
    )
    assert abs(equity["equity"][monday] / equity["equity"][friday] - 1) < 0.05
    whole = 2 * raw.iloc[-1] / raw.iloc[0]
    assert row["total_return"] + 1 == pytest.approx(whole, rel=0.03)


def test_an_order_that_never_came_due_is_kept_at_its_decision(world):
    text = SMA.replace("{fast: 10, slow: 30}", "{fast: 6, slow: 20}")
    world.write("scenarios/late.yaml", text.replace("name: sma_crossover", "name: late"))
    row = materialize_backtest(world.workspace, "AAPL_1d", "late").row
    orders = read_frame(world.runtime / result_folder(row["result_id"]) / "orders.parquet")
    assert orders.index.is_monotonic_increasing
    last = orders.iloc[-1]
    assert pd.isna(last["price"])
    assert orders.index[-1] == last["decided_ts"] == row["to_ts"]
    assert orders["price"].iloc[:-1].notna().all()


def test_names_that_nothing_has_are_refused(world):
    workspace = world.workspace
    with pytest.raises(UnknownNameError, match="'sma_crossover'"):
        materialize_backtest(workspace, "AAPL_1d", "sma_crossing")
    with pytest.raises(UnknownNameError, match="'AAPL_1d'"):
        backtest_is_pending(workspace, "AAPL_1D", "sma_crossover")
    with pytest.raises(ScenarioError, match="does not list IBM_1d"):
        materialize_backtest(workspace, "IBM_1d", "sma_crossover")


def test_numbers_that_are_not_defined_are_null_and_never_a_wrong_number(world):
    text = SMA.replace("{fast: 10, slow: 30}", "{fast: 998, slow: 999}")
    world.write("scenarios/idle.yaml", text.replace("name: sma_crossover", "name: idle"))
    row = materialize_backtest(world.workspace, "AAPL_1d", "idle").row
    assert (row["trade_count"], row["total_return"], row["sharpe"]) == (0, 0.0, None)
    assert all(row[n] is None or math.isfinite(row[n]) for n in METRIC_NAMES)


def test_a_scenario_that_lists_an_instrument_still_to_come_is_refused_with_its_file(world):
    text = SMA.replace("[AAPL_1d]", "[AAPL_1d, NEW_1d]")
    path = world.write("scenarios/sma_crossover.yaml", text)
    with pytest.raises(UnknownNameError, match="no instrument 'NEW_1d'") as caught:
        materialize_backtest(world.workspace, "AAPL_1d", "sma_crossover")
    assert str(path) in str(caught.value)
    with pytest.raises(UnknownNameError, match="no instrument 'NEW_1d'"):
        materialize_trials(world.workspace, "AAPL_1d", "sma_grid")
