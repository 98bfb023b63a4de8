"""Portfolios against vectorbt: target weights and signals on shared cash agree to 1e-9.

The convention under which they agree: a target weight here pays its own costs, so vectorbt's target
is the weight over (1 + commission) * (1 + slippage) for buys and (1 - slippage) for shorts;
vectorbt values positions at the open where there is one, else at the last close (`val_price`).
Without costs they agree for any weights within the cash. With costs they differ, by less than the
costs themselves, where
- a position is closed or turned in the same bar: entries here are sized on the equity after its
  costs, in vectorbt on the equity before;
- the cash does not reach for all buys: here the lowest priority is clipped, in vectorbt the largest
  order.
"""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Rebalancing,
    TargetWeights,
    run_portfolio_backtest,
)
from trading_pipeline.settings.backtest_settings import FixedQuantity
from trading_pipeline_tests.backtest.random_markets import orders_at
from trading_pipeline_tests.conftest import random_bars

pytestmark = [
    pytest.mark.validation,
    pytest.mark.slow,  # vectorbt compiles for half a minute
    pytest.mark.filterwarnings("ignore"),
]

NAMES = ["A", "B", "C", "D"]
BARS, CASH = 250, 1e6


def market(seed, missing=0.0):
    """Random bars by instrument, each with days of its own missing."""
    bars = {}
    for number, name in enumerate(NAMES):
        rng = np.random.default_rng([seed, number])
        bars[name] = random_bars(BARS, seed=100 * seed + number)[rng.random(BARS) >= missing]
    return bars


def random_weights(seed, bars, kind):
    """A row of weights for every instrument at each 20th bar."""
    rng = np.random.default_rng(seed)
    index = sorted(set().union(*(frame.index for frame in bars.values())))
    rows = np.full((len(index), len(NAMES)), np.nan)
    for row in range(3, len(index), 20):
        rows[row] = 0.95 * rng.dirichlet(np.ones(len(NAMES)))
        if kind == "long_short":
            rows[row] *= [0.5, -0.5, 0.5, -0.5]
        elif kind == "closing":
            rows[row] *= rng.random(len(NAMES)) < 0.6
        elif kind == "turning":
            rows[row] *= 0.5 * rng.choice([-1, 1], len(NAMES))
    return pd.DataFrame(rows, index=pd.DatetimeIndex(index), columns=NAMES)


def table(bars, field, index):
    return pd.DataFrame({name: bars[name][field] for name in NAMES}).reindex(index)


def peer(vbt, bars, weights, costs):
    """vectorbt's run of target weights decided at a close and filled at the next own open."""
    index = weights.index
    opens, closes = table(bars, "open", index), table(bars, "close", index).ffill()
    size = pd.DataFrame(np.nan, index=index, columns=NAMES)
    for name in NAMES:
        own = bars[name].index
        for stamp, weight in weights[name].dropna().items():
            later = own[own > stamp]
            if len(later):  # an order waits for the instrument's next bar
                size.loc[later[0], name] = weight
    fees, slip = costs.commission_bps / 1e4, costs.slippage_bps / 1e4
    side = np.where(size < 0.0, -1.0, 1.0)
    return vbt.Portfolio.from_orders(
        closes, size=size / ((1.0 + fees) * (1.0 + side * slip)), price=opens,
        val_price=opens.fillna(closes.shift(1)), size_type="targetpercent", cash_sharing=True,
        group_by=True, call_seq="auto", fees=fees, slippage=slip, init_cash=CASH, freq="1D",
    )  # fmt: skip


def settings(commission=0.0, slippage=0.0):
    return BacktestSettings(initial_cash=CASH, commission_bps=commission, slippage_bps=slippage)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("kind", "costs"),
    [("long", settings()), ("long", settings(10)), ("long", settings(10, 5)),
     ("long_short", settings()), ("long_short", settings(10, 5)),
     ("closing", settings()), ("turning", settings())],
)  # fmt: skip
def test_target_weights_agree_with_vectorbt(vectorbt, kind, costs, seed):
    bars = market(seed)
    weights = random_weights(seed, bars, kind)
    ours = run_portfolio_backtest(bars, TargetWeights(weights), costs)
    theirs = peer(vectorbt, bars, weights, costs)
    assert "clipped_to_cash" not in set(ours.orders["reason"])
    np.testing.assert_allclose(ours.equity, theirs.value().to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(ours.cash, theirs.cash().to_numpy(), rtol=1e-9, atol=1e-9 * CASH)
    held = theirs.assets().to_numpy()
    np.testing.assert_allclose(ours.quantity, held, rtol=1e-9, atol=1e-9 * np.abs(held).max())
    filled = ours.orders[ours.orders["filled"] > 0.0]
    assert filled["fee"].sum() == pytest.approx(theirs.orders.records["fees"].sum(), rel=1e-9)
    if kind in ("long", "long_short"):  # a turn is two orders here and one there
        assert len(filled) == len(theirs.orders.records)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_weights_agree_where_each_instrument_lacks_days_of_its_own(vectorbt, seed):
    bars = market(seed, missing=0.15)
    weights = random_weights(seed, bars, "long")
    assert any(len(frame) < len(weights) for frame in bars.values())
    ours = run_portfolio_backtest(bars, TargetWeights(weights * 0.9), settings(10, 5))
    theirs = peer(vectorbt, bars, weights * 0.9, settings(10, 5))
    np.testing.assert_allclose(ours.equity, theirs.value().to_numpy(), rtol=1e-9)


def test_calendar_rebalancing_equals_the_weights_written_at_each_months_end(vectorbt):
    bars = market(6)
    index = bars["A"].index
    fixed = TargetWeights.fixed(dict(zip(NAMES, [0.4, 0.3, 0.2, 0.05], strict=True)), index[0])
    costs = settings(10, 5)
    ours = run_portfolio_backtest(bars, fixed, costs, rebalancing=Rebalancing(calendar="month"))
    months = index.tz_localize(None).to_period("M")
    ends = np.append(months[1:] != months[:-1], False)
    ends[0] = True
    written = pd.DataFrame(np.nan, index=index, columns=NAMES)
    written.loc[ends] = fixed.values[0]
    theirs = peer(vectorbt, bars, written, costs)
    assert ends.sum() > 6
    np.testing.assert_allclose(ours.equity, theirs.value().to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("kind", ["closing", "turning"])
def test_difference_where_positions_are_closed_is_below_the_costs(vectorbt, kind):
    bars = market(7)
    weights = random_weights(7, bars, kind)
    ours = run_portfolio_backtest(bars, TargetWeights(weights), settings(10))
    theirs = peer(vectorbt, bars, weights, settings(10))
    off = abs(ours.final_equity / float(theirs.value().iloc[-1]) - 1.0)
    assert 1e-9 < off < 1e-3


def test_signals_on_shared_cash_agree_where_buys_need_the_money_of_sells(vectorbt):
    bars = {name: frame * 1.0 for name, frame in market(8).items()}
    rng = np.random.default_rng(8)
    # One instrument is held at a time and the next is bought at the open that sells it.
    entries, exits = (np.zeros((BARS, len(NAMES)), dtype=bool) for _ in range(2))
    held = None
    for row in range(2, BARS - 1, 7):
        chosen = int(rng.choice([k for k in range(len(NAMES)) if k != held]))
        entries[row, chosen] = True
        if held is not None:
            exits[row, held] = True
        held = chosen
    orders = {
        name: orders_at(BARS, buy=np.flatnonzero(entries[:, k]), sell=np.flatnonzero(exits[:, k]))
        for k, name in enumerate(NAMES)
    }
    cost = 600.0 * max(float(frame["open"].max()) for frame in bars.values())
    chosen = settings(10, 5).model_copy(
        update={"sizing": FixedQuantity(quantity=600.0), "initial_cash": cost}
    )
    ours = run_portfolio_backtest(bars, orders, chosen)
    assert set(ours.orders["reason"]) == {"filled", "signal"}
    shifted = [np.vstack([np.zeros((1, len(NAMES)), dtype=bool), x[:-1]]) for x in (entries, exits)]
    index = bars["A"].index
    theirs = vectorbt.Portfolio.from_signals(
        table(bars, "close", index), *(pd.DataFrame(x, index, NAMES) for x in shifted),
        price=table(bars, "open", index), size=600.0, fees=0.001, slippage=0.0005, init_cash=cost,
        cash_sharing=True, group_by=True, call_seq="auto", freq="1D",
    )  # fmt: skip
    np.testing.assert_allclose(ours.equity, theirs.value().to_numpy(), rtol=1e-9)
    records = theirs.trades.records.sort_values(["entry_idx", "col"])
    assert ours.trades["instrument"].tolist() == [NAMES[k] for k in records["col"]]
    np.testing.assert_allclose(ours.trades["pnl"], records["pnl"], rtol=1e-8, atol=1e-9 * cost)
