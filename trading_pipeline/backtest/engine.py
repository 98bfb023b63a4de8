"""The backtest of one instrument: check the inputs, run the kernel, return the result."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TypeAlias

import numpy as np
import pandas as pd

from trading_pipeline.backtest.account_inputs import single_account, sizes_of
from trading_pipeline.backtest.account_run import run_account
from trading_pipeline.backtest.annual_bars import with_bar_year
from trading_pipeline.backtest.arrays import CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run_plain
from trading_pipeline.backtest.kernels.events import pack_intents
from trading_pipeline.backtest.kernels.fast.plain import simulate
from trading_pipeline.backtest.plausibility import SharpeLimits, implausible_sharpe
from trading_pipeline.backtest.result import BacktestResult, holdings_of
from trading_pipeline.backtest.run_control import Cancelled, Progress, stopped_at
from trading_pipeline.backtest.run_warnings import bar_warnings, run_warnings
from trading_pipeline.backtest.settings_vector import (
    LevelArrays,
    level_arrays,
    rules_of,
    settings_vector,
)
from trading_pipeline.backtest.signal_checks import (
    check_levels,
    check_rows,
    settings_or_default,
)
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_with_actions
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Price, Signals
from trading_pipeline.domain.table_memory import empty_tables
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["ENGINE_VERSION", "run_backtest"]

#: For people: raised when a number of a result changes. What is stored is told apart by its code.
ENGINE_VERSION = "1.4"
_SHARPE_LIMIT = SharpeLimits().lowest


def run_backtest(
    bars: pd.DataFrame | ValidatedBars | BarsWithActions,
    signals: Signals,
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> BacktestResult:
    """Trade `signals` on `bars` under `settings`.

    `bars`: prices as traded (`domain.bars`), bars validated before, or bars with their actions
    (`read_bars`). `signals`: one row a bar, decided at its close. `actions`: splits and dividends
    of the instrument, applied before the open of their ex-date; without them it is assumed that
    there were none, and a jump like a split's is warned of. An empty sequence says that there were
    none.

    In one bar: corporate actions; at the open, due exits, then due entries; inside the bar, stops
    and targets; at the close, forced exits; then the mark. A position left over at the end stays
    open and is marked at the last close.

    Signals alone cannot be audited for look-ahead: the result's `audit` is "not_audited".

    `progress(done, total)` counts bars; `cancelled()` is asked before the run, and about 20 times a
    second in the exact loop. Plain settings take a few milliseconds a million bars: they are not
    interrupted.

    Raises `DataQualityError` and `InsufficientDataError` for bars, `StrategyError` for signals of
    another length, `ConfigurationError` for settings that cannot be carried out,
    `RunCancelledError` where `cancelled` said so.

    >>> index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts")
    >>> prices = np.array([10.0, 11.0, 12.0])
    >>> names = ("open", "high", "low", "close")
    >>> bars = pd.DataFrame({name: prices for name in names}, index=index)
    >>> entry = np.array([True, False, False])
    >>> signals = Signals.long_only(entry, np.zeros(3, dtype=bool))
    >>> round(run_backtest(bars.assign(volume=1.0), signals, BacktestSettings()).final_equity, 6)
    109090.909091
    """
    checked, actions = validate_with_actions(bars, actions)
    if type(settings) is not BacktestSettings:
        settings = settings_or_default(settings)
    n = checked.close.shape[0]
    if (
        type(signals) is not Signals
        or signals.index is not None
        or signals.entry_long.shape[0] != n
    ):
        check_rows(checked, signals)
    told = settings.periods_per_year is None
    settings, year_warnings = with_bar_year(settings, checked)
    rules, p = rules_of(settings), None
    if Price in (type(signals.stop_loss), type(signals.take_profit), type(signals.trailing_stop)):
        check_levels(checked, signals)
        p = settings_vector(settings, signals)
    events = pack_intents(
        signals.entry_long, signals.exit_long, signals.entry_short, signals.exit_short
    )
    effects = checked.action_rows(actions)
    sizes = signals.size
    if rules.by_volatility:
        sizes = sizes_of(checked, signals, settings, *effects)
    if may_run_plain(rules.needs_account, signals):
        if cancelled is not None and cancelled():
            raise stopped_at(0, n)
        levels = level_arrays(settings, signals)
        tables = _fast_run(
            checked, rules.vector if p is None else p, levels, events, sizes, effects
        )
        if progress is not None:
            progress(n, n)
    else:
        tables = _account_run(
            checked, signals, settings, events, sizes, effects, progress, cancelled
        )
    equity, holdings, trade_rows, order_rows, stats = tables
    for values in tables:
        values.setflags(write=False)
    warnings = year_warnings
    # moments of the fourth power are the first that are not finite
    if rules.warns or stats[codes.S_FIRST_RUIN] >= 0.0 or not isfinite(stats[codes.S_KURTOSIS]):
        warnings += (
            *run_warnings(settings, stats, checked),
            *checked.session_warning(settings.session_close),
        )
    if stats[codes.S_SHARPE] > _SHARPE_LIMIT:
        warnings += implausible_sharpe(float(stats[codes.S_SHARPE]), checked.index)
    warnings += bar_warnings(settings.tick_size, checked, actions)
    result = BacktestResult(
        bars=checked,
        settings=settings,
        actions=effects,
        warnings=warnings,
        equity=equity,
        holdings=holdings,
        trade_rows=trade_rows,
        order_rows=order_rows,
        stats=stats,
    )
    return result.told_by(checked.bar_year.basis) if told else result


# Equity, holdings, trades, orders and statistics, as `BacktestResult` has them.
_Tables: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
# Bars with a decision, their codes, and how many can start a trade, see `pack_intents`.
_Events: TypeAlias = tuple[IntArray, CodeArray, int]
# Bar and effect of corporate actions, see `ValidatedBars.action_rows`.
_Effects: TypeAlias = tuple[IntArray, FloatArray]


def _account_run(
    bars: ValidatedBars, signals: Signals, settings: BacktestSettings, events: _Events,
    sizes: FloatArray | None, effects: _Effects, progress: Progress | None,
    cancelled: Cancelled | None,
) -> _Tables:  # fmt: skip
    """The run by the exact loop."""
    event_bar, event_code, entries = events
    action_bar, action_effect = effects
    inputs = single_account(bars, signals, settings, event_bar, event_code, sizes)
    applied = (action_bar, np.zeros_like(action_bar), action_effect)
    run = run_account(inputs, applied, entries, progress=progress, cancelled=cancelled)
    held = holdings_of(run.cash, run.units_by_bar[:, 0])
    return run.equity, held, run.trade_rows, run.order_rows, run.stats


def _fast_run(
    bars: ValidatedBars, p: FloatArray, levels: LevelArrays | None, events: _Events,
    sizes: FloatArray | None, effects: _Effects,
) -> _Tables:  # fmt: skip
    """The run by the loop for one instrument; again where its logs turn out longer than guessed."""
    event_bar, event_code, trade_rows = events
    action_bar, action_effect = effects
    applied = action_bar if action_bar.shape[0] else None
    stats, n = np.zeros(codes.S_COUNT), bars.close.shape[0]
    order_rows = 2 * trade_rows + 2
    while True:
        # Rows that are counted are written whole. Each change of a holding has an order or an
        # action.
        equity, trades, orders, holdings = empty_tables(
            (n,), (trade_rows, codes.T_COUNT), (order_rows, codes.O_COUNT),
            (order_rows + action_effect.shape[0] + 1, 3),
        )  # fmt: skip
        used = simulate(
            bars.open, bars.high, bars.low, bars.close, event_bar, event_code, sizes, levels,
            applied, action_effect, p, stats, equity, holdings, trades, orders,
        )  # fmt: skip
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used_trades <= trade_rows and used_orders <= order_rows:
            return equity, holdings[:used], trades[:used_trades], orders[:used_orders], stats
        trade_rows, order_rows = used_trades, used_orders
