"""What many rules share: where one line crosses another, and the two sides of a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.signals import BoolArray, FloatArray, Signals
from trading_pipeline.strategies.base import Direction

__all__ = ["crosses_above", "crosses_below", "sided"]


def crosses_above(line: FloatArray, level: npt.ArrayLike) -> BoolArray:
    """True where `line` is above `level` (a line or one number) and was not on the row before.

    False on row 0 and wherever one of the four values is NaN.

    >>> crosses_above(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])).tolist()
    [False, False, True]
    """
    levels = np.broadcast_to(np.asarray(level, dtype=np.float64), line.shape)
    crossed = np.zeros(line.shape[0], dtype=np.bool_)
    crossed[1:] = (line[1:] > levels[1:]) & (line[:-1] <= levels[:-1])
    return crossed


def crosses_below(line: FloatArray, level: npt.ArrayLike) -> BoolArray:
    """True where `line` is below `level` (a line or one number) and was not on the row before.

    >>> crosses_below(np.array([3.0, 2.0, 1.0]), 2.0).tolist()
    [False, False, True]
    """
    return crosses_above(np.broadcast_to(np.asarray(level, dtype=np.float64), line.shape), line)


def sided(
    direction: Direction,
    *,
    up: BoolArray,
    down: BoolArray,
    exit_long: BoolArray,
    exit_short: BoolArray,
    **others: Any,
) -> Signals:
    """Signals that enter long at `up` and, with `long_short`, short at `down`.

    `others`: levels and further fields of `Signals`.
    """
    if direction == "long_only":
        return Signals.long_only(up, exit_long, **others)
    return Signals(
        entry_long=up, exit_long=exit_long, entry_short=down, exit_short=exit_short, **others
    )
