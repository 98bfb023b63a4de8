"""The published study of 42 crossovers on S&P 500, from a file of bars to its summary."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.stages.backtests.study import study_summary
from trading_pipeline_tests.pipeline_world import World
from trading_pipeline_tests.stage_calls import (
    materialize_summary,
    materialize_trials,
    refresh_actions,
    refresh_bars,
    refresh_dataset,
    refresh_universe,
)

SCENARIO = """
name: sp500_crossover
strategy: {type: sma_crossover, params: {fast: 50, slow: 250, start: state}}
instruments: [SPX_1d]
dates: {start: 1999-12-29}
costs: {commission_bps: 0}
execution: {fill: same_close}
"""
STUDY = """
name: sp500_crossovers
strategy: sma_crossover
scenario: sp500_crossover
space:
  fast: {values: [5, 10, 20, 30, 40, 50]}
  slow: {values: [60, 80, 100, 120, 150, 200, 250]}
ledger: own
"""


def closes() -> pd.DataFrame:
    """Daily bars of S&P 500, 1999 to 2018, from the package arch: adjusted closes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arch.data import sp500

        given = sp500.load()
    bars = given.rename(columns=str.lower)[["open", "high", "low", "adj close", "volume"]]
    bars = bars.rename(columns={"adj close": "close"})
    prices = bars[["open", "high", "low", "close"]]
    bars = bars.assign(high=prices.max(axis=1), low=prices.min(axis=1))
    return bars.rename_axis("date").reset_index()


def summary_of(world: World, scenario: str, bars: pd.DataFrame) -> dict:
    world.write("scenarios/sp500_crossover.yaml", scenario)
    world.write("studies/sp500_crossovers.yaml", STUDY)
    folder = world.runtime / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    bars.to_csv(folder / "sp500.csv", index=False)
    (folder / "sp500.csv.yaml").write_text("symbol: SPX\ncalendar: XNYS\n", encoding="utf-8")
    outcome = refresh_dataset(world.workspace, "sp500.csv")
    assert (outcome.status, outcome.instrument) == ("ok", "SPX_1d")
    refresh_universe(world.workspace)
    refresh_actions(world.workspace, "SPX_1d")
    workspace = world.workspace
    refresh_bars(workspace, "SPX_1d", workspace.windows_of("SPX_1d"))
    materialize_trials(workspace, "SPX_1d", "sp500_crossovers")
    materialize_summary(workspace, "SPX_1d", "sp500_crossovers")
    return study_summary(workspace, "SPX_1d", "sp500_crossovers")


@pytest.mark.slow
def test_the_published_42_crossovers_come_out_of_a_study_file(fresh_world):
    found = summary_of(fresh_world, SCENARIO, closes())
    best = json.loads(found["best_parameters"])
    assert (best["fast"], best["slow"], found["trials"]) == (50, 250, 42)
    assert found["sharpe"] == found["best_value"] == pytest.approx(0.5274, abs=5e-5)
    assert found["benchmark_sharpe"] == pytest.approx(0.2440, abs=1e-4)
    assert found["plain_probabilistic_sharpe_ratio"] == pytest.approx(0.9886, abs=5e-5)
    assert found["own_plain_deflated_sharpe_ratio"] == pytest.approx(0.8990, abs=5e-5)
    assert found["own_trials"] == found["trials_in_ledger"] == 42  # the ledger was empty
    assert found["plain_deflated_sharpe_ratio"] == found["own_plain_deflated_sharpe_ratio"]
    assert 0.43 <= round(found["pbo"]["probability"], 2) <= 0.50
    assert found["spa"]["against_holding"]["p_value"] == pytest.approx(0.545, abs=0.05)
    assert found["stepm"]["against_holding"]["trials"] == []
    assert found["verdict_in_words"] == f"{found['verdict']}."
    assert found["verdict"] == "Worthless: it looks ahead"  # fills at the close that it knows

    others = [
        {"strategy": "x", "parameters_hash": f"p{n}", "settings_hash": "s", "sharpe": ratio}
        for n, ratio in enumerate(np.random.default_rng(2).normal(0.3, 0.3, 200).tolist())
    ]
    fresh_world.workspace.trials.append([row | {"instrument": "SPX_1d"} for row in others])
    later = study_summary(fresh_world.workspace, "SPX_1d", "sp500_crossovers")
    assert later["own_plain_deflated_sharpe_ratio"] == found["own_plain_deflated_sharpe_ratio"]
    assert later["trials_in_ledger"] == 242
    assert later["plain_deflated_sharpe_ratio"] < 0.5


@pytest.mark.slow
def test_opens_that_equal_the_last_close_give_the_same_numbers_without_looking_ahead(fresh_world):
    bars = closes()
    bars = bars.assign(open=bars["close"].shift(1).fillna(bars["open"]))
    prices = bars[["open", "high", "low", "close"]]
    bars = bars.assign(high=prices.max(axis=1), low=prices.min(axis=1))
    found = summary_of(fresh_world, SCENARIO.replace("same_close", "next_open"), bars)
    assert found["sharpe"] == pytest.approx(0.5274, abs=5e-5)
    assert found["own_plain_deflated_sharpe_ratio"] == pytest.approx(0.8990, abs=5e-5)
    assert "looks ahead" not in found["verdict"]
