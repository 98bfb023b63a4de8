"""Strategies that decide one bar at a time, with the signals of all bars like any other."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import ClassVar, Self, get_args

import numpy as np
import pandas as pd

from trading_pipeline.domain.signals import FloatArray, Fraction, Level, Price, Signals
from trading_pipeline.errors import StrategyError, TradingPipelineError
from trading_pipeline.own_code import is_failure
from trading_pipeline.strategies.bar_by_bar.history import History, histories
from trading_pipeline.strategies.bar_by_bar.signal import BarLevel, Signal, SignalType, level_number
from trading_pipeline.strategies.base import Direction, ParamsT, Strategy
from trading_pipeline.strategies.market import Market

__all__ = ["BarByBarStrategy"]

_LEVELS = ("stop_loss", "take_profit", "trailing_stop")


class BarByBarStrategy(Strategy[ParamsT]):
    """A rule that decides at each bar's close by `on_bar`; the convenient form, and the slow one.

    Everything that takes a `Strategy` takes one of these. Each run works on a copy of the object:
    what `on_start` or `on_bar` keeps in `self` lives until the end of that run, so a run depends
    on its bars alone. The strategy is asked from the first stored bar on, and does not know the
    account: whether a stop was hit, for example.
    """

    direction: ClassVar[Direction] = "long_only"
    """Whether SELL opens short positions (`long_short`); a parameter of that name comes first."""

    params: ParamsT
    """The parameters of the run."""

    def on_start(self) -> None:
        """Called before the first bar of each run: the place to set what the run remembers."""

    @abstractmethod
    def on_bar(self, history: History) -> Signal:
        """The decision at the close of the last bar of `history`; HOLD where there is none."""

    def signals(self, market: Market, params: ParamsT) -> Signals:
        """The signals of `on_bar` at every bar.

        Raises `StrategyError` that names the bar where `on_bar` fails, returns no `Signal`, or
        gives one level as a price here and as a fraction there.
        """
        run = self._run_of(params)
        run.on_start()
        table = _Table(market, sells_short=self._sells_short(params))
        for row, history in enumerate(histories(market)):
            try:
                signal = run.on_bar(history)
                if type(signal) is not Signal:
                    raise _no_signal(signal)
                table.take(row, signal)
            except BaseException as error:
                if not is_failure(error):
                    raise
                raise _failed(self.name, market.raw.index[row], row, error).with_traceback(
                    error.__traceback__
                ) from error
        return table.signals()

    def _sells_short(self, params: ParamsT) -> bool:
        given = getattr(params, "direction", None)
        direction = given if given in get_args(Direction) else self.direction
        if direction not in get_args(Direction):
            raise StrategyError(
                f"The direction of '{self.name}' is {direction!r}; give 'long_only' or "
                "'long_short'.",
                name=self.name,
            )
        return bool(direction == "long_short")

    def _run_of(self, params: ParamsT) -> Self:
        try:
            run = copy.deepcopy(self)
        except Exception as error:
            raise StrategyError(
                f"The object of the strategy '{self.name}' cannot be copied for a run "
                f"({type(error).__name__}: {error}). Open and set in on_start what a run needs.",
                name=self.name,
            ) from error
        run.params = params
        return run


class _Table:
    """The decisions so far, one row a bar."""

    def __init__(self, market: Market, *, sells_short: bool) -> None:
        self._market, self._sells_short = market, sells_short
        flags = np.zeros((4, len(market)), dtype=np.bool_)
        self._entry_long, self._exit_long, self._entry_short, self._exit_short = flags
        self._numbers: dict[str, FloatArray] = {}
        self._fractions: dict[str, tuple[bool, int]] = {}
        self._reasons: dict[int, str] = {}

    def take(self, row: int, signal: Signal) -> None:
        """Write a bar's decision into its row."""
        kind = signal.type
        if kind is SignalType.BUY:
            self._entry_long[row] = True
        elif kind is SignalType.SELL:
            (self._entry_short if self._sells_short else self._exit_long)[row] = True
        elif kind is SignalType.CLOSE_LONG:
            self._exit_long[row] = True
        elif kind is SignalType.CLOSE_SHORT:
            self._exit_short[row] = True
        for name in ("confidence", "size"):
            if getattr(signal, name) is not None:
                self._column(name)[row] = getattr(signal, name)
        for name in _LEVELS:
            level = getattr(signal, name)
            if level is not None:
                self._take_level(name, row, level)
        if signal.metadata:
            self._reasons[row] = signal.reason

    def signals(self) -> Signals:
        """All rows as signals."""
        reason = None
        if self._reasons:
            reason = np.full(len(self._market), "", dtype=object)
            for row, text in self._reasons.items():
                reason[row] = text
        return Signals(
            entry_long=self._entry_long,
            exit_long=self._exit_long,
            entry_short=self._entry_short,
            exit_short=self._exit_short,
            size=self._numbers.get("size"),
            confidence=self._numbers.get("confidence"),
            stop_loss=self._level("stop_loss"),
            take_profit=self._level("take_profit"),
            trailing_stop=self._level("trailing_stop"),
            reason=reason,
        )

    def _column(self, name: str) -> FloatArray:
        if name not in self._numbers:
            self._numbers[name] = np.full(len(self._market), np.nan)
        return self._numbers[name]

    def _take_level(self, name: str, row: int, level: BarLevel) -> None:
        is_fraction = isinstance(level, Fraction)
        before, first = self._fractions.setdefault(name, (is_fraction, row))
        if before != is_fraction:
            words = {True: "a fraction", False: "a price"}
            raise StrategyError(
                f"{name} is {words[is_fraction]}, and was {words[before]} at the bar "
                f"{_shown(self._market.raw.index[first])}. Give it in one form on all bars.",
                field=name,
            )
        self._column(name)[row] = level_number(level)

    def _level(self, name: str) -> Level | None:
        if name not in self._fractions:
            return None
        values = self._numbers[name]
        if self._fractions[name][0]:
            return Fraction(values)
        return Price(self._market.to_raw(values))


def _no_signal(given: object) -> StrategyError:
    shown = "None" if given is None else f"a {type(given).__name__}"
    hint = (
        "a bar without a decision gives Signal(SignalType.HOLD)"
        if given is None
        else "give a Signal, such as Signal(SignalType.BUY)"
    )
    return StrategyError(f"it returned {shown}; {hint}.")


def _failed(name: str, bar: pd.Timestamp, row: int, error: BaseException) -> StrategyError:
    own = isinstance(error, TradingPipelineError)
    said = str(error) if own else f"{type(error).__name__}: {error}. Fix that line."
    if isinstance(error, SystemExit):
        said = f"SystemExit: {error}. Leave out of it what ends the program."
    return StrategyError(
        f"on_bar of '{name}' failed at the bar {_shown(bar)} (row {row}): {said}",
        name=name,
        bar=str(bar),
        row=row,
    )


def _shown(bar: pd.Timestamp) -> str:
    return f"{bar:%Y-%m-%d}" if bar == bar.normalize() else f"{bar:%Y-%m-%d %H:%M} UTC"
