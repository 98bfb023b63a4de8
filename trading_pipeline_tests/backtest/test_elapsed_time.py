"""A year is time: growth, financing and annual numbers by the stamps, not by the bars."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.backtest import BacktestSettings, run_backtest, run_portfolio_backtest
from trading_pipeline.backtest.sweep import run_signal_sweep
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance import summarize
from trading_pipeline.settings.backtest_settings import FixedQuantity, VolatilityTarget

HOURS = pd.date_range("2023-01-01", periods=8761, freq="h", tz="UTC", name="ts").as_unit("us")
YEAR = pd.Timedelta(days=365.25)


def bars_of(closes, index):
    table = {name: np.asarray(closes, dtype=float) for name in ("open", "high", "low", "close")}
    return pd.DataFrame(table, index=index).assign(volume=1.0)


def growing(index, rate=0.10):
    """Prices that grow by `rate` in 365 days."""
    days = (index - index[0]) / pd.Timedelta(days=365)
    return bars_of(100.0 * (1.0 + rate) ** days.to_numpy(), index)


def at_first(bars, side="long"):
    entry, never = np.zeros(len(bars), dtype=bool), np.zeros(len(bars), dtype=bool)
    entry[0] = True
    if side == "long":
        return Signals.long_only(entry, never)
    return Signals(entry_long=never, exit_long=never, entry_short=entry, exit_short=never)


def subset(index, share, seed=7):
    """That share of the stamps, drawn, with the first two and the last."""
    rng = np.random.default_rng(seed)
    inner = rng.choice(np.arange(2, len(index) - 1), int(share * len(index)) - 3, replace=False)
    return index[np.sort([0, 1, *inner, len(index) - 1])]


BORROWED = BacktestSettings(initial_cash=1e6, sizing=FixedQuantity(quantity=1000), borrow_rate=0.10)


@pytest.mark.parametrize("given_year", [None, 8760.0])
@pytest.mark.parametrize(
    "index", [HOURS, HOURS[::4], subset(HOURS, 0.25), subset(HOURS, 0.03)],
    ids=["all", "every fourth", "a quarter, drawn", "few"],
)  # fmt: skip
def test_ten_percent_a_year_is_a_cagr_of_ten_percent_with_any_number_of_bars(index, given_year):
    bars = growing(index)
    found = run_backtest(bars, at_first(bars), BacktestSettings(periods_per_year=given_year))
    assert found.metrics["cagr"] == pytest.approx(0.10, abs=2e-4)
    assert found.metrics["years"] == pytest.approx(365 / 365.25)
    assert found.metrics["calmar"] != found.metrics["calmar"] or found.max_drawdown < 0


@pytest.mark.parametrize(
    "index", [HOURS, HOURS[::4], subset(HOURS, 0.25), subset(HOURS, 0.03)],
    ids=["all", "every fourth", "a quarter, drawn", "few"],
)  # fmt: skip
def test_borrowing_a_rising_coin_for_a_year_costs_a_tenth_of_its_mean_value(index):
    bars = growing(index)
    found = run_backtest(bars, at_first(bars, "short"), BORROWED)
    cost = 1000 * (bars["open"].iloc[1] - bars["close"].iloc[-1]) - found.trades["pnl"].iloc[0]
    assert cost == pytest.approx(10_485, rel=0.003)


def test_a_given_number_of_bars_that_are_not_there_is_said():
    bars = growing(HOURS[::4])
    found = run_backtest(bars, at_first(bars), BacktestSettings(periods_per_year=8760.0))
    assert found.warnings[0].startswith(
        "periods_per_year is 8,760, and these bars have about 2,190"
    )
    told = run_backtest(bars, at_first(bars))
    assert not any("bars" in each for each in told.warnings if "Implausible" not in each)


@pytest.mark.parametrize(
    ("index", "bars_a_year"),
    [
        (HOURS, 8760.0),
        (pd.date_range("2023-01-01", "2023-03-01", freq="15min", tz="UTC", name="ts"), 35_040.0),
        (pd.date_range("2021-01-01", periods=730, tz="UTC", name="ts"), 365.0),
        (pd.bdate_range("2021-01-01", periods=500, tz="UTC", name="ts"), 252.0),
        (HOURS[HOURS.hour < 12], 4380.0),
    ],
    ids=["hours", "quarters of an hour", "coin's days", "share's days", "twelve hours a day"],
)
def test_without_a_number_the_stamps_tell_it_and_the_sharpe_ratio_follows(index, bars_a_year):
    rng = np.random.default_rng(3)
    prices = bars_of(100 * np.exp(np.cumsum(rng.normal(1e-4, 0.01, len(index)))), index)
    found = run_backtest(prices, at_first(prices))
    moments = found.moments
    assert found.periods_per_year == found.settings.periods_per_year == bars_a_year
    assert moments.sharpe == pytest.approx(moments.mean / moments.sd * np.sqrt(bars_a_year))
    years = (index[-1] - index[0]) / YEAR
    assert found.metrics["years"] == pytest.approx(years)
    growth = found.final_equity / 100_000
    assert found.metrics["cagr"] == pytest.approx(growth ** (1 / years) - 1)
    swept = run_signal_sweep(prices, [at_first(prices)])
    assert swept["sharpe"].iloc[0] == moments.sharpe
    explicit = run_backtest(
        prices, at_first(prices), BacktestSettings(periods_per_year=bars_a_year)
    )
    assert explicit.content_hash == found.content_hash


def test_bars_that_do_not_tell_are_refused_by_every_run():
    bars = growing(HOURS[24:36])
    for run in (
        lambda: run_backtest(bars, at_first(bars)),
        lambda: run_signal_sweep(bars, [at_first(bars)]),
        lambda: run_portfolio_backtest({"A": bars}, {"A": at_first(bars)}),
    ):
        with pytest.raises(ConfigurationError, match="periods_per_year"):
            run()
    assert run_backtest(bars, at_first(bars), BacktestSettings(periods_per_year=8760.0)).metrics


def test_volatility_target_of_hourly_bars_aims_at_a_year_of_them():
    rng = np.random.default_rng(3)
    bars = bars_of(100 * np.exp(np.cumsum(rng.normal(0, 0.005, len(HOURS)))), HOURS)
    sizing = VolatilityTarget(annual_volatility=0.2, lookback_bars=500, maximum_weight=5.0)
    late = np.zeros(len(bars), dtype=bool)
    late[1000] = True
    found = run_backtest(
        bars, Signals.long_only(late, np.zeros_like(late)), BacktestSettings(sizing=sizing)
    )
    # 0.5 % an hour is 0.005 * sqrt(8760) = 47 % a year, so 43 % of the equity are staked
    assert found.exposure.iloc[1001] == pytest.approx(0.2 / (0.005 * np.sqrt(8760)), rel=0.1)


@pytest.mark.parametrize("share_hours", [None, "hourly"], ids=["daily", "hourly"])
def test_a_coin_and_a_share_together_have_years_of_one_year(share_hours):
    if share_hours is None:
        coin = pd.date_range("2023-01-01", "2024-01-01", tz="UTC", name="ts")
        share = coin[coin.day_of_week < 5]
    else:
        coin = HOURS
        weekday = HOURS[(HOURS.day_of_week < 5) & (HOURS.hour >= 14) & (HOURS.hour < 21)]
        share = weekday + pd.Timedelta(minutes=30)
    bars = {"COIN": growing(coin), "SHARE": growing(share)}
    weights = TargetWeights.fixed({"COIN": 0.5, "SHARE": 0.5}, share[0])
    found = run_portfolio_backtest(bars, weights)
    union = coin.union(share)
    assert found.metrics["years"] == pytest.approx(1.0, abs=0.001)
    assert found.periods_per_year == pytest.approx(len(union), rel=0.003)
    assert found.metrics["cagr"] == pytest.approx(0.10, abs=0.002)


def test_a_share_that_is_short_beside_a_coin_is_borrowed_over_the_weekend():
    days = pd.date_range("2024-01-01", periods=10, tz="UTC", name="ts")
    share = days[days.day_of_week < 5]
    bars = {"COIN": bars_of(np.full(10, 5.0), days), "SHARE": bars_of(np.full(8, 10.0), share)}
    chosen = BORROWED.model_copy(update={"borrow_rate": 0.36525})
    found = run_portfolio_backtest(bars, {"SHARE": at_first(bars["SHARE"], "short")}, chosen)
    alone = run_backtest(bars["SHARE"], at_first(bars["SHARE"], "short"), chosen)
    # 10,000 short from Tuesday to Wednesday of the next week: 8 days at a thousandth each
    assert found.trades["pnl"].iloc[0] == pytest.approx(-80.0)
    assert alone.trades["pnl"].iloc[0] == pytest.approx(-80.0)


@pytest.mark.parametrize(
    ("entry", "leave", "days"), [(3, 4, 3), (0, 1, 1), (0, 4, 6), (4, 5, 1)],
    ids=["Friday to Monday", "Tuesday to Wednesday", "Tuesday to Monday", "Monday to Tuesday"],
)  # fmt: skip
def test_a_short_pays_for_the_days_between_the_opens_of_its_entry_and_exit(entry, leave, days):
    index = pd.bdate_range("2024-01-01", periods=8, tz="UTC", name="ts")
    bars = bars_of(np.full(8, 10.0), index)
    none, enter, cover = (np.zeros(8, dtype=bool) for _ in range(3))
    enter[entry], cover[leave] = True, True
    signals = Signals(entry_long=none, exit_long=none, entry_short=enter, exit_short=cover)
    chosen = BORROWED.model_copy(update={"borrow_rate": 0.36525})
    found = run_backtest(bars, signals, chosen)
    assert found.trades["pnl"].tolist() == pytest.approx([-10.0 * days])


@st.composite
def some_of_the_days(draw):
    """Rows of 800 days, with the first two and the last."""
    return sorted({0, 1, 799} | set(draw(st.lists(st.integers(2, 798), max_size=120))))


@given(rows=some_of_the_days())
def test_growth_a_year_is_the_same_for_any_part_of_the_bars(rows):
    index = pd.date_range("2021-01-01", periods=800, tz="UTC", name="ts")
    equity = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(5e-4, 0.01, 800)))
    whole = summarize(equity, periods_per_year=365, stamps=index)
    part = summarize(equity[rows], periods_per_year=365, stamps=index[rows])
    assert part["cagr"] == pytest.approx(whole["cagr"], rel=1e-12)
    assert part["years"] == whole["years"]


@given(rows=some_of_the_days(), rate=st.sampled_from(["borrow_rate", "funding_rate", "cash_rate"]))
def test_financing_a_constant_position_is_the_same_for_any_part_of_the_bars(rows, rate):
    index = pd.date_range("2021-01-01", periods=800, tz="UTC", name="ts")
    chosen = BacktestSettings(
        initial_cash=1e6, sizing=FixedQuantity(quantity=150_000), leverage=2.0,
        periods_per_year=365.0, **{rate: 0.05},
    )  # fmt: skip
    side = "short" if rate == "borrow_rate" else "long"
    costs = []
    for each in (index, index[rows]):
        bars = bars_of(np.full(len(each), 10.0), each)
        costs.append(1e6 - run_backtest(bars, at_first(bars, side), chosen).final_equity)
    # interest is charged on what is owed, so that it is compounded where there are more bars
    assert costs[1] == pytest.approx(costs[0], rel=0.06 if rate == "cash_rate" else 1e-9)
    assert costs[1] > 0.0


def test_years_of_stamps_scale_every_number_that_is_per_year_of_time():
    rng = np.random.default_rng(5)
    equity = 100.0 * np.exp(np.cumsum(rng.normal(1e-4, 0.01, len(HOURS))))
    rows = np.sort(rng.choice(len(HOURS), 2000, replace=False))
    rows[0], rows[-1] = 0, len(HOURS) - 1
    found = summarize(
        equity[rows], periods_per_year=2000, stamps=HOURS[rows],
        benchmark_returns=np.concatenate([[0.0], np.diff(equity[rows]) / equity[rows][:-1]]),
    )  # fmt: skip
    growth = (equity[-1] / equity[0]) ** (365.25 / 365) - 1
    assert [found["cagr"], found["benchmark_cagr"]] == pytest.approx([growth, growth])
    assert found["calmar"] == pytest.approx(growth / -found["max_drawdown"])
    assert found["martin_ratio"] == pytest.approx(growth / found["ulcer_index"])
