"""What is true of every portfolio: random markets, calendars, orders, weights, settings."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import (
    BacktestSettings,
    Rebalancing,
    TargetWeights,
    run_backtest,
    run_portfolio_backtest,
)
from trading_pipeline.settings.backtest_settings import SessionClose, TargetWeight, VolatilityTarget
from trading_pipeline_tests.backtest.random_markets import (
    action,
    bar_rows,
    frame,
    mostly,
    settings_for,
    signals_for,
)

# Most draws are seeds: to shrink them takes minutes and tells nothing.
QUICK = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
FEW = settings(QUICK, max_examples=60)
MANY = settings(QUICK, max_examples=400)

account_rules = st.fixed_dictionaries(
    {
        "maintenance_margin": mostly(None, 0.3),
        "cash_rate": mostly(0.0, 0.5),
        "periods_per_year": st.just(252.0),
        "borrow_rate": mostly(0.0, 0.5),
        "funding_rate": mostly(0.0, 0.2, -0.2),
        "pyramiding": mostly(1, 3),
        "daily_profit_target": mostly(None, 50.0),
        "daily_loss_limit": mostly(None, 50.0),
        "slippage_volume_share": mostly(0.0, 0.1),
        "maximum_participation": mostly(None, 0.02),
        "unfilled": mostly("cancel", "keep"),
        "time_in_force": mostly("gtc", "day", 2),
        "session_close": mostly(None, SessionClose(time="16:00", zone="America/New_York")),
    }
)


def with_rules(data):
    """Settings that reach every part of the loop."""
    chosen = data.draw(settings_for).model_copy(update=data.draw(account_rules))
    sizing = data.draw(
        mostly(
            None,
            TargetWeight(weight=0.4),
            VolatilityTarget(annual_volatility=0.5, lookback_bars=3, maximum_weight=0.5),
        )
    )
    return chosen if sizing is None else chosen.model_copy(update={"sizing": sizing})


def market(data, most=3):
    """Bars by instrument, some with missing days, and signals with limit and stop orders."""
    bars, orders = {}, {}
    for name in ["AA", "BB", "CC"][: data.draw(st.integers(1, most))]:
        rows = data.draw(bar_rows(least=4, most=25))
        whole = frame(rows)
        keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
        keep |= data.draw(st.booleans())  # no day missing in half of the draws
        keep[:2] = True
        bars[name] = whole[keep]
        kept = [row for row, here in zip(rows, keep, strict=True) if here]
        orders[name] = data.draw(signals_for(kept))
    return bars, orders


def weights_for(data, bars, leverage):
    """Random target weights, NaN here and there, within the leverage."""
    index = sorted(set().union(*(frame.index for frame in bars.values())))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = rng.uniform(-0.4, 1.0, (len(index), len(bars))) * leverage / len(bars)
    values[rng.random(values.shape) < 0.5] = np.nan
    return TargetWeights(pd.DataFrame(values, index=pd.DatetimeIndex(index), columns=list(bars)))


def actions_for(data, bars):
    """A split or a dividend here and there."""
    kinds = st.sampled_from([None, ("split", 2.0), ("split", 0.5), ("dividend", 0.5)])
    found = {}
    for name in bars:
        chosen = data.draw(kinds)
        if chosen is not None:
            day = data.draw(st.integers(1, 8))
            found[name] = [replace(action(day, *chosen), instrument=name)]
    return found


def any_run(data):
    """(bars, orders, keywords) of a random run by signals or by weights."""
    bars, orders = market(data)
    account = with_rules(data)
    keywords = {"actions": actions_for(data, bars)}
    if data.draw(st.booleans()):
        orders = weights_for(data, bars, account.leverage)
        calendars = st.sampled_from([None, "day", "week", "month", 3])
        if account.fill == "same_close":  # that this bar ends a day is told from the next one
            calendars = st.sampled_from([None, 3])
        keywords["rebalancing"] = Rebalancing(
            calendar=data.draw(calendars), threshold=data.draw(st.sampled_from([None, 0.05, 0.2]))
        )
    own = {}
    for name in bars:
        own[name] = {"multiplier": data.draw(mostly(account.multiplier, 2.0)),
                     "lot_size": data.draw(mostly(account.lot_size, 0.5)),
                     "commission_bps": data.draw(mostly(account.commission_bps, 20.0))}  # fmt: skip
    keywords["instrument_settings"] = own
    keywords["priorities"] = {name: data.draw(st.sampled_from([0.0, 0.0, 1.0])) for name in bars}
    return bars, orders, account, keywords


def check_books(bars, orders, account, keywords):
    result = run_portfolio_backtest(bars, orders, account, **keywords)
    books = result.equity_frame()
    scale = np.abs(result.position_values).sum(axis=1) + np.abs(books["cash"]) + 1.0
    off = (books["cash"] + books["position_value"] - books["equity"]).abs()
    assert (off <= 1e-12 * scale).all()
    # Every trade has the order that opened it, and fees of trades and orders are the same money.
    trades, log = result.trades, result.orders
    opened = log[(log["role"] == "entry") & (log["filled"] > 0.0)]
    keys = set(zip(opened["instrument"], opened["ts"], opened["side"], strict=True))
    for trade in trades.itertuples():
        side = "buy" if trade.side == "long" else "sell"
        assert (trade.instrument, trade.entry_ts, side) in keys
    assert trades["fees"].sum() == pytest.approx(log["fee"].sum(), rel=1e-9, abs=1e-9)
    # Profits add up to the change of the equity, by instrument and in all.
    change = result.final_equity - account.initial_cash + result.interest_paid
    tolerance = 1e-9 * float(scale.max())
    assert trades["pnl"].sum() == pytest.approx(change, rel=1e-9, abs=tolerance)
    assert result.contributions["pnl"].sum() == pytest.approx(change, rel=1e-9, abs=tolerance)
    # Units held are what the filled orders add up to, but for splits.
    if not any(a.kind == "split" for each in keywords["actions"].values() for a in each):
        signed = log["filled"] * np.where(log["side"] == "buy", 1.0, -1.0)
        for name in result.instruments:
            total = signed[log["instrument"] == name].sum()
            assert result.positions[name].iloc[-1] == pytest.approx(total, abs=1e-6)


@given(data=st.data())
@FEW
def test_books_of_every_portfolio_add_up(data):
    check_books(*any_run(data))


@pytest.mark.long
@given(data=st.data())
@MANY
def test_books_of_many_more_portfolios_add_up(data):
    check_books(*any_run(data))


@given(data=st.data())
@FEW
def test_order_of_the_mappings_changes_nothing(data):
    bars, orders, account, keywords = any_run(data)
    first = run_portfolio_backtest(bars, orders, account, **keywords)
    turned = dict(reversed(bars.items()))
    if isinstance(orders, TargetWeights):
        orders = TargetWeights(orders.frame[list(turned)])
    else:
        orders = dict(reversed(orders.items()))
    second = run_portfolio_backtest(turned, orders, account, **keywords)
    assert first.content_hash == second.content_hash
    assert first.stats.tobytes() == second.stats.tobytes()


@given(data=st.data())
@FEW
def test_nothing_before_a_cut_depends_on_what_comes_after_it(data):
    bars, orders, account, keywords = any_run(data)
    full = run_portfolio_backtest(bars, orders, account, **keywords)
    first_days = max(each.index[1] for each in bars.values())
    cuts = full.index[full.index >= first_days]
    cut = cuts[data.draw(st.integers(0, len(cuts) - 1))]
    head = {name: each[each.index <= cut] for name, each in bars.items()}
    if isinstance(orders, TargetWeights):
        rows = orders.frame[orders.frame.index <= cut]
        orders = TargetWeights(rows)
    else:
        orders = {name: each.head(len(head[name])) for name, each in orders.items()}
    part = run_portfolio_backtest(head, orders, account, **keywords)
    count = len(part.index)
    assert part.equity.tobytes() == full.equity[:count].tobytes()
    assert part.positions.equals(full.positions.iloc[:count])
    done, all_done = (run.orders[run.orders["ts"].notna()] for run in (part, full))
    done = done[~done["reason"].isin(["still_working"])]
    all_done = all_done[(all_done["ts"] <= cut) & ~all_done["reason"].isin(["still_working"])]
    columns = [name for name in done.columns if name != "order_no"]
    pd.testing.assert_frame_equal(
        done[columns].reset_index(drop=True), all_done[columns].reset_index(drop=True)
    )


@given(data=st.data())
@FEW
def test_one_instrument_equals_the_single_run_bit_for_bit(data):
    bars, orders = market(data, most=1)
    account = with_rules(data)
    actions = actions_for(data, bars)
    alone = run_backtest(bars["AA"], orders["AA"], account, actions=actions.get("AA"))
    together = run_portfolio_backtest(bars, orders, account, actions=actions)
    for name in ("equity", "cash", "trade_rows", "order_rows", "stats"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name), err_msg=name)
    np.testing.assert_array_equal(alone.quantity, together.quantity[:, 0])
    for name in ("trades", "orders"):
        theirs = getattr(together, name)
        assert set(theirs["instrument"]) <= {"AA"}
        pd.testing.assert_frame_equal(getattr(alone, name), theirs.drop(columns="instrument"))
    pd.testing.assert_frame_equal(alone.equity_frame(), together.equity_frame())
    pd.testing.assert_frame_equal(alone.daily, together.daily)
    for name in ("returns", "drawdown", "exposure"):
        pd.testing.assert_series_equal(getattr(alone, name), getattr(together, name))
    if account.multiplier == account.delta == 1.0:
        np.testing.assert_equal(alone.metrics, together.metrics)


@given(data=st.data())
@FEW
def test_long_only_weights_without_leverage_never_borrow(data):
    bars, _ = market(data)
    index = sorted(set().union(*(frame.index for frame in bars.values())))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = rng.dirichlet(np.ones(len(bars)), len(index))
    targets = TargetWeights(pd.DataFrame(values, index=pd.DatetimeIndex(index), columns=list(bars)))
    costs = BacktestSettings(
        commission_bps=data.draw(st.sampled_from([0.0, 30.0])),
        slippage_bps=data.draw(st.sampled_from([0.0, 50.0])),
        commission_per_order=data.draw(st.sampled_from([0.0, 5.0])),
    )
    result = run_portfolio_backtest(bars, targets, costs)
    assert result.cash.min() >= -1e-6
    assert result.exposure.max() <= 1.0 + 1e-9
