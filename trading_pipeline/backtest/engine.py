"""This file holds the backtest of one instrument: check the inputs, run the kernel, hand back the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from trading_pipeline.backtest import kernel_codes as codes
from trading_pipeline.backtest.account_inputs import (
    check_levels,
    single_account,
    volatility_amounts,
)
from trading_pipeline.backtest.account_run import run_account
from trading_pipeline.backtest.kernel import simulate
from trading_pipeline.backtest.kernel_fills import pack_intents
from trading_pipeline.backtest.result import BacktestResult, holdings_of
from trading_pipeline.backtest.run_control import Cancelled, Progress, stopped_at
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
ENGINE_VERSION = "1.3"


def run_backtest(
    bars: pd.DataFrame | ValidatedBars,
    signals: Signals,
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> BacktestResult:
    """Trade `signals` on `bars` under `settings`.

    `bars`: prices as traded (`domain.bars`), or bars validated before. `signals`: one row a bar,
    decided at its close. `actions`: splits and dividends of the instrument, applied before the open
    of their ex-date; without them it is assumed that there were none.

    In one bar: corporate actions; at the open, due exits, then due entries; inside the bar, stops
    and targets; at the close, forced exits; then the mark. A position left over at the end stays
    open and is marked at the last close.

    `progress(done, total)` counts bars; `cancelled()` is asked before the run, and about 20 times a
    second in the loop over accounts. Plain settings take a few milliseconds a million bars: they are
    not interrupted.

    Raises `DataQualityError` and `InsufficientDataError` for bars, `StrategyError` for signals of
    another length, `ConfigurationError` for settings that cannot be carried out,
    `RunCancelledError` where `cancelled` said so.

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
    sizes = signals.size
    if isinstance(settings.sizing, VolatilityTarget):
        sizes = volatility_amounts(checked, signals, settings, action_bar, action_effect)
    if needs_account_loop(settings, signals):
        inputs = single_account(checked, signals, settings, event_bar, event_code, sizes)
        applied = (action_bar, np.zeros_like(action_bar), action_effect)
        run = run_account(inputs, applied, entries, n, 1, progress=progress, cancelled=cancelled)
        held: Any = run.quantity
        tables = _Tables(
            run.equity, holdings_of(run.cash, held[:, 0]), run.trade_rows, run.order_rows, run.stats,
        )  # fmt: skip
    else:
        if cancelled is not None and cancelled():
            raise stopped_at(0, n)
        prices = (checked.open, checked.high, checked.low, checked.close)
        effects = (action_bar if len(action_bar) else None, action_effect)
        tables = _fast_run(
            prices, (event_bar, event_code, sizes), signals, settings, effects, int(entries)
        )
        if progress is not None:
            progress(n, n)
    for values in tables:
        values.setflags(write=False)
    return BacktestResult(
        bars=checked,
        settings=settings,
        splits=(action_bar, action_effect[:, 0]),
        warnings=_warnings(settings, tables.stats, checked),
        equity=tables.equity,
        holdings=tables.holdings,
        trade_rows=tables.trade_rows,
        order_rows=tables.order_rows,
        stats=tables.stats,
    )


class _Tables(NamedTuple):
    """What a loop wrote, by the names of `BacktestResult`."""

    equity: Any
    holdings: Any
    trade_rows: Any
    order_rows: Any
    stats: Any


def _fast_run(
    prices: Any, decisions: Any, signals: Signals, settings: BacktestSettings, effects: Any,
    entries: int,
) -> _Tables:  # fmt: skip
    """The run by the loop for one instrument; once more where its logs turn out longer than guessed."""
    p, levels = settings_vector(settings, signals), level_arrays(settings, signals)
    stats, equity = np.zeros(codes.S_COUNT), np.empty(len(prices[0]))
    trade_rows, order_rows = entries, 2 * entries + 2
    while True:
        # Rows that are counted are written whole.
        trades = np.empty((trade_rows, codes.T_COUNT))
        orders = np.empty((order_rows, codes.O_COUNT))
        # Each change of a holding has an order or an action of its own.
        holdings = np.empty((order_rows + len(effects[1]) + 1, 3))
        used = _simulate(
            *prices, *decisions, levels, *effects, p, stats, equity, holdings, trades, orders
        )
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used_trades <= trade_rows and used_orders <= order_rows:
            break
        trade_rows, order_rows = used_trades, used_orders
    return _Tables(equity, holdings[:used], trades[:used_trades], orders[:used_orders], stats)


_simulate: Any = simulate  # numba's type for it does not take unpacked tuples


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
