"""The fast loop for signals of many instruments equals the exact loop, bit for bit."""

from unittest import mock

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Price, Signals
from trading_pipeline.backtest.account_run import UnitSpans
from trading_pipeline.backtest.portfolio import run as portfolio
from trading_pipeline.backtest.portfolio.run import run_portfolio_backtest
from trading_pipeline.backtest.portfolio.signals import run_signals
from trading_pipeline.backtest.validated_bars import validate_bars
from trading_pipeline.errors import RunCancelledError
from trading_pipeline.settings.backtest_settings import (
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline_tests.backtest.kernels.fast.test_portfolio import (
    NAMES,
    assert_equal,
    market,
    markets,
    random_signals,
)
from trading_pipeline_tests.backtest.random_markets import action, frame, orders_at


def by_both_ways(bars, orders, settings=None, **others):
    """(by the loop for signals, by the general loop)."""
    taken = []

    def watched(*inputs):
        taken.append(run_signals(*inputs))
        return taken[-1]

    with mock.patch.object(portfolio, "run_signals", watched):
        fast = run_portfolio_backtest(bars, orders, settings, **others)
    assert taken[0] is not None
    with mock.patch.object(portfolio, "run_signals", return_value=None):
        full = run_portfolio_backtest(bars, orders, settings, **others)
    return fast, full


def refuses(bars, orders, settings=None, **others):
    """True where the loop for signals leaves these inputs to another."""
    taken = []

    def watched(*inputs):
        taken.append(run_signals(*inputs))
        return taken[-1]

    with mock.patch.object(portfolio, "run_signals", watched):
        run_portfolio_backtest(bars, orders, settings, **others)
    return not taken or taken[0] is None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sizing": PercentOfEquity(percent=0.3), "leverage": 1.7, "commission_bps": 10.0},
        {"sizing": FixedCash(cash=60_000.0), "slippage_bps": 5.0, "allow_short": False},
        {"sizing": FixedQuantity(quantity=400), "slippage_price": 0.3, "tick_size": 0.05},
        {"lot_size": 1.0, "commission_minimum": 5.0, "min_notional": 2000.0},
        {"commission_per_share": 0.01, "commission_per_order": 2.0, "multiplier": 5.0},
        {"sizing": PercentAtRisk(percent=0.01), "commission_per_round_trip": 3.0},
    ],
)
def test_equals_the_general_loop_bit_for_bit(seed, change):
    rng, bars = markets(seed)
    orders = {name: random_signals(rng, 160) for name in NAMES[:6]}  # one instrument never trades
    fast, full = by_both_ways(bars, orders, BacktestSettings(**change))
    assert len(fast.order_rows) > 20
    assert_equal(fast, full)
    assert fast.content_hash == full.content_hash
    assert fast.metrics.keys() == full.metrics.keys()


def test_more_instruments_than_a_word_has_bits_are_equal():
    rng = np.random.default_rng(3)
    names = [f"I{number:03d}_1d" for number in range(130)]
    bars = {name: validate_bars(market(rng, 60)) for name in names}
    orders = {name: random_signals(rng, 60) for name in names}
    for cash in (500.0, 5_000.0):  # all fits; much is clipped
        fast, full = by_both_ways(bars, orders, BacktestSettings(sizing=FixedCash(cash=cash)))
        assert_equal(fast, full)


def test_instruments_with_settings_of_their_own_are_equal():
    rng, bars = markets(5)
    orders = {name: random_signals(rng, 160) for name in NAMES}
    own = {
        NAMES[0]: {"multiplier": 50.0, "commission_bps": 2.0},
        NAMES[3]: {"sizing": FixedQuantity(quantity=7), "allow_short": False},
        NAMES[6]: {"slippage_bps": 30.0, "lot_size": 5.0},
    }
    fast, full = by_both_ways(
        bars, orders, BacktestSettings(sizing=PercentOfEquity(percent=0.1)),
        instrument_settings=own, priorities={NAMES[6]: 2.0, NAMES[3]: 1.0},
    )  # fmt: skip
    assert fast.instruments[0] == NAMES[6]
    assert_equal(fast, full)


def test_ruined_account_is_equal():
    prices = [10.0, 10.0, 30.0, 40.0, 20.0, 10.0, 10.0, 10.0, 10.0]
    bars = {name: frame([(price,) * 4 for price in prices]) for name in NAMES[:2]}
    never = np.zeros(9, dtype=bool)
    short, again = never.copy(), never.copy()
    short[0] = True
    again[[3, 6, 8]] = True
    orders = {
        NAMES[0]: Signals(entry_long=never, exit_long=never, entry_short=short, exit_short=never),
        NAMES[1]: Signals.long_only(again, never),
    }
    fast, full = by_both_ways(bars, orders)
    assert fast.equity.min() < 0
    assert "fell to zero" in " ".join(fast.warnings)
    assert_equal(fast, full)


@pytest.mark.parametrize("rows", [1, 2])
def test_shortest_markets_are_equal(rows):
    bars = {name: frame([(10.0, 11.0, 9.0, 10.0)] * rows) for name in NAMES[:2]}
    always, never = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    fast, full = by_both_ways(bars, {NAMES[1]: Signals.long_only(always, never)})
    assert_equal(fast, full)
    assert fast.quantity.shape == (rows, 2)


def test_other_orders_and_settings_are_left_to_other_loops():
    rng, bars = markets(1)
    plain = random_signals(rng, 160)
    assert not refuses(bars, {NAMES[0]: plain})
    changes = (
        {"fill": "same_close"}, {"stop_loss": 0.1}, {"take_profit": 0.1}, {"trailing_stop": 0.1},
        {"max_holding_bars": 3}, {"borrow_rate": 0.1}, {"funding_rate": 0.1}, {"cash_rate": 0.1},
        {"maximum_participation": 0.1}, {"slippage_volume_share": 0.1},
        {"maintenance_margin": 0.2}, {"daily_loss_limit": 100.0}, {"daily_profit_target": 100.0},
        {"sizing": TargetWeight(weight=0.1)},
        {"session_close": {"time": "16:00", "zone": "America/New_York"}},
    )  # fmt: skip
    for change in changes:
        settings = BacktestSettings(**change)
        assert refuses(bars, {NAMES[0]: plain}, settings), change
    own = {NAMES[2]: {"stop_loss": 0.1}}
    assert refuses(bars, {NAMES[0]: plain}, instrument_settings=own)
    flags = (plain.entry_long, plain.exit_long)
    for level in ("stop_loss", "take_profit", "trailing_stop", "limit_price", "stop_price"):
        assert refuses(bars, {NAMES[0]: Signals.long_only(*flags, **{level: Fraction(0.05)})}), (
            level
        )


def random_actions(rng, names, count=12):
    """Splits and dividends on random days, more than one on some."""
    given = {}
    for name in names:
        made = []
        for day in rng.integers(0, 170, count):
            kind = "split" if rng.random() < 0.4 else "dividend"
            value = float(rng.choice([0.5, 2.0, 3.0])) if kind == "split" else float(rng.random())
            each = action(int(day), kind, value)
            made.append(type(each)(**(each.__dict__ | {"instrument": name})))
        given[name] = made
    return given


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "change",
    [
        {"sizing": PercentOfEquity(percent=0.2), "pyramiding": 3, "commission_bps": 10.0},
        {"sizing": FixedCash(cash=20_000.0), "pyramiding": 2, "allow_short": False},
        {"sizing": FixedQuantity(quantity=50), "lot_size": 3.0, "slippage_bps": 5.0},
        {"sizing": VolatilityTarget(annual_volatility=0.1, lookback_bars=20), "leverage": 2.0},
        {"sizing": PercentAtRisk(percent=0.01)},
    ],
)
@pytest.mark.parametrize("sized", [False, True])
def test_actions_added_entries_and_sizes_by_bar_equal_the_exact_loop(seed, change, sized):
    rng, bars = markets(seed)
    orders = {}
    for name in NAMES[:6]:
        flags = vars(random_signals(rng, 160))
        size = np.where(rng.random(160) < 0.5, rng.random(160), np.nan) if sized else None
        orders[name] = Signals(**(flags | {"size": size}))
    chosen, actions = BacktestSettings(**change), random_actions(rng, NAMES[1:6])
    fast, full = by_both_ways(bars, orders, chosen, actions=actions)
    assert_equal(fast, full)
    assert fast.content_hash == full.content_hash
    assert len(fast.order_rows) > 4


def test_missing_bars_are_left_to_the_exact_loop():
    rng, bars = markets(1)
    orders = {NAMES[1]: random_signals(rng, 160)}
    bars[NAMES[0]] = bars[NAMES[0]].drop(bars[NAMES[0]].index[5])
    assert refuses(bars, orders)


def test_watched_runs_are_taken_and_change_no_number():
    rng, bars = markets(1)
    orders = {NAMES[1]: random_signals(rng, 160)}
    seen = []
    watch = {"progress": lambda done, total: seen.append((done, total)), "cancelled": lambda: False}
    fast, full = by_both_ways(bars, orders, **watch)
    assert seen[-1] == (160, 160)
    assert_equal(fast, full)
    assert fast.content_hash == run_portfolio_backtest(bars, orders).content_hash
    with pytest.raises(RunCancelledError, match="of 160; nothing of it is kept"):
        run_portfolio_backtest(bars, orders, cancelled=lambda: True)


def test_level_at_a_price_is_checked_before_a_loop_is_chosen():
    _, bars = markets(1)
    flags = np.zeros(160, dtype=bool)
    flags[3] = True
    signals = Signals.long_only(flags, ~flags, stop_loss=Price(1.0))
    assert refuses(bars, {NAMES[0]: signals})


def test_quantity_is_laid_out_from_spans():
    prices = [(10.0, 11.0, 9.0, 10.0)] * 6
    bars = {name: frame(prices) for name in NAMES[:2]}
    buy, sell = np.zeros(6, dtype=bool), np.zeros(6, dtype=bool)
    buy[[0, 3]], sell[2] = True, True
    settings = BacktestSettings(sizing=FixedQuantity(quantity=5))
    result = run_portfolio_backtest(bars, {NAMES[1]: Signals.long_only(buy, sell)}, settings)
    assert isinstance(result.held, UnitSpans)
    assert result.quantity.tolist() == [[0, 0], [0, 5], [0, 5], [0, 0], [0, 5], [0, 5]]
    assert not result.quantity.flags.writeable


def test_room_for_logs_is_enough_for_the_most_orders_there_can_be():
    rows = 40
    rng = np.random.default_rng(0)
    bars = {name: market(rng, rows) for name in NAMES}
    turn = np.arange(rows) % 2 == 0
    never = np.zeros(rows, dtype=bool)
    signals = Signals(entry_long=turn, exit_long=never, entry_short=~turn, exit_short=never)
    settings = BacktestSettings(sizing=FixedQuantity(quantity=1))
    fast, full = by_both_ways(bars, dict.fromkeys(NAMES, signals), settings)
    assert len(fast.trade_rows) == (rows - 1) * len(NAMES)
    assert_equal(fast, full)


def test_the_account_s_periods_a_year_count_not_those_of_its_instruments():
    rng, bars = markets(5)
    orders = {name: random_signals(rng, 160) for name in NAMES}
    own = {NAMES[-1]: {"periods_per_year": 52.0}, NAMES[0]: {"periods_per_year": 365.0}}
    fast, full = by_both_ways(
        bars, orders, BacktestSettings(sizing=PercentOfEquity(percent=0.1)), instrument_settings=own
    )
    assert fast.moments.sharpe == full.moments.sharpe
    plain = run_portfolio_backtest(
        bars, orders, BacktestSettings(sizing=PercentOfEquity(percent=0.1))
    )
    assert fast.moments.sharpe == plain.moments.sharpe
    assert_equal(fast, full)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cash", [500.0, 20_000.0, 33_000.0, 100_000.0 / 3, 50_000.0])
@pytest.mark.parametrize("leverage", [1.0, 2.0])
@pytest.mark.parametrize("allow_short", [False, True])
def test_entries_of_a_fixed_amount_are_those_of_the_sum_over_all_positions(
    seed, cash, leverage, allow_short
):
    # The loop leaves that sum out where the cash pays for all entries of a bar for certain.
    rng, bars = markets(seed)
    orders = {name: random_signals(rng, 160) for name in NAMES}
    chosen = BacktestSettings(
        sizing=FixedCash(cash=cash), leverage=leverage, allow_short=allow_short, commission_bps=7.0
    )
    assert_equal(*by_both_ways(bars, orders, chosen))


def test_an_entry_that_takes_the_cash_to_the_last_unit_is_filled_whole():
    flat = frame([(10.0, 10.0, 10.0, 10.0)] * 6)
    bars = dict.fromkeys(NAMES[:2], flat)
    orders = {name: orders_at(6, buy=[1]) for name in NAMES[:2]}
    half = BacktestSettings(sizing=FixedCash(cash=50_000.0), initial_cash=100_000.0)
    fast, full = by_both_ways(bars, orders, half)
    assert_equal(fast, full)
    assert fast.orders["reason"].tolist() == ["filled", "filled"]
    assert fast.cash[-1] == 0.0
    more = BacktestSettings(sizing=FixedCash(cash=50_001.0), initial_cash=100_000.0)
    fast, full = by_both_ways(bars, orders, more)
    assert_equal(fast, full)
    assert fast.orders["reason"].tolist() == ["filled", "clipped_to_cash"]
