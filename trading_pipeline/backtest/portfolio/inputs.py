"""Tables of a portfolio run, made from bars, orders and settings by instrument.

Prices and weights are tables (bars of the account, instruments), levels (instruments, bars or 1);
NaN where there is none. Instruments stand in the order of their priority.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from trading_pipeline.backtest.account_inputs import (
    AccountInputs,
    financed_years,
    level_rows,
    sizes_of,
)
from trading_pipeline.backtest.arrays import BoolArray, CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels.events import pack_intents
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.portfolio.tables import PriceTables
from trading_pipeline.backtest.portfolio.weights import WeightPlan
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline.backtest.signal_checks import check_levels, check_rows
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import ConfigurationError, TradingPipelineError
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = [
    "PortfolioActions",
    "account_inputs",
    "applied_actions",
    "check_lengths",
    "of_instrument",
]


@dataclass(frozen=True, eq=False)
class PortfolioActions:
    """Corporate actions: by instrument on its own bars, and all of them on the account's.

    `own`: (bar, effect) by instrument, see `ValidatedBars.action_rows`. `applied`: (bar of the
    account, number of the instrument, effect), in the order in which they apply.
    """

    own: Mapping[str, tuple[IntArray, FloatArray]]
    applied: tuple[IntArray, IntArray, FloatArray]


@contextmanager
def of_instrument(name: str) -> Iterator[None]:
    """Let the errors inside say which instrument they are about."""
    try:
        yield
    except TradingPipelineError as error:
        raise type(error)(f"{name}: {error}", **(error.values | {"instrument": name})) from error


def applied_actions(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    actions: Mapping[str, Sequence[CorporateAction]] | None,
) -> PortfolioActions:
    """Splits and dividends of all instruments.

    An action on a day without a bar applies before the instrument's next one. Raises
    `ConfigurationError` for an action of another instrument than it is given for.
    """
    own: dict[str, tuple[IntArray, FloatArray]] = {}
    if not actions:
        none, no_effect = np.empty(0, dtype=np.int64), np.empty((0, 2))
        return PortfolioActions(
            dict.fromkeys(bars, (none, no_effect)), (none, none.copy(), no_effect)
        )
    for name, each in bars.items():
        given = actions.get(name, ())
        try:
            own[name] = each.action_rows(given)
            doubtful = given[:1]
        except ConfigurationError:  # of several instruments
            doubtful = given
        for action in doubtful:
            if action.instrument != name:
                raise ConfigurationError(
                    f"The corporate actions given for {name} hold one of {action.instrument} "
                    f"({action.kind} on {action.ex_date}); give each under its own instrument.",
                    instrument=name,
                    found=action.instrument,
                )
    rows = [clock.rows[name][bar] for name, (bar, _) in own.items()]
    numbers = [np.full(len(row), k, dtype=np.int64) for k, row in enumerate(rows)]
    effects = [effect for _, effect in own.values()]
    order = np.argsort(np.concatenate(rows), kind="stable")
    applied = (np.concatenate(rows)[order], np.concatenate(numbers)[order])
    effect = np.ascontiguousarray(np.concatenate(effects)[order])
    return PortfolioActions(own, (*applied, effect))


def account_inputs(
    bars: Mapping[str, ValidatedBars],
    tables: PriceTables,
    signals: Mapping[str, Signals],
    plan: WeightPlan | None,
    account: BacktestSettings,
    settings: Mapping[str, BacktestSettings],
    actions: PortfolioActions,
) -> tuple[AccountInputs, int]:
    """Tables for the account's loop, and how many decisions to enter they hold at most.

    `bars` in the order of priority; `signals`: one for each instrument, on its own bars.
    """
    clock = tables.clock
    names, n = list(bars), len(clock)
    pointer, assets, codes, entries = _events(names, clock, signals)
    rule = account.session_close
    vectors = [settings_vector(settings[name], signals[name]) for name in names]
    vectors.append(settings_vector(account, signals[names[0]]))
    weights, rebalance = np.empty((0, 0)), np.empty(0, dtype=np.uint8)
    if plan is not None:
        weights, rebalance = plan.weights, plan.rebalance
        entries = int(rebalance.sum()) * len(names)
    inputs = AccountInputs(
        prices=(
            tables.open, tables.of("high"), tables.of("low"), tables.close, tables.of("volume"),
        ),
        events=(pointer, assets, codes),
        levels=_levels(bars, clock, signals, settings, actions),
        day=clock.days if rule is None else clock.local_days(rule.zone),
        session_end=_session_ends(bars, clock, settings, n),
        elapsed=financed_years(clock.ts, (account, *settings.values())),
        settings=np.stack(vectors),
        weights=weights,
        rebalance=rebalance,
        threshold=0.0 if plan is None else plan.threshold,
    )  # fmt: skip
    return inputs, entries


def _events(
    names: Sequence[str], clock: AccountClock, signals: Mapping[str, Signals]
) -> tuple[IntArray, IntArray, CodeArray, int]:
    """(each bar's first decision, instruments, codes, number of entries), by bar, then priority."""
    rows, assets, codes, entries = [], [], [], 0
    for k, name in enumerate(names):
        each = signals[name]
        bar, code, count = pack_intents(
            each.entry_long, each.exit_long, each.entry_short, each.exit_short
        )
        rows.append(clock.rows[name][bar])
        assets.append(np.full(len(bar), k, dtype=np.int64))
        codes.append(code)
        entries += int(count)
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    pointer = np.searchsorted(row[order], np.arange(len(clock) + 1)).astype(np.int64)
    return pointer, np.concatenate(assets)[order], np.concatenate(codes)[order], entries


def _levels(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    signals: Mapping[str, Signals],
    settings: Mapping[str, BacktestSettings],
    actions: PortfolioActions,
) -> tuple[FloatArray, ...]:
    """Amounts, limits, triggers, stops, targets and trails, each (instruments, bars or 1)."""
    found: list[list[FloatArray]] = []
    for name, each in bars.items():
        with of_instrument(name):
            check_levels(each, signals[name])
        sizes = sizes_of(each, signals[name], settings[name], *actions.own[name])
        found.append(level_rows(settings[name], signals[name], sizes))
    return tuple(_level_table(clock, list(bars), column) for column in zip(*found, strict=True))


def _level_table(
    clock: AccountClock, names: Sequence[str], columns: Sequence[FloatArray]
) -> FloatArray:
    if all(len(column) == 1 for column in columns):
        return np.concatenate(columns).reshape(-1, 1)
    table = np.full((len(names), len(clock)), np.nan)
    for k, (name, column) in enumerate(zip(names, columns, strict=True)):
        table[k, clock.rows[name]] = column
    return table


def _session_ends(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    settings: Mapping[str, BacktestSettings],
    n: int,
) -> BoolArray:
    if all(settings[name].session_close is None for name in bars):
        return np.empty((0, len(bars)), dtype=np.bool_)
    ends = np.zeros((n, len(bars)), dtype=np.bool_)
    for k, (name, each) in enumerate(bars.items()):
        rule = settings[name].session_close
        if rule is not None:
            ends[clock.rows[name], k] = each.session_ends(rule.time, rule.zone)
    return ends


def check_lengths(bars: Mapping[str, ValidatedBars], signals: Mapping[str, Signals]) -> None:
    """Raise `StrategyError` for signals that do not fit their instrument's bars, row by row."""
    for name, each in signals.items():
        if (
            type(each) is Signals
            and each.index is None
            and each.entry_long.shape[0] == bars[name].close.shape[0]
        ):
            continue  # the usual case, a hundred times without the context below
        with of_instrument(name):
            check_rows(bars[name], each)
