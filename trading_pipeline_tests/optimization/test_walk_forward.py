"""Walk-forward optimization: folds, choices that see no later bar, and the joined equity."""

import itertools

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.scenario_runner import run_scenario
from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.held_out import inputs_until
from trading_pipeline.optimization.study_run import evaluator_of, run_study
from trading_pipeline.optimization.walk_forward import walk_forward_folds, walked_forward
from trading_pipeline.optimization.walk_forward_summary import walk_forward_summary
from trading_pipeline_tests.optimization.test_study_run import inputs, scenario, study

__all__ = ["inputs"]


def walking(train=2, test=1, **more):
    spec = {"train_windows": train, "test_windows": test, "window": "month"}
    return study(walk_forward=spec, **more)


def days(count, start="2012-01-20"):
    return pd.date_range(start, periods=count, tz="UTC", name="ts")


def test_folds_are_calendar_windows_that_follow_one_another():
    folds = walk_forward_folds(walking(), days(100))  # 12 days of January, then 29, 31, 28
    assert [(f.train, f.test) for f in folds] == [((0, 41), (41, 72)), ((12, 72), (72, 100))]
    assert [f.name for f in folds] == ["wf1", "wf2"]
    longer = walk_forward_folds(walking(train=1, test=2), days(100))
    assert [(f.train, f.test) for f in longer] == [((0, 12), (12, 72)), ((41, 72), (72, 100))]


def test_too_few_windows_are_refused_with_their_number():
    with pytest.raises(OptimizationError, match=r"3 \+ 2 windows of a month.*lie in 4"):
        walk_forward_folds(walking(train=3, test=2), days(100))


def test_what_is_chosen_does_not_depend_on_any_later_bar(inputs):
    asked = walking()
    found = run_study(asked, scenario(), inputs).walk_forward
    rng, index = np.random.default_rng(0), inputs.raw.index
    first = inputs.raw.index.get_loc(pd.Timestamp("2012-03-01", tz="UTC"))
    for number in (0, 3, 6):
        cut = first + found.folds[number].train[1]
        raw = inputs.raw.copy()
        order = rng.permutation(np.arange(cut, len(raw)))
        raw.iloc[cut:] = inputs.raw.iloc[order].to_numpy()
        other = inputs.__class__(**{**vars(inputs), "raw": raw})
        again = run_study(asked, scenario(), other).walk_forward
        told = [None if c is None else c[0] for c in again.chosen[: number + 1]]
        assert told == [None if c is None else c[0] for c in found.chosen[: number + 1]]
    assert len(index) == 400


def test_a_fold_equals_a_study_of_its_dates_bit_for_bit(inputs):
    asked = walking()
    evaluator = evaluator_of(asked, scenario(), inputs)
    fold = walk_forward_folds(asked, evaluator.index)[2]
    stamps = evaluator.index
    dates = {"start": stamps[fold.train[0]].date(), "end": stamps[fold.train[1]].date()}
    alone = run_study(study(), scenario(dates=dates), inputs)
    part = evaluator.part(*fold.train)
    table = evaluator.trials(evaluator.validated(alone.parameters), part).table
    assert table["value"].equals(alone.table["value"])
    assert table["final_equity"].equals(alone.table["final_equity"])


def test_windows_that_keep_their_parameters_are_one_run_and_costs_of_a_change_are_paid(inputs):
    asked, whole = walking(), scenario()
    evaluator = evaluator_of(asked, whole, inputs)
    folds = walk_forward_folds(asked, evaluator.index)[:3]
    first, second = ({"fast": fast, "slow": 15, "direction": "long_short"} for fast in (2, 5))
    row = {"sharpe": 1.0, "mean": 0.001, "value": 1.0}

    def over(chosen):
        return walked_forward(evaluator, folds, [each and (each, row) for each in chosen])

    def alone(params, begin, end, cash):
        dates = {"start": begin.date(), "end": (end + pd.Timedelta(days=1)).date()}
        asked = {"type": "sma_crossover", "params": params}
        one = scenario(dates=dates, strategy=asked, capital={"initial": cash})
        return run_scenario(one, inputs).result

    stamps = evaluator.index
    edges = [(stamps[f.test[0]], stamps[f.test[1] - 1]) for f in folds]
    kept = over([first, first, first])
    single = alone(first, edges[0][0], edges[2][1], 100_000.0)
    assert np.array_equal(kept.equity.to_numpy(), single.equity)
    changed = over([first, first, second])
    before = alone(first, edges[0][0], edges[1][1], 100_000.0)
    upto = len(before.equity) - 2
    assert np.array_equal(changed.equity.to_numpy()[:upto], before.equity[:upto])
    held, price = before.quantity[-3], inputs.raw["open"].loc[edges[1][1]]
    fill = price * (1 - np.sign(held) * 5e-4)  # sold at the last bar's open, 5 bps worse
    cash = before.cash[-3] + held * fill - abs(held) * fill * 1e-3
    assert held != 0.0
    assert changed.equity.loc[edges[1][1]] == pytest.approx(cash, rel=1e-12)
    after = alone(second, *edges[2], float(changed.equity.loc[edges[1][1]]))
    assert np.array_equal(changed.equity.loc[edges[2][0] :].to_numpy(), after.equity)
    chained = 100_000.0 * np.cumprod(1.0 + changed.returns)
    assert changed.equity.to_numpy() == pytest.approx(chained, rel=1e-12)
    idle = over([first, None, None])
    assert idle.equity.loc[edges[1][0] :].nunique() == 1
    assert idle.tested[1]["status"] == "undefined"


def test_efficiency_is_the_sharpe_ratio_outside_over_that_inside(inputs):
    found = run_study(walking(metric="total_return"), scenario(), inputs).walk_forward
    told = walk_forward_summary(found, ["fast", "slow"])
    inside = [chosen[1]["sharpe"] for chosen in found.chosen if chosen is not None]
    returns = found.equity.pct_change()
    returns.iloc[0] = found.equity.iloc[0] / 100_000.0 - 1.0
    sharpe = returns.mean() / returns.std() * np.sqrt(365.0)
    assert told["out_of_sample"]["sharpe"] == pytest.approx(sharpe, rel=1e-9)
    assert told["efficiency"] == pytest.approx(sharpe / np.mean(inside), rel=1e-9)
    assert told["in_sample"]["sharpe"] == pytest.approx(np.mean(inside))
    chosen = [fold["parameters"] for fold in told["folds"]]
    pairs = list(itertools.pairwise(chosen))
    assert told["unchanged"] == pytest.approx(np.mean([a == b for a, b in pairs]))
    slow = [each["slow"] for each in chosen]
    assert told["stability"]["slow"]["values"] == len(set(slow))
    assert told["stability"]["slow"]["largest"] == max(slow)
    assert told["out_of_sample"]["trades"] == sum(fold["trades"] for fold in told["folds"])


def test_the_bars_of_a_frozen_test_change_no_trial(inputs):
    asked = study(frozen=True, test={"start": "2012-10-01"})
    found = run_study(asked, scenario(), inputs)
    assert found.bars == (pd.Timestamp("2012-10-01") - pd.Timestamp("2012-03-01")).days
    raw = inputs.raw.copy()
    raw.loc["2012-10-01":] *= 7.0
    other = inputs.__class__(**{**vars(inputs), "raw": raw})
    assert run_study(asked, scenario(), other).table.equals(found.table)
    seen = inputs_until(inputs, pd.Timestamp("2012-10-01", tz="UTC").to_pydatetime())
    assert seen.raw.index[-1] == pd.Timestamp("2012-09-30", tz="UTC")
    assert len(seen.known_at) == len(seen.factors) == len(seen.raw)
    assert inputs_until(inputs, None) is inputs


@pytest.mark.parametrize("test", [{"start": "2012-03-01"}, {"start": "2013-01-01"}])
def test_a_test_outside_the_scenarios_dates_is_refused(inputs, test):
    dated = scenario(dates={"start": "2012-03-01", "end": "2012-12-01"})
    with pytest.raises(OptimizationError, match=r"'own' trades 2012-03-01/2012-12-01"):
        run_study(study(frozen=True, test=test), dated, inputs)
