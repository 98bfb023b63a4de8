"""The fast sweep: equal to single runs bit for bit, stoppable, in any number of threads."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import (
    SWEEP_COLUMNS,
    BacktestSettings,
    CrossingPlan,
    run_backtest,
    run_signal_sweep,
    run_sweep,
    validate_bars,
)
from trading_pipeline.errors import RunCancelledError, StrategyError, UnknownNameError
from trading_pipeline_tests.backtest.random_markets import (
    action,
    bar_rows,
    flat_bars,
    frame,
    golden_market,
    settings_for,
)

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
COSTS = BacktestSettings(initial_cash=1e6, commission_bps=10)


def averages(name, windows):
    bars = validate_bars(golden_market(name))
    close = bars.frame["close"]
    return bars, np.array([close.rolling(window).mean().to_numpy() for window in windows])


def bits(table):
    return table[list(SWEEP_COLUMNS)].to_numpy(dtype=np.float64).tobytes()


@given(data=st.data(), rows=bar_rows(), chosen=settings_for, seed=st.integers(0, 9999))
@FEW
def test_every_row_equals_the_single_run_bit_for_bit(data, rows, chosen, seed):
    indicators = np.random.default_rng(seed).integers(0, 5, (3, len(rows))).astype(float)
    indicators[indicators == 4] = np.nan
    pairs = np.array([[0, 1], [1, 2], [2, 2], [2, 0]])
    direction = data.draw(st.sampled_from(["long_only", "long_short"]))
    start = data.draw(st.sampled_from(["cross", "state"]))
    plan = CrossingPlan(rows=indicators, pairs=pairs, direction=direction, start=start)
    actions = [action(3, "split", 2.0), action(5, "dividend", 0.5)]
    swept = run_sweep(frame(rows), plan, chosen, actions=actions, threads=1)
    signals = [plan.signals(number) for number in range(len(plan))]
    expected = run_signal_sweep(frame(rows), signals, chosen, actions=actions)
    assert bits(swept.table) == bits(expected)


@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_threads_change_no_bit(direction):
    bars, rows = averages("goog", range(2, 40))
    pairs = np.array([(a, b) for a in range(38) for b in range(a + 1, 38)])
    plan = CrossingPlan(rows=rows, pairs=pairs, direction=direction)
    assert len(pairs) > 2 * 256  # several blocks
    tables = [run_sweep(bars, plan, COSTS, threads=count).table for count in (1, 2, 5)]
    assert bits(tables[0]) == bits(tables[1]) == bits(tables[2])
    assert tables[0]["first_row"].tolist() == pairs[:, 0].tolist()


def test_golden_final_comes_out_of_the_sweep():
    bars, rows = averages("goog", (10, 30))
    for direction, final in (("long_only", 5461123.70822531), ("long_short", 4613888.11908038)):
        plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]]), direction=direction)
        swept = run_sweep(bars, plan, COSTS).table["final_equity"].iloc[0]
        assert swept == pytest.approx(final, rel=1e-9)


def test_best_rows_rerun_with_full_logs():
    bars, rows = averages("goog", (5, 10, 30, 60))
    pairs = np.array([(a, b) for a in range(4) for b in range(a + 1, 4)])
    swept = run_sweep(bars, CrossingPlan(rows=rows, pairs=pairs), COSTS)
    order = swept.best(3, by="final_equity")
    finals = swept.table["final_equity"]
    assert finals[order].tolist() == sorted(finals, reverse=True)[:3]
    again = swept.result(order[0])
    assert again.final_equity == finals[order[0]]
    assert len(again.trades) == swept.table["trade_count"][order[0]]


def test_combinations_without_a_value_are_never_the_best():
    plan = CrossingPlan(rows=np.ones((1, 4)), pairs=np.array([[0, 0]]))
    swept = run_sweep(flat_bars(1, 2, 3, 4), plan)
    assert np.isnan(swept.table["sharpe"].iloc[0])
    assert swept.best(5) == []
    assert swept.best(5, by="final_equity") == [0]


def test_unknown_column_gets_a_suggestion():
    plan = CrossingPlan(rows=np.ones((1, 2)), pairs=np.array([[0, 0]]))
    with pytest.raises(UnknownNameError, match="Did you mean 'sharpe'"):
        run_sweep(flat_bars(1, 2), plan).best(by="sharp")


def test_plan_of_another_length_is_refused():
    plan = CrossingPlan(rows=np.ones((1, 3)), pairs=np.array([[0, 0]]))
    with pytest.raises(StrategyError, match="covers 3 bars and there are 2"):
        run_sweep(flat_bars(1, 2), plan)


def test_plan_without_combinations_gives_an_empty_table():
    plan = CrossingPlan(rows=np.ones((1, 2)), pairs=np.empty((0, 2), dtype=np.int64))
    assert len(run_sweep(flat_bars(1, 2), plan).table) == 0


def test_cross_onto_the_first_traded_bar_counts():
    rows = np.array([[1.0, 3.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]])).cut(slice(1, 4))
    swept = run_sweep(flat_bars(10, 10, 11), plan, BacktestSettings(initial_cash=100.0))
    assert swept.table["final_equity"].tolist() == [110.0]


def test_progress_reaches_the_total_and_a_cancelled_run_stops():
    bars, rows = averages("sp500", range(2, 40))
    pairs = np.array([(a, b) for a in range(38) for b in range(a + 1, 38)])
    plan, seen = CrossingPlan(rows=rows, pairs=pairs), []
    run_sweep(bars, plan, COSTS, threads=2, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(pairs), len(pairs))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    calls = []
    with pytest.raises(RunCancelledError, match=f"of {len(pairs)} combinations") as stopped:
        run_sweep(bars, plan, threads=1, cancelled=lambda: calls.append(0) or len(calls) > 1)
    assert 0 < stopped.value.values["done"] < len(pairs)


def test_two_runs_at_once_do_not_disturb_each_other():
    bars, rows = averages("goog", range(2, 30))
    pairs = np.array([(a, b) for a in range(28) for b in range(a + 1, 28)])
    plan = CrossingPlan(rows=rows, pairs=pairs)
    alone, found = bits(run_sweep(bars, plan, COSTS, threads=1).table), []

    def one():
        found.append(bits(run_sweep(bars, plan, COSTS, threads=2).table))

    callers = [threading.Thread(target=one) for _ in range(3)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert found == [alone] * 3


def test_kernel_lets_other_python_threads_run():
    """The main thread counts while the sweep works in another; with the lock held it could not."""
    bars, rows = averages("sp500", (10, 30))
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]] * 2000))
    worker = threading.Thread(target=lambda: run_sweep(bars, plan, COSTS, threads=1))
    worker.start()
    beats = 0
    while worker.is_alive():
        worker.join(0.001)
        beats += 1
    assert beats > 5


def test_single_run_and_table_agree_on_the_golden_market_with_stops():
    bars, rows = averages("goog", (10, 30))
    chosen = COSTS.model_copy(update={"stop_loss": 0.05, "trailing_stop": 0.08})
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]]), direction="long_short")
    single = run_backtest(bars, plan.signals(0), chosen)
    row = run_sweep(bars, plan, chosen).table.iloc[0]
    assert row["final_equity"] == single.final_equity
    assert row["max_drawdown"] == single.max_drawdown


@pytest.mark.parametrize(
    "change",
    [{"pyramiding": 3}, {"borrow_rate": 0.1}, {"maximum_participation": 0.5}],
)
def test_settings_of_the_account_loop_are_carried_out_in_a_sweep_too(change):
    chosen = COSTS.model_copy(update=change)
    rows = np.array([[1.0, 3.0, 1.0, 3.0, 3.0, 1.0], [2.0] * 6])
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]] * 2), direction="long_short")
    bars = flat_bars(10, 11, 12, 9, 10, 11)
    table = run_sweep(bars, plan, chosen).table
    signals = [plan.signals(0), plan.signals(1)]
    assert bits(table) == bits(run_signal_sweep(bars, signals, chosen))
    assert table["final_equity"][0] == run_backtest(bars, signals[0], chosen).final_equity
