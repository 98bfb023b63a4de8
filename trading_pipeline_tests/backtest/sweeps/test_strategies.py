"""Sweeps of strategies: each row is the single run of its parameters, bit for bit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import SWEEP_COLUMNS, BacktestSettings, run_backtest, run_sweep
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.errors import ConfigurationError, StrategyError, UnknownNameError
from trading_pipeline.market_data.adjustments import adjustment_events, forward_factors
from trading_pipeline.strategies import SHIPPED, Market, Strategy, StrategyParams
from trading_pipeline.strategies.reversion import RsiCross
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
SIDES = st.sampled_from(["long_only", "long_short"])
STOPS = st.sampled_from([None, "2 atr", "3 percent", "1.5 points"])


def windows(least=2, most=6):
    return st.integers(least, most)


PARAMETERS = {
    "sma_crossover": {
        "fast": windows(1, 3), "slow": windows(4, 9), "start": st.sampled_from(["cross", "state"]),
    },
    "ema_crossover": {"fast": windows(2, 3), "slow": windows(4, 9)},
    "macd": {"fast": windows(2, 3), "slow": windows(4, 6), "signal": windows(2, 3)},
    "awesome_oscillator": {"fast": windows(2, 3), "slow": windows(4, 9)},
    "supertrend": {
        "window": windows(), "width": st.sampled_from([0.5, 1.0]),
        "bars": st.sampled_from(["plain", "heikin_ashi"]),
    },
    "rsi_cross": {"window": windows(), "oversold": st.sampled_from([30.0, 45.0])},
    "rsi_reversion": {"window": windows(), "oversold": st.sampled_from([30.0, 45.0])},
    "bollinger_reversion": {"window": windows(3), "width": st.sampled_from([0.5, 1.0])},
    "bollinger_breakout": {"window": windows(3), "width": st.sampled_from([0.5, 1.0])},
    "keltner_breakout": {
        "window": windows(), "atr_window": windows(), "width": st.sampled_from([0.5, 1.0]),
    },
    "donchian_breakout": {"entry": windows(4), "exit": windows(2, 4), "stop": STOPS},
    "atr_trailing": {"entry": windows(), "trail": STOPS.filter(bool)},
    "ema_pullback": {"fast": windows(2, 3), "slow": windows(4, 9), "stop": STOPS},
    "stochastic_trend": {
        "window": windows(3), "trend": windows(), "oversold": st.sampled_from([40.0, 60.0]),
    },
    "time_series_momentum": {"lookback_months": windows(2, 3), "skip_months": windows(0, 1)},
    "monthly_trend": {"months": windows(2, 3)},
    "momentum_score": {},  # has no plan: by its signals
}  # fmt: skip


def bits(table):
    return table[list(SWEEP_COLUMNS)].to_numpy(dtype=np.float64).tobytes()


def numbers_of(run):
    return run.stats[list(SWEEP_COLUMNS.values())].tobytes()


def seen_by(bars, actions):
    factors = forward_factors(bars.index, adjustment_events(actions, bars))
    return Market(bars, factors["total"].to_numpy(), split_factor=factors["split"].to_numpy())


@given(
    data=st.data(), name=st.sampled_from(sorted(PARAMETERS)), rows=bar_rows(20, 90),
    chosen=settings_for, days=st.sampled_from([1, 9]),
)  # fmt: skip
@FEW
def test_every_row_is_the_single_run_of_its_parameters(data, name, rows, chosen, days):
    sides = {} if name == "momentum_score" else {"direction": SIDES}
    one = st.fixed_dictionaries(PARAMETERS[name] | sides)
    sets = data.draw(st.lists(one, min_size=1, max_size=4))
    bars = frame(rows)
    index = pd.date_range("2024-01-01", periods=len(bars), freq=f"{days}D", tz="UTC", name="ts")
    bars = bars.set_axis(index.as_unit("us"), axis=0)
    actions = [action(3 * days, "split", 2.0), action(14 * days, "dividend", 0.5)]
    chosen = chosen.model_copy(update={"periods_per_year": 252.0})
    market, wanted = seen_by(bars, actions), []
    for each in sets:
        params = SHIPPED.validate_params(name, each)
        try:
            wanted.append(
                run_backtest(bars, SHIPPED.signals(name, market, params), chosen, actions=actions)
            )
        except StrategyError as error:  # a level on the wrong side of its price
            wanted.append(str(error))
    given_bars = BarsWithActions(bars, tuple(actions))
    if all(isinstance(each, str) for each in wanted):
        with pytest.raises(StrategyError, match="combinations failed"):
            run_sweep(given_bars, name, sets, chosen, threads=1)
        return
    swept = run_sweep(given_bars, name, sets, chosen, threads=2, memory_mb=data.draw(
        st.sampled_from([1e-3, 100.0])))  # fmt: skip
    for number, run in enumerate(wanted):
        row = swept.table.iloc[[number]]
        if isinstance(run, str):
            assert row["error"].tolist() == [run]
            assert np.isnan(np.frombuffer(bits(row))).all()
        else:
            assert bits(row) == numbers_of(run)
            assert row["error"].tolist() == [""]


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"momentum_score"}))
@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_strategies_of_comparisons_have_a_plan(name, direction):
    bars = golden_market("goog").iloc[:400]
    params = SHIPPED.validate_params(name, {"direction": direction})
    plan = SHIPPED.sweep_plan(name, Market(bars), [params, params])
    assert (len(plan), plan.bars) == (2, 400)
    assert plan.rows.shape[0] <= 8


def test_a_table_has_the_parameters_in_columns_and_a_number_leads_back():
    bars = golden_market("goog")
    sets = [{"window": 10, "oversold": np.float64(25)}, {"window": np.int64(14)}]
    swept = run_sweep(bars, RsiCross, sets, COSTS)
    assert swept.table.columns[:4].tolist() == ["window", "oversold", "overbought", "direction"]
    assert swept.table["oversold"].tolist() == [25.0, 30.0]
    assert swept.table["window"].dtype == swept.table["trade_count"].dtype == "int64"
    best = swept.best()[0]
    assert swept.result(best).final_equity == swept.table["final_equity"][best]
    assert repr(swept).startswith("SweepResult(2 combinations, best Sharpe ratio")
    assert swept.notices == ()
    with pytest.raises(UnknownNameError, match="no number 2; they go from 0 to 1"):
        swept.result(2)


def test_a_name_a_class_and_an_instance_are_the_same_sweep():
    bars = golden_market("goog").iloc[:500]
    found = {bits(run_sweep(bars, each, [{}], COSTS).table) for each in
             ("rsi_cross", RsiCross, RsiCross())}  # fmt: skip
    assert len(found) == 1


def test_a_market_with_earlier_bars_warms_the_strategy_up():
    bars, traded = golden_market("goog").iloc[:600], slice(300, 600)
    sets = [{"fast": 20, "slow": slow, "start": "state"} for slow in (100, 200)]
    swept = run_sweep(bars.iloc[traded], "sma_crossover", sets, COSTS, market=Market(bars))
    market = Market(bars).traded_from(300)
    for number, each in enumerate(sets):
        params = SHIPPED.validate_params("sma_crossover", each)
        signals = SHIPPED.signals("sma_crossover", market, params)
        cut = Signals.long_only(signals.entry_long[traded], signals.exit_long[traded])
        alone = run_backtest(bars.iloc[traded], cut, COSTS)
        assert bits(swept.table.iloc[[number]]) == numbers_of(alone)
    with pytest.raises(StrategyError, match="must hold the 300 traded bars"):
        run_sweep(bars.iloc[traded], "sma_crossover", sets, market=Market(bars.iloc[:400]))


def test_returns_are_those_of_the_single_runs():
    bars = golden_market("goog").iloc[:400]
    sets = [{"window": window} for window in range(2, 40)]
    swept = run_sweep(bars, "rsi_reversion", sets, COSTS)
    found = swept.returns()
    assert found.shape == (400, 38)
    assert found.dtype == np.float64
    for number in (0, 17, 37):
        alone = swept.result(number).returns.to_numpy()
        np.testing.assert_array_equal(found[:, number], alone)
    np.testing.assert_array_equal(swept.returns([17, 3, 17]), found[:, [17, 3, 17]])
    small = run_sweep(bars, "rsi_reversion", sets, COSTS, memory_mb=0.01)
    np.testing.assert_array_equal(small.returns([1, 2]), found[:, [1, 2]])
    with pytest.raises(ConfigurationError, match="Ask for at most 3 numbers at a time"):
        small.returns()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([{"window": 5}, {"window": 1}], r"parameters\[1\]: .*'window'"),
        ([{"windw": 5}], "Did you mean 'window'"),
        ([{"window": True}], "'window'"),
        ([{"window": 5.5}], "'window'"),
        ([{"window": 2**70}], "64 bits"),
        ([{"oversold": float("nan")}], "'oversold'"),
        ([{"oversold": 80.0}], r"parameters\[0\]: .*must be below overbought"),
        ([{}, 5], r"parameters\[1\] is a int"),
        ({"window": 5}, "parameters are a dict; give a list"),
        ("window", "parameters are a str"),
        (None, "parameters are a NoneType"),
    ],
)
def test_wrong_parameters_are_named_before_anything_runs(parameters, said):
    with pytest.raises(StrategyError, match=said):
        run_sweep(flat_bars(1, 2, 3), "rsi_cross", parameters)


def test_what_is_no_strategy_is_refused():
    bars = flat_bars(1, 2, 3)
    with pytest.raises(StrategyError, match="Did you mean 'rsi_cross'"):
        run_sweep(bars, "rsi_cros", [{}])
    with pytest.raises(StrategyError, match="A strategy is a int"):
        run_sweep(bars, 7, [{}])
    for wrong in (float("nan"), 0, True, "1 GB"):
        with pytest.raises(ConfigurationError, match="memory_mb is"):
            run_sweep(bars, "rsi_cross", [{}], memory_mb=wrong)


def test_no_parameter_set_gives_an_empty_table_with_its_columns():
    swept = run_sweep(flat_bars(1, 2, 3), "rsi_cross", [])
    assert swept.table.empty
    assert {"window", "sharpe", "error"} <= set(swept.table.columns)
    assert swept.returns().shape == (3, 0)


class PickyParams(StrategyParams):
    """One number."""

    limit: float = 0.0
    """Fails above 1."""


class Picky(Strategy[PickyParams]):
    """Raises for some of its parameters; its plan raises too."""

    name = "picky"

    def signals(self, market, params):
        if params.limit > 1.0:
            raise ZeroDivisionError("no such limit")
        entry = market.close > params.limit
        level = Price(market.close + 1.0) if params.limit < 0.0 else Fraction(0.5)
        return Signals.long_only(entry, ~entry, stop_loss=level)

    def sweep_plan(self, market, many):
        raise ValueError("no plan")


def test_a_set_that_fails_is_recorded_and_does_not_end_the_sweep():
    sets = [{"limit": 0.0}, {"limit": 2.0}, {"limit": -1.0}]
    swept = run_sweep(flat_bars(10, 11, 12), Picky, sets, COSTS)
    assert swept.table["error"][0] == ""
    assert swept.table["error"][1] == "no such limit"
    assert "stop_loss" in swept.table["error"][2]
    assert swept.table["trade_count"].isna().tolist() == [False, True, True]
    assert "2 of 3 combinations failed" in swept.notices[0]
    assert swept.best(3, by="final_equity") == [0]
    returns = swept.returns()
    assert np.isnan(returns).all(axis=0).tolist() == [False, True, True]
    with pytest.raises(ZeroDivisionError):
        swept.result(1)


def test_a_sweep_of_which_every_set_fails_says_why():
    with pytest.raises(StrategyError, match="All 2 combinations failed; number 0: no such limit"):
        run_sweep(flat_bars(10, 11, 12), Picky, [{"limit": 2.0}, {"limit": 3.0}])


def test_combinations_without_a_sharpe_ratio_are_said():
    swept = run_sweep(flat_bars(10, 10, 10), "rsi_cross", [{}, {"window": 3}])
    assert "2 of 2 combinations have no Sharpe ratio" in swept.notices[0]
