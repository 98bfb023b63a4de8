"""Which loop may run: the one statement that single runs, sweeps and portfolios ask.

What settings, signals or bars ask for beyond market orders at the next open has a name. Each fast loop
names what of this it carries out, and may run where nothing else is asked for. The exact loop over an
account (`simulate_account`) carries out everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["CARRIED_OUT", "Demand", "Loop", "demands_of", "may_run", "may_run_plain"]

Loop: TypeAlias = Literal["plain", "crossings", "signals", "weights"]
Demand: TypeAlias = Literal[
    "same_close", "levels", "max_holding", "resting_orders", "sizes_by_bar", "volatility_target",
    "target_weight", "pyramiding", "volume", "margin_calls", "session_close", "daily_limits",
    "financing", "missing_bars",
]  # fmt: skip

CARRIED_OUT: Final[dict[Loop, frozenset[Demand]]] = {
    # One instrument: `kernels.fast.plain`, alone or for each signals of a sweep.
    "plain": frozenset(
        {"same_close", "levels", "max_holding", "sizes_by_bar", "volatility_target"}
    ),
    # One instrument, signals made of two rows of a crossing plan: `kernels.fast.sweep`.
    "crossings": frozenset({"same_close", "levels", "max_holding"}),
    # Signals of several instruments: `kernels.fast.portfolio_signals`.
    "signals": frozenset({"sizes_by_bar", "volatility_target", "pyramiding"}),
    # Target weights: `kernels.fast.portfolio_weights`. How signals are sized plays no part in it.
    "weights": frozenset({"sizes_by_bar", "volatility_target", "target_weight", "pyramiding"}),
}

# Settings whose values other than the default ask for something.
_ASKED_BY: Final[dict[str, Demand]] = {
    "fill": "same_close",
    "stop_loss": "levels",
    "take_profit": "levels",
    "trailing_stop": "levels",
    "max_holding_bars": "max_holding",
    "pyramiding": "pyramiding",
    "slippage_volume_share": "volume",
    "maximum_participation": "volume",
    "maintenance_margin": "margin_calls",
    "session_close": "session_close",
    "daily_profit_target": "daily_limits",
    "daily_loss_limit": "daily_limits",
    "borrow_rate": "financing",
    "funding_rate": "financing",
    "cash_rate": "financing",
}
_NOTHING: Final[frozenset[Demand]] = frozenset()


def demands_of(settings: BacktestSettings) -> frozenset[Demand]:
    """What the settings ask for.

    >>> sorted(demands_of(BacktestSettings(stop_loss=0.1, borrow_rate=0.02)))
    ['financing', 'levels']
    """
    fields = BacktestSettings.model_fields
    found = {
        demand
        for name, demand in _ASKED_BY.items()
        if getattr(settings, name) != fields[name].default
    }
    if settings.sizing.type in ("target_weight", "volatility_target"):
        found.add(settings.sizing.type)
    return frozenset(found)


def may_run(
    loop: Loop,
    demands: Iterable[frozenset[Demand]],
    signals: Iterable[Signals] = (),
    *,
    complete: bool = True,
) -> bool:
    """True where the loop carries out all that is asked for.

    Parameters
    ----------
    loop
        Which loop.
    demands
        What the settings ask for (`demands_of`), of the account and of each instrument.
    signals
        Signals of each instrument; none where target weights are traded.
    complete
        Every instrument has every bar.
    """
    carried = CARRIED_OUT[loop]
    return (
        (complete or "missing_bars" in carried)
        and all(each <= carried for each in demands)
        and all(_demands_of_signals(each) <= carried for each in signals)
    )


def may_run_plain(needs_account: bool, signals: Signals) -> bool:
    """`may_run("plain")` for a single run, where microseconds count.

    `needs_account`: the settings ask for more than the plain loop carries out.
    """
    return not needs_account and signals.limit_price is signals.stop_price is None


def _demands_of_signals(signals: Signals) -> frozenset[Demand]:
    at_market = signals.limit_price is signals.stop_price is None
    no_levels = signals.stop_loss is signals.take_profit is signals.trailing_stop is None
    if at_market and no_levels and signals.size is None:
        return _NOTHING
    asked: dict[Demand, bool] = {
        "resting_orders": not at_market,
        "levels": not no_levels,
        "sizes_by_bar": signals.size is not None,
    }
    return frozenset(demand for demand, is_asked in asked.items() if is_asked)
