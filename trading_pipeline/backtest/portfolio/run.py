"""The backtest of several instruments on shared cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.backtest.account_run import run_account
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.plausibility import SharpeLimits, implausible_sharpe
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.portfolio.inputs import (
    account_inputs,
    applied_actions,
    check_lengths,
    of_instrument,
)
from trading_pipeline.backtest.portfolio.members import (
    MemberFlags,
    member_flags,
    signals_of_members,
    weights_of_members,
)
from trading_pipeline.backtest.portfolio.rebalances import run_rebalances
from trading_pipeline.backtest.portfolio.result import PortfolioResult
from trading_pipeline.backtest.portfolio.settings import (
    InstrumentSettings,
    instrument_settings_of,
    priority_order,
    refuse_unknown,
    with_account_year,
)
from trading_pipeline.backtest.portfolio.signals import run_signals
from trading_pipeline.backtest.portfolio.tables import price_tables
from trading_pipeline.backtest.portfolio.weights import WeightPlan, weight_plan
from trading_pipeline.backtest.run_control import Cancelled, Progress
from trading_pipeline.backtest.run_warnings import (
    bar_warnings,
    ended_instruments,
    run_warnings,
)
from trading_pipeline.backtest.signal_checks import settings_or_default
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_with_actions
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.membership import hindsight_line
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.rebalancing import Rebalancing

__all__ = ["PortfolioOrders", "run_portfolio_backtest"]

PortfolioOrders: TypeAlias = Mapping[str, Signals] | TargetWeights


def run_portfolio_backtest(
    bars: Mapping[str, pd.DataFrame | ValidatedBars | BarsWithActions],
    orders: PortfolioOrders,
    settings: BacktestSettings | None = None,
    *,
    rebalancing: Rebalancing | None = None,
    instrument_settings: Mapping[str, InstrumentSettings] | None = None,
    actions: Mapping[str, Sequence[CorporateAction]] | None = None,
    priorities: Mapping[str, float] | None = None,
    members: Mapping[str, npt.ArrayLike] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> PortfolioResult:
    """Trade several instruments in one account; with one instrument it equals `run_backtest`.

    `bars`: prices as traded by instrument; all of one timeframe, each on its own calendar.
    `orders`: signals by instrument, one row for each of its own bars, or target weights.
    `settings`: the account's; `instrument_settings`: whole settings of an instrument, or only the
    fields in which it differs (costs, sizing, levels, multiplier, lot, tick ...;
    `portfolio_settings.ACCOUNT_WIDE` are shared). `rebalancing`: for target weights only, by
    default at each row that gives one. `actions`: splits and dividends by instrument. `priorities`:
    buys of one moment are served from the highest number down, equals by name, so that the order of
    the mappings changes nothing. `members`: by instrument, one flag for each of its own bars,
    whether it belonged to the universe then (`domain.membership.Membership.at`); one that is not
    named always did. Without membership nothing is entered, a target weight counts as 0, and what
    is held is closed at the open after the first such bar. `progress(done, total)` counts bars;
    `cancelled()` is asked about 20 times a second.

    The account's clock is the union of all bars. All orders of a bar are sized on the equity at its
    open: exits first, then reductions, then buys as far as the cash goes; what is clipped or not
    filled stands in the order log with its reason. An instrument without a bar is marked at its
    last close, and its orders wait for its next bar. Orders alone cannot be audited for look-ahead:
    the result's `audit` is "not_audited".

    Raises what `run_backtest` raises, with the instrument's name; `InsufficientDataError` for no
    instrument, `UnknownNameError` for a name without bars, `ConfigurationError` for settings that
    contradict the account's, `StrategyError` for weights that cannot be used, `RunCancelledError`
    where `cancelled` said so.

    >>> index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts")
    >>> flat = {name: [10.0, 10.0, 20.0] for name in ("open", "high", "low", "close")}
    >>> bars = pd.DataFrame(flat, index=index).assign(volume=1.0)
    >>> weights = TargetWeights.fixed({"A_1d": 0.5, "B_1d": 0.25}, index[0])
    >>> result = run_portfolio_backtest({"A_1d": bars, "B_1d": bars}, weights)
    >>> result.final_equity, result.trades["instrument"].tolist()
    (175000.0, ['A_1d', 'B_1d'])
    """
    account = settings_or_default(settings)
    if not bars:
        raise InsufficientDataError(
            "There are no instruments to trade. Give the bars of one or more by name.",
            instruments=0,
        )
    names = priority_order(bars, priorities)
    checked: dict[str, ValidatedBars] = {}
    known = dict(actions or {})
    for name in names:
        with of_instrument(name):
            checked[name], own_actions = validate_with_actions(bars[name], known.get(name))
        if own_actions is not None:
            known[name] = own_actions
    own = instrument_settings_of(names, account, instrument_settings)
    refuse_unknown("actions", actions or {}, names)
    tables = price_tables(checked)
    clock = tables.clock
    told = account.periods_per_year is None
    account, own, year_warnings = with_account_year(account, own, clock)
    flags = member_flags(checked, members)
    by_name, plan = _decisions(checked, clock, orders, rebalancing, account, flags)
    effects = applied_actions(checked, clock, known)
    run, signals = None, by_name
    if plan is not None:
        run = run_rebalances(tables, plan, account, own, effects.applied, progress, cancelled)
    if run is None:
        signals = _of_all(checked, by_name)
        if plan is None:
            run = run_signals(
                checked, tables, signals, own, account, effects, progress, cancelled
            )  # fmt: skip
    if run is None:
        inputs, entries = account_inputs(checked, tables, signals, plan, account, own, effects)
        run = run_account(inputs, effects.applied, entries, progress=progress, cancelled=cancelled)
    warnings = [*year_warnings, *run_warnings(account, run.stats, clock)]
    if account.session_close is not None:
        for name, each in checked.items():
            warnings += [f"{name}: {said}" for said in each.session_warning(account.session_close)]
    if not tables.complete and isinstance(run.quantity, np.ndarray):
        warnings += ended_instruments(run.quantity[-1], int(clock.ts[-1]), checked)
    if run.stats[codes.S_SHARPE] > SharpeLimits().lowest:
        warnings += implausible_sharpe(float(run.stats[codes.S_SHARPE]), clock.index)
    for name, each in checked.items():
        found = bar_warnings(own[name].tick_size, each, known.get(name))
        warnings += [f"{name}: {said}" for said in found]
    result = PortfolioResult(
        instruments=names,
        bars=checked,
        clock=clock,
        settings=account,
        instrument_settings=own,
        equity=run.equity,
        cash=run.cash,
        held=run.quantity,
        trade_rows=run.trade_rows,
        order_rows=run.order_rows,
        stats=run.stats,
        splits={name: (bar, effect[:, 0]) for name, (bar, effect) in effects.own.items()},
        warnings=tuple(warnings),
        hindsight=hindsight_line(dict.fromkeys(names) | dict(members or {}), source="the call"),
    )
    return result.told_by(clock.bar_year.basis) if told else result


def _decisions(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    orders: PortfolioOrders,
    rebalancing: Rebalancing | None,
    account: BacktestSettings,
    flags: MemberFlags,
) -> tuple[Mapping[str, Signals], WeightPlan | None]:
    """Signals by instrument, as far as there are any, and the plan of weights."""
    given: Mapping[str, Signals] = {}
    plan = None
    if isinstance(orders, TargetWeights):
        refuse_unknown("weights", orders.instruments, bars)
        orders, changes = weights_of_members(orders, clock, flags)
        rebalancing = rebalancing or Rebalancing()
        plan = weight_plan(list(bars), clock, orders, rebalancing, account, changes=changes)
    elif not isinstance(orders, Mapping):
        raise ConfigurationError(
            f"The orders are a {type(orders).__name__}; give signals by instrument, or "
            "TargetWeights."
        )
    elif rebalancing is not None:
        raise ConfigurationError(
            "A rebalancing restores target weights, and these orders are signals. Give "
            "TargetWeights, or leave the rebalancing out."
        )
    else:
        refuse_unknown("orders", orders, bars)
        check_lengths(bars, orders)
        given = signals_of_members(orders, flags) if flags else orders
    return given, plan


def _of_all(bars: Mapping[str, ValidatedBars], given: Mapping[str, Signals]) -> dict[str, Signals]:
    """Signals of every instrument; of those without orders none at all."""
    idle: dict[int, Signals] = {}
    for name in bars.keys() - given.keys():
        rows = len(bars[name])
        if rows not in idle:
            idle[rows] = _none(rows)
    return {name: given[name] if name in given else idle[len(each)] for name, each in bars.items()}


def _none(rows: int) -> Signals:
    never = np.zeros(rows, dtype=np.bool_)
    return Signals.long_only(never, never)
