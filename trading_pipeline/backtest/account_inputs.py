"""Tables that the exact loop over an account takes, made from bars, signals and settings.

Prices are tables (bars, instruments), levels and amounts tables (instruments, bars or 1), NaN for
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest.arrays import BoolArray, CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.account import simulate_account
from trading_pipeline.backtest.kernels.state import (
    Actions,
    Calendar,
    Decisions,
    Levels,
    Logs,
    Prices,
    Weights,
    new_account,
    new_instruments,
    new_results,
)
from trading_pipeline.backtest.settings_vector import rules_of, settings_vector
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.moments import YEAR
from trading_pipeline.domain.signals import Level, Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    TargetWeight,
    VolatilityTarget,
)

__all__ = [
    "AccountInputs",
    "financed_years",
    "level_rows",
    "read_only",
    "single_account",
    "sizes_of",
]

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountInputs:
    """Everything of a run but corporate actions and the places that it writes to.

    Fields of `prices`, `events`, `levels`: see `Prices`, `Decisions` and `Levels`; of the weights,
    `Weights`.
    """

    prices: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
    events: tuple[IntArray, IntArray, CodeArray]
    levels: tuple[FloatArray, ...]
    day: IntArray
    session_end: BoolArray
    elapsed: FloatArray
    settings: FloatArray
    weights: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    rebalance: CodeArray = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    threshold: float = 0.0

    def run(
        self,
        actions: tuple[IntArray, IntArray, FloatArray],
        stats: FloatArray,
        equity: FloatArray,
        cash: FloatArray,
        quantity: FloatArray,
        trades: FloatArray,
        orders: FloatArray,
        control: IntArray | None = None,
    ) -> None:
        """One run; `actions` are (bar, instrument, effect), in the order in which they apply.

        `control`: two numbers, the bar that the loop is at, and not 0 to make it stop.
        """
        (pointer, asset, code), (bar, of_asset, effect) = self.events, actions
        simulate_account(
            Prices(*(read_only(table) for table in self.prices)),
            Decisions(read_only(pointer), read_only(asset), read_only(code)),
            Levels(*(read_only(table) for table in self.levels)),
            Actions(read_only(bar), read_only(of_asset), read_only(effect)),
            Calendar(read_only(self.day), read_only(self.session_end), read_only(self.elapsed)),
            Weights(read_only(self.weights), read_only(self.rebalance), self.threshold),
            read_only(self.settings),
            new_instruments(self.prices[0].shape[1]),
            new_account(self.settings[-1]),
            new_results(stats, equity, cash, quantity),
            Logs(trades, orders),
            np.zeros(2, dtype=np.int64) if control is None else control,
        )


def single_account(
    bars: ValidatedBars,
    signals: Signals,
    settings: BacktestSettings,
    event_bar: IntArray,
    event_code: CodeArray,
    sizes: FloatArray | None,
) -> AccountInputs:
    """Tables of one instrument; `sizes`: amounts bar by bar, or None."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    pointer = np.searchsorted(event_bar, np.arange(len(bars) + 1)).astype(np.int64)
    rule = settings.session_close
    ends = np.empty((0, 1), dtype=np.bool_)
    if rule is not None:
        ends = bars.session_ends(rule.time, rule.zone).reshape(-1, 1)
    return AccountInputs(
        prices=tuple(column.reshape(-1, 1) for column in columns),  # type: ignore[arg-type]
        events=(pointer, np.zeros(len(event_bar), dtype=np.int64), event_code),
        levels=tuple(row.reshape(1, -1) for row in level_rows(settings, signals, sizes)),
        day=bars.days if rule is None else bars.local_days(rule.zone),
        session_end=ends,
        elapsed=financed_years(bars.ts, [settings]),
        settings=settings_vector(settings, signals).reshape(1, -1),
    )


def financed_years(ts: IntArray, settings: Iterable[BacktestSettings]) -> FloatArray:
    """Years of 365.25 days from the bar before to each bar; empty where no rate needs them."""
    if not any("financing" in rules_of(each).demands for each in settings):
        return np.empty(0)
    return np.diff(ts, prepend=ts[:1]) / YEAR


def level_rows(
    settings: BacktestSettings, signals: Signals, sizes: FloatArray | None
) -> list[FloatArray]:
    """Amounts, limits, triggers, stops, targets and trails of one instrument, one value or one a
    bar.
    """
    if isinstance(settings.sizing, TargetWeight) and (signals.limit_price or signals.stop_price):
        raise StrategyError(
            "The signals give a limit_price or stop_price, and the settings size by target_weight, "
            "whose orders bring a weight about at the market. Leave the prices out, or choose "
            "another sizing.",
            sizing="target_weight",
        )
    none = np.array([np.nan])
    rows = [none if sizes is None else sizes]
    pairs: Sequence[tuple[Level | None, float | None]] = (
        (signals.limit_price, None),
        (signals.stop_price, None),
        (signals.stop_loss, settings.stop_loss),
        (signals.take_profit, settings.take_profit),
        (signals.trailing_stop, settings.trailing_stop),
    )
    for level, default in pairs:
        missing = none if default is None else np.array([default])
        rows.append(missing if level is None else level.values)
    for row in rows:
        row.setflags(write=False)  # one numba type, so one compilation, whichever levels there are
    return rows


def sizes_of(
    bars: ValidatedBars,
    signals: Signals,
    settings: BacktestSettings,
    action_bar: IntArray,
    action_effect: FloatArray,
) -> FloatArray | None:
    """Sizes of entries, bar by bar; None where the signals give none and the settings need none.

    For a volatility target it is the share of the equity to stake, NaN before the lookback. Splits
    are taken out of the returns. No movement at all gives the largest share.
    """
    sizing = settings.sizing
    if not isinstance(sizing, VolatilityTarget):
        return signals.size
    ratio = np.ones(len(bars))
    np.multiply.at(ratio, action_bar, action_effect[:, 0])
    returns = np.log(bars.close[1:] * ratio[1:] / bars.close[:-1])
    deviation = np.full(len(bars), np.nan)
    count = sizing.lookback_bars
    if len(returns) >= count:
        windows = np.lib.stride_tricks.sliding_window_view(returns, count)
        deviation[count:] = windows.std(axis=1, ddof=1)
    goal: float | FloatArray = sizing.annual_volatility
    if signals.size is not None:
        goal = np.where(np.isnan(signals.size), goal, signals.size)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0: no size asked, none given
        share = goal / (deviation * np.sqrt(_year_of(settings, bars)))
    amounts: FloatArray = np.ascontiguousarray(np.minimum(share, sizing.maximum_weight))
    amounts.setflags(write=False)
    return amounts


def _year_of(settings: BacktestSettings, bars: ValidatedBars) -> float:
    """Bars a year of one instrument, given or told from its own stamps."""
    given = settings.periods_per_year
    return bars.bar_year.bars if given is None else given


def read_only(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """A view that cannot be written: one type for the compiler, however the array came about."""
    view = np.ascontiguousarray(values).view()
    view.setflags(write=False)
    return view
