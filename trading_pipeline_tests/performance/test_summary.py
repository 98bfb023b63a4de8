"""The one call that measures a backtest."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance import METRIC_NAMES, return_metrics, summarize
from trading_pipeline.performance.benchmark_metrics import BENCHMARK_METRIC_NAMES
from trading_pipeline.performance.summary import EXPOSURE_METRIC_NAMES
from trading_pipeline.performance.trade_metrics import TRADE_METRIC_NAMES

# S&P 500, adjusted close 1999 to 2018, 252 bars a year; see test_return_metrics.py for the source.
STORED = {
    "total_return": 1.0412426895121283,
    "cagr": 0.03639554326851813,
    "annual_volatility": 0.19098207141371265,
    "sharpe": 0.28273922904460697,
    "sortino": 0.39861402985639693,
    "max_drawdown": -0.5677538775030555,
    "calmar": 0.06410443805083878,
    "omega": 1.0544888207136167,
    "tail_ratio": 0.9346216099329484,
    "value_at_risk_95": -0.018643329744495285,
    "conditional_value_at_risk_95": -0.028609270423168708,
    "plain_minimum_track_record_bars": 8539.80415586281,
    "lo_standard_error_annual": 0.22384671104772297,
}


def test_gives_the_stored_values_of_the_sp500(index_close):
    found = summarize(index_close, periods_per_year=252)
    assert {name: found[name] for name in STORED} == pytest.approx(STORED, rel=1e-12)
    assert found["bars"] == 5030.0
    assert found["plain_probabilistic_sharpe_ratio"] == pytest.approx(0.89658321, abs=5.1e-9)
    assert found["stability_r2"] == pytest.approx(0.5319235654, abs=5.1e-11)
    assert found["ulcer_index"] == pytest.approx(0.20259049, abs=5.1e-9)
    assert found["share_of_up_bars"] == pytest.approx(0.5312127, abs=5.1e-8)


def test_the_index_is_a_little_surer_than_independent_bars_as_its_falls_are_followed_by_gains(
    index_close,
):
    found = summarize(index_close, periods_per_year=252)
    assert found["probabilistic_sharpe_ratio"] == pytest.approx(0.921277, abs=1e-6)
    assert found["minimum_track_record_bars"] == 6811.0
    assert found["sharpe_standard_error"] == pytest.approx(0.197412, abs=1e-6)
    assert found["sharpe_degrees_of_freedom"] == 58.0
    assert found["sharpe_variance_inflation"] == pytest.approx(0.776810, abs=1e-6)


def test_the_same_curve_in_any_currency_and_with_the_start_apart_gives_the_same(index_close):
    whole = summarize(index_close, periods_per_year=252)
    apart = summarize(
        index_close[1:] * 1e4, periods_per_year=252, initial_equity=index_close[0] * 1e4
    )
    for found in (whole, apart):
        del found["initial_equity"], found["final_equity"]
    assert apart == pytest.approx(whole, rel=1e-9, nan_ok=True)


def test_keys_are_the_names_in_order_whatever_is_given(trades):
    plain = summarize([1.0, 2.0], periods_per_year=252)
    full = summarize(
        [1.0, 2.0],
        periods_per_year=252,
        trades=trades,
        exposure=[0.0, 1.0],
        benchmark_returns=[0.1, 0.1],
        initial_equity=1.0,
    )
    assert tuple(plain) == tuple(full) == METRIC_NAMES
    assert len(set(METRIC_NAMES)) == len(METRIC_NAMES)
    assert all(type(value) is float for found in (plain, full) for value in found.values())


def test_names_can_be_table_columns():
    assert all(name.isidentifier() and name == name.lower() for name in METRIC_NAMES)


@given(st.lists(st.floats(0.5, 2.0), min_size=2, max_size=60))
def test_every_metric_of_returns_equals_its_function(steps):
    equity = 1000.0 * np.cumprod(steps)
    found = summarize(equity, periods_per_year=252, initial_equity=1000.0)
    returns = equity / np.concatenate(([1000.0], equity[:-1])) - 1.0
    expected = {
        "total_return": return_metrics.total_return(returns),
        "cagr": return_metrics.cagr(returns, periods_per_year=252),
        "sharpe": return_metrics.sharpe(returns, periods_per_year=252),
        "sortino": return_metrics.sortino(returns, periods_per_year=252),
        "max_drawdown": return_metrics.max_drawdown(returns),
        "ulcer_index": return_metrics.ulcer_index(returns),
        "omega": return_metrics.omega(returns),
        "value_at_risk_95": return_metrics.value_at_risk(returns),
        "best_bar": returns.max(),
        "worst_bar": returns.min(),
        "skewness": return_metrics.skewness(returns),
        "kurtosis": return_metrics.kurtosis(returns),
        "stability_r2": return_metrics.stability_r2(returns),
    }
    for name, value in expected.items():
        if not (math.isnan(value) or math.isnan(found[name])):
            assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
    assert not any(math.isinf(value) for value in found.values())


def test_first_bar_counts_against_initial_equity():
    with_cash = summarize([90.0, 99.0], periods_per_year=252, initial_equity=100.0)
    without = summarize([90.0, 99.0], periods_per_year=252)
    assert with_cash["total_return"] == pytest.approx(-0.01)
    assert with_cash["max_drawdown"] == pytest.approx(-0.1)
    assert with_cash["bars"] == 2.0
    assert without["total_return"] == pytest.approx(0.1)
    assert without["max_drawdown"] == 0.0
    assert without["bars"] == 1.0


def test_recovery_martin_and_longest_drawdown_by_hand():
    found = summarize([110.0, 99.0, 104.5, 121.0], periods_per_year=4, initial_equity=100.0)
    assert found["years"] == 1.0
    assert found["cagr"] == pytest.approx(0.21)
    assert found["recovery_factor"] == pytest.approx(0.21 / 0.1)
    ulcer = math.sqrt((0.1**2 + 0.05**2) / 4)
    assert found["ulcer_index"] == pytest.approx(ulcer)
    assert found["martin_ratio"] == pytest.approx(0.21 / ulcer)
    assert found["longest_drawdown_bars"] == 2.0


def test_exposure_metrics_ignore_bars_without_equity():
    found = summarize(
        [1.0, 1.0, 1.0, 1.0], periods_per_year=252, exposure=[0.0, -0.5, 1.5, math.nan]
    )
    assert found["time_in_market"] == pytest.approx(2 / 3)
    assert found["average_exposure"] == pytest.approx(2 / 3)
    assert found["largest_exposure"] == 1.5


def test_turnover_uses_the_mean_of_the_closes_and_the_years_of_the_curve(trades):
    found = summarize(
        [2000.0, 4000.0], periods_per_year=4, trades=trades, initial_equity=1e9, multiplier=2.0
    )
    assert found["turnover_annual"] == pytest.approx(2.0 * 6000 / 3000 / 0.5)
    assert found["trade_count"] == 6.0


def test_what_was_not_given_is_nan():
    found = summarize([1.0, 1.1, 1.2], periods_per_year=252)
    absent = (*TRADE_METRIC_NAMES, *EXPOSURE_METRIC_NAMES, *BENCHMARK_METRIC_NAMES)
    assert all(math.isnan(found[name]) for name in absent)


def test_no_trade_is_not_the_same_as_no_trades_frame(trades):
    found = summarize([1.0, 1.0], periods_per_year=252, trades=trades.iloc[:0])
    assert found["trade_count"] == 0.0
    assert found["turnover_annual"] == 0.0
    assert math.isnan(found["win_rate"])


def test_an_account_that_never_moves_has_no_ratio_but_zero_risk():
    found = summarize([100.0] * 10, periods_per_year=252, initial_equity=100.0)
    assert found["total_return"] == found["cagr"] == found["annual_volatility"] == 0.0
    assert found["max_drawdown"] == found["longest_drawdown_bars"] == found["ulcer_index"] == 0.0
    for name in ("sharpe", "sortino", "calmar", "omega", "probabilistic_sharpe_ratio", "skewness"):
        assert math.isnan(found[name]), name


def test_one_bar_without_a_start_has_no_return():
    found = summarize([100.0], periods_per_year=252)
    assert (found["bars"], found["total_return"], found["years"]) == (0.0, 0.0, 0.0)
    assert all(math.isnan(found[name]) for name in ("cagr", "sharpe", "max_drawdown", "best_bar"))


def test_ruin_keeps_loss_and_drawdown_and_nothing_that_needs_later_returns(trades):
    found = summarize(
        [50.0, -10.0, 5.0],
        periods_per_year=252,
        trades=trades,
        initial_equity=100.0,
        benchmark_returns=[0.1, 0.1, 0.2],
    )
    assert found["total_return"] == pytest.approx(-0.95)
    assert found["max_drawdown"] == pytest.approx(-1.1)
    assert found["trade_count"] == 6.0
    lost = ("cagr", "sharpe", "sortino", "omega", "ulcer_index", "best_bar", "beta", "calmar")
    assert all(math.isnan(found[name]) for name in lost)


def test_ruin_on_the_last_bar_is_a_return_of_minus_one():
    found = summarize([50.0, 0.0], periods_per_year=252, initial_equity=100.0)
    assert found["worst_bar"] == found["total_return"] == found["cagr"] == -1.0
    assert math.isnan(found["stability_r2"])


def test_benchmark_s_first_return_has_no_counterpart_without_a_start():
    equity, other = [100.0, 101.0, 99.0, 103.0], [9.9, 0.02, -0.01, 0.03]
    found = summarize(equity, periods_per_year=252, benchmark_returns=other)
    same = summarize(equity, periods_per_year=252, benchmark_returns=other[1:])
    assert found == pytest.approx(same, nan_ok=True)
    assert found["benchmark_total_return"] == pytest.approx(1.02 * 0.99 * 1.03 - 1)


def test_inputs_of_another_length_are_refused():
    with pytest.raises(DataQualityError, match="exposure"):
        summarize([1.0, 1.0], periods_per_year=252, exposure=[0.0])
    with pytest.raises(DataQualityError, match="benchmark"):
        summarize([1.0, 1.1], periods_per_year=252, initial_equity=1.0, benchmark_returns=[0.1])
    with pytest.raises(InsufficientDataError):
        summarize([], periods_per_year=252)
    with pytest.raises(ConfigurationError):
        summarize([1.0], periods_per_year=0)


def test_equity_is_not_changed(index_close):
    before = index_close.copy()
    summarize(index_close, periods_per_year=252)
    assert (index_close == before).all()
