"""This file holds the labels that end at a barrier: triple barrier and meta-label.

After Lopez de Prado, Advances in Financial Machine Learning (2018), sections 3.3 to 3.6, with the
highs and lows of bars in place of their closes. Returns are fractions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.features.labels.kernels import barrier_loop
from trading_pipeline.features.rolling.windows import rolling_std
from trading_pipeline.settings.label_spec import LabelSpec

__all__ = ["BarrierRows", "meta_label", "trailing_volatility", "triple_barrier"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class BarrierRows:
    """Label values of every bar and the row that ends each; `ends` is -1 where there is none yet.

    `usable`: bars with a volatility above 0 (and a side). `columns`: label and what goes with it.
    """

    ends: IntArray
    usable: BoolArray
    columns: dict[str, FloatArray]


def trailing_volatility(close: FloatArray, bars: int) -> FloatArray:
    """Sample standard deviation of the last `bars` one-bar log returns; NaN on the first `bars` rows."""
    result = np.full(len(close), np.nan)
    if len(close) > bars:
        result[1:] = rolling_std(np.diff(np.log(close)), bars)
    return result


def triple_barrier(spec: LabelSpec, bars: pd.DataFrame) -> BarrierRows:
    """Which of three barriers ends a position that is opened at the next open.

    `label`: 1.0 the upper barrier, -1.0 the lower one, at the horizon 0.0 or, with `untouched`
    "sign", the sign of the return. `ambiguous`: 1.0 where one bar touches both; which came first is
    not known, and the label is -1.0. `exit_return`: from the entry to the barrier, the open beyond
    it, or the close of the horizon; at the lower barrier where it is ambiguous.
    """
    width = _width(spec, bars)
    above, below = (
        width * _number(spec.profit_volatilities),
        width * _number(spec.loss_volatilities),
    )
    ends, touches, ambiguous, exits = _loop(bars, above, below, spec.horizon_bars)
    entry = _next_open(bars)
    exits = np.where(ambiguous, entry * np.exp(-below), exits)
    exit_return = exits / entry - 1.0
    label = np.where(ambiguous, -1.0, touches.astype("float64"))
    if spec.untouched == "sign":
        label = np.where((touches == 0) & ~ambiguous, np.sign(exit_return), label)
    columns = {
        "label": label,
        "ambiguous": ambiguous.astype("float64"),
        "exit_return": exit_return,
    }
    return BarrierRows(ends=ends, usable=width > 0.0, columns=columns)


def meta_label(spec: LabelSpec, bars: pd.DataFrame, side: FloatArray) -> BarrierRows:
    """Whether a position on the side of a primary signal ends in profit.

    `side`: above 0 long, below 0 short, 0 or NaN no position, one number a bar. `label`: 1.0 where
    the profit barrier is first, or nothing is touched and the close of the horizon is in profit;
    else 0.0, also where one bar touches both (`ambiguous`). `exit_return` is that of the position.
    """
    direction = np.sign(np.where(np.isnan(side), 0.0, side))
    width = _width(spec, bars)
    profit, loss = (
        width * _number(spec.profit_volatilities),
        width * _number(spec.loss_volatilities),
    )
    long = direction > 0.0
    above, below = np.where(long, profit, loss), np.where(long, loss, profit)
    usable = (width > 0.0) & (direction != 0.0)
    above = np.where(usable, above, np.nan)
    ends, touches, ambiguous, exits = _loop(bars, above, below, spec.horizon_bars)
    entry = _next_open(bars)
    exits = np.where(ambiguous, entry * np.exp(np.where(long, -below, above)), exits)
    exit_return = direction * (exits / entry - 1.0)
    won = np.where(touches == 0, exit_return > 0.0, touches == direction)
    columns = {
        "label": np.where(ambiguous, 0.0, won.astype("float64")),
        "side": direction,
        "ambiguous": ambiguous.astype("float64"),
        "exit_return": exit_return,
    }
    return BarrierRows(ends=ends, usable=usable, columns=columns)


def _width(spec: LabelSpec, bars: pd.DataFrame) -> FloatArray:
    close = bars["close"].to_numpy(dtype="float64")
    volatility = trailing_volatility(close, spec.volatility_bars or 0)
    width: FloatArray = volatility * np.sqrt(spec.horizon_bars)
    return width


def _loop(
    bars: pd.DataFrame, above: FloatArray, below: FloatArray, horizon: int
) -> tuple[IntArray, IntArray, BoolArray, FloatArray]:
    # one layout, so that the loop is compiled once
    opened, high, low, close = (
        np.ascontiguousarray(bars[column], dtype="float64") for column in PRICE_COLUMNS
    )
    found: tuple[IntArray, IntArray, BoolArray, FloatArray] = barrier_loop(
        opened, high, low, close, above, below, horizon
    )
    return found


def _next_open(bars: pd.DataFrame) -> FloatArray:
    entry = np.full(len(bars), np.nan)
    entry[:-1] = bars["open"].to_numpy(dtype="float64")[1:]
    return entry


def _number(value: float | None) -> float:
    return 1.0 if value is None else value
