"""How many bars ahead a path goes, and which of its steps are stored for every bar."""

from __future__ import annotations

from collections.abc import Mapping

from trading_pipeline.domain.timeframe import Timeframe

__all__ = ["STEPS", "stored_horizons"]

STEPS: Mapping[Timeframe, int] = {
    Timeframe.M1: 300,
    Timeframe.M5: 144,
    Timeframe.M15: 96,
    Timeframe.M30: 96,
    Timeframe.H1: 72,
    Timeframe.H4: 42,
    Timeframe.D1: 30,
    Timeframe.W1: 13,
}
"""Bars ahead that a path goes where the model does not say."""


def stored_horizons(steps: int) -> tuple[int, ...]:
    """The powers of two up to the last step, and the last step.

    A prediction of every step would be 300 rows a bar of one minute; these are ten.

    >>> stored_horizons(30)
    (1, 2, 4, 8, 16, 30)
    """
    powers = [1 << power for power in range(steps.bit_length())]
    return tuple(sorted({*(each for each in powers if each <= steps), steps}))
