"""Labels that end at a barrier: triple barrier and meta-label.

After Lopez de Prado, Advances in Financial Machine Learning (2018), sections 3.3 to 3.6, with the
highs and lows of bars in place of their closes. Returns are fractions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.features.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.features.labels.kernels import barrier_loop
from trading_pipeline.features.rolling.windows import rolling_std
from trading_pipeline.settings.label_spec import LabelSpec

__all__ = ["BarrierRows", "meta_label", "trailing_volatility", "triple_barrier"]


@dataclass(frozen=True, kw_only=True)
class BarrierRows:
    """Label values of every bar and the row that ends each; `ends` is -1 where there is none yet.

    `usable`: bars with a volatility above 0 (and a side). `columns`: the label and its companions.
    """

    ends: IntArray
    usable: BoolArray
    columns: dict[str, FloatArray]


def trailing_volatility(close: FloatArray, bars: int) -> FloatArray:
    """Sample standard deviation of the last `bars` one-bar log returns; NaN on the first `bars`
    rows."""
    result = np.full(len(close), np.nan)
    if len(close) > bars:
        result[1:] = rolling_std(np.diff(np.log(close)), bars)
    return result


def triple_barrier(spec: LabelSpec, bars: pd.DataFrame) -> BarrierRows:
    """Which of three barriers ends a position that is opened at the next open.

    `label`: 1.0 for the upper barrier, -1.0 for the lower one; at the horizon 0.0 or, with
    `untouched` "sign", the sign of the return. `ambiguous`: 1.0 where one bar touches both; which
    came first is not known, and the label is -1.0. `exit_return`: from the entry to the barrier, to
    the open beyond it, or to the close of the horizon; to the lower barrier where it is ambiguous.
    """
    held = _held(spec, bars, np.ones(len(bars)))
    label = np.where(held.ambiguous, -1.0, held.touches.astype("float64"))
    if spec.untouched == "sign":
        untouched = (held.touches == 0) & ~held.ambiguous
        label = np.where(untouched, np.sign(held.exit_return), label)
    columns = {
        "label": label,
        "ambiguous": held.ambiguous.astype("float64"),
        "exit_return": held.exit_return,
    }
    return BarrierRows(ends=held.ends, usable=held.usable, columns=columns)


def meta_label(spec: LabelSpec, bars: pd.DataFrame, side: FloatArray) -> BarrierRows:
    """Whether a position on the side of a primary signal ends in profit.

    `side`: above 0 long, below 0 short, 0 or NaN no position, one number a bar. `label`: 1.0 where
    the profit barrier comes first, or nothing is touched and the close of the horizon is in profit;
    else 0.0, also where one bar touches both (`ambiguous`). `exit_return` is that of the position.
    """
    direction = np.sign(np.where(np.isnan(side), 0.0, side))
    held = _held(spec, bars, direction)
    won = np.where(held.touches == 0, held.exit_return > 0.0, held.touches == direction)
    columns = {
        "label": np.where(held.ambiguous, 0.0, won.astype("float64")),
        "side": direction,
        "ambiguous": held.ambiguous.astype("float64"),
        "exit_return": held.exit_return,
    }
    return BarrierRows(ends=held.ends, usable=held.usable, columns=columns)


@dataclass(frozen=True, kw_only=True)
class _Held:
    """How a position from each bar's next open ends; `touches` 1 above, -1 below, 0 neither."""

    usable: BoolArray
    ends: IntArray
    touches: IntArray
    ambiguous: BoolArray
    exit_return: FloatArray


def _held(spec: LabelSpec, bars: pd.DataFrame, direction: FloatArray) -> _Held:
    """Positions of `direction` 1.0 long, -1.0 short or 0.0 none; the loss counts if ambiguous."""
    # one layout, so that the loop is compiled once
    opened, high, low, close = (
        np.ascontiguousarray(bars[column], dtype="float64") for column in PRICE_COLUMNS
    )
    width = trailing_volatility(close, spec.volatility_bars or 0) * np.sqrt(spec.horizon_bars)
    profit, loss = (
        width * (1.0 if volatilities is None else volatilities)
        for volatilities in (spec.profit_volatilities, spec.loss_volatilities)
    )
    long, usable = direction > 0.0, (width > 0.0) & (direction != 0.0)
    above = np.where(usable, np.where(long, profit, loss), np.nan)
    below = np.where(long, loss, profit)
    ends, touches, ambiguous, exits = barrier_loop(
        opened, high, low, close, above, below, spec.horizon_bars
    )
    entry = np.append(opened[1:], np.nan)[: len(bars)]
    exits = np.where(ambiguous, entry * np.exp(np.where(long, -below, above)), exits)
    exit_return = direction * (exits / entry - 1.0)
    return _Held(
        usable=usable, ends=ends, touches=touches, ambiguous=ambiguous, exit_return=exit_return
    )
