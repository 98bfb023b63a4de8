"""This file holds the backtest of one instrument: check the inputs, run the kernel, hand back the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest import kernel_codes as codes
from trading_pipeline.backtest.account_inputs import (
    check_levels,
    single_account,
    volatility_amounts,
)
from trading_pipeline.backtest.kernel import simulate
from trading_pipeline.backtest.kernel_fills import pack_intents
from trading_pipeline.backtest.result import BacktestResult, holdings_of
from trading_pipeline.backtest.settings_vector import (
    level_arrays,
    needs_account_loop,
    settings_vector,
)
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings, VolatilityTarget

__all__ = ["ENGINE_VERSION", "run_backtest"]

#: Changes whenever a number of a result can change; part of every result's code hash.
ENGINE_VERSION = "1.2"


def run_backtest(
    bars: pd.DataFrame | ValidatedBars,
    signals: Signals,
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
) -> BacktestResult:
    """Trade `signals` on `bars` under `settings`.

    `bars`: prices as traded (`domain.bars`), or bars validated before. `signals`: one row a bar,
    decided at its close. `actions`: splits and dividends of the instrument, applied before the open
    of their ex-date; without them it is assumed that there were none.

    In one bar: corporate actions; at the open, due exits, then due entries; inside the bar, stops
    and targets; at the close, forced exits; then the mark. A position left over at the end stays
    open and is marked at the last close.

    Raises `DataQualityError` and `InsufficientDataError` for bars, `StrategyError` for signals of
    another length, `ConfigurationError` for settings that cannot be carried out.

    >>> index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts")
    >>> prices = np.array([10.0, 11.0, 12.0])
    >>> bars = pd.DataFrame({name: prices for name in ("open", "high", "low", "close")}, index=index)
    >>> entry = np.array([True, False, False])
    >>> signals = Signals.long_only(entry, np.zeros(3, dtype=bool))
    >>> round(run_backtest(bars.assign(volume=1.0), signals, BacktestSettings()).final_equity, 6)
    109090.909091
    """
    checked = validate_bars(bars)
    settings = settings or BacktestSettings()
    n = len(checked)
    if len(signals) != n:
        raise StrategyError(
            f"The signals have {len(signals)} rows and the bars {n}; a strategy gives one row for "
            "each bar that it is traded on. Cut both to the same dates.",
            rows=len(signals),
            expected=n,
        )
    check_levels(checked, signals)
    event_bar, event_code, entries = pack_intents(
        signals.entry_long, signals.exit_long, signals.entry_short, signals.exit_short
    )
    action_bar, action_effect = checked.action_rows(actions)
    stats = np.zeros(codes.S_COUNT)
    equity = np.empty(n)
    run = _runner(
        checked, signals, settings, event_bar, event_code, action_bar, action_effect, stats, equity
    )
    trade_rows, order_rows = entries, 2 * entries + 2
    while True:
        trades = np.zeros((trade_rows, codes.T_COUNT))
        orders = np.zeros((order_rows, codes.O_COUNT))
        holdings = run(trades, orders)
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used_trades <= trade_rows and used_orders <= order_rows:
            break
        trade_rows, order_rows = used_trades, used_orders
    arrays: dict[str, Any] = {"equity": equity, "holdings": holdings}
    arrays |= {"trade_rows": trades[:used_trades], "order_rows": orders[:used_orders]}
    for values in (*arrays.values(), stats):
        values.setflags(write=False)
    return BacktestResult(
        bars=checked,
        settings=settings,
        stats=stats,
        splits=(action_bar, action_effect[:, 0]),
        warnings=_warnings(settings, stats, checked),
        **arrays,
    )


def _runner(
    bars: ValidatedBars,
    signals: Signals,
    settings: BacktestSettings,
    event_bar: Any,
    event_code: Any,
    action_bar: Any,
    action_effect: Any,
    stats: Any,
    equity: Any,
) -> Callable[[Any, Any], Any]:
    """The loop that these settings need, with its inputs.

    It takes the tables to write into and returns the table of holdings (`BacktestResult.holdings`).
    """
    sizes = signals.size
    if isinstance(settings.sizing, VolatilityTarget):
        sizes = volatility_amounts(bars, signals, settings, action_bar, action_effect)
    if needs_account_loop(settings, signals):
        inputs = single_account(bars, signals, settings, event_bar, event_code, sizes)
        actions = (action_bar, np.zeros_like(action_bar), action_effect)

        def full(trades: Any, orders: Any) -> Any:
            cash, quantity = np.empty(len(bars)), np.empty((len(bars), 1))
            inputs.run(actions, stats, equity, cash, quantity, trades, orders)
            return holdings_of(cash, quantity[:, 0])

        return full
    p, levels = settings_vector(settings, signals), level_arrays(settings, signals)
    applied = action_bar if len(action_bar) else None

    def fast(trades: Any, orders: Any) -> Any:
        # Each change of a holding has an order or an action of its own.
        holdings = np.empty((len(orders) + len(action_bar) + 1, 3))
        used = simulate(
            bars.open, bars.high, bars.low, bars.close, event_bar, event_code, sizes, levels,
            applied, action_effect, p, stats, equity, holdings, trades, orders,
        )  # fmt: skip
        return holdings[:used]

    return fast


def _warnings(settings: BacktestSettings, stats: Any, bars: ValidatedBars) -> tuple[str, ...]:
    found = []
    if settings.fill == "same_close":
        found.append(
            "Look-ahead: fill='same_close' fills each decision at the very close it was made from, "
            "which nobody can trade. Use fill='next_open' for results that can be believed."
        )
    ruin = int(stats[codes.S_FIRST_RUIN])
    if ruin >= 0:
        found.append(
            f"The equity fell to zero or below at bar {ruin} ({bars.index[ruin]}); returns after it "
            "have no meaning and are NaN."
        )
    return tuple(found)
