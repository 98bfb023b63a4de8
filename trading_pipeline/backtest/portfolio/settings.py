"""Which settings of a portfolio belong to the account and which to an instrument.

An account has one purse, one clock and one limit of its loss a day; costs, sizes, levels and the
contract's terms are the instrument's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from trading_pipeline.backtest.annual_bars import Stamped, with_bar_year
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.settings.backtest_settings import BacktestSettings, VolatilityTarget

__all__ = [
    "ACCOUNT_WIDE",
    "InstrumentSettings",
    "instrument_settings_of",
    "priority_order",
    "refuse_unknown",
    "with_account_year",
]

InstrumentSettings: TypeAlias = BacktestSettings | Mapping[str, Any]
"""Whole settings of an instrument, or only the fields in which it differs from the account's."""

ACCOUNT_WIDE: tuple[str, ...] = (
    "initial_cash",
    "fill",
    "leverage",
    "maintenance_margin",
    "daily_profit_target",
    "daily_loss_limit",
    "cash_rate",
)
"""Fields that every instrument of an account shares."""


def instrument_settings_of(
    names: Iterable[str],
    account: BacktestSettings,
    given: Mapping[str, InstrumentSettings] | None,
) -> dict[str, BacktestSettings]:
    """Settings of each instrument in `names`; those that are not `given` are the account's.

    Raises `UnknownNameError` for an instrument that has no bars, and `ConfigurationError` for a
    wrong field or value, and for one of `ACCOUNT_WIDE` that differs from the account's.
    """
    known = list(names)
    if not given:
        return dict.fromkeys(known, account)
    refuse_unknown("instrument_settings", given, known)
    return {name: _settings(name, account, given.get(name)) for name in known}


def _settings(
    name: str, account: BacktestSettings, given: InstrumentSettings | None
) -> BacktestSettings:
    if given is None:
        return account
    if isinstance(given, BacktestSettings):
        chosen = given
    else:
        whole = {field: getattr(account, field) for field in BacktestSettings.model_fields}
        try:
            chosen = BacktestSettings(**(whole | dict(given)))
        except ConfigurationError as error:
            said = str(error).removeprefix("BacktestSettings: ")
            raise ConfigurationError(f"The settings of {name}: {said}", instrument=name) from error
    for field in ACCOUNT_WIDE:
        own, shared = getattr(chosen, field), getattr(account, field)
        if own != shared:
            raise ConfigurationError(
                f"The settings of {name} have {field}={own!r} and the account's "
                f"{field}={shared!r}; this is one number for the whole account. Set it in the "
                "account's settings only.",
                instrument=name,
                field=field,
                value=own,
                expected=shared,
            )
    return chosen


def with_account_year(
    given: BacktestSettings, own: dict[str, BacktestSettings], clock: Stamped
) -> tuple[BacktestSettings, dict[str, BacktestSettings], tuple[str, ...]]:
    """The account's settings, those of each instrument, and what must be said of bars a year.

    Where the account's settings say nothing, the stamps of its clock tell. An instrument that is
    sized by its volatility counts its own bars, so that its settings stay as given.
    """
    account, said = with_bar_year(given, clock)
    if account is not given:
        own = {
            name: account
            if each is given and not isinstance(each.sizing, VolatilityTarget)
            else each
            for name, each in own.items()
        }
    return account, own, said


def priority_order(names: Iterable[str], priorities: Mapping[str, float] | None) -> tuple[str, ...]:
    """Names in the order in which their buys are served: the highest priority first, then by name.

    A name without a priority has 0. Raises `UnknownNameError` for a priority of another name and
    `ConfigurationError` for one that is no finite number.

    >>> priority_order(["B", "C", "A"], {"C": 1.0})
    ('C', 'A', 'B')
    """
    known, given = list(names), priorities or {}
    if not given:
        return tuple(sorted(known))
    refuse_unknown("priorities", given, known)
    for name, value in given.items():
        if isinstance(value, (bool, np.bool_)) or not abs(value) < float("inf"):
            raise ConfigurationError(
                f"The priority of {name} is {value}; give a finite number, the highest is first.",
                instrument=name,
                value=value,
            )
    return tuple(sorted(known, key=lambda name: (-given.get(name, 0.0), name)))


def refuse_unknown(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raise `UnknownNameError` for the first of `names` that is not a `known` instrument."""
    instruments = dict.fromkeys(known)
    for name in names:
        if name not in instruments:
            raise UnknownNameError(
                f"'{where}' names the instrument {name!r}, which has no bars here. "
                f"{did_you_mean(str(name), list(instruments))}",
                where=where,
                instrument=name,
            )
