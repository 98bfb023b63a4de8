"""Lines of a strategy that a chart of its trades draws: averages, bands, oscillators, levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

import numpy as np

from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.errors import StrategyError

__all__ = ["PRICE_PANE", "ChartLine", "LineStyle", "checked_lines"]

LineStyle = Literal["line", "step", "histogram"]
PRICE_PANE = "price"
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class ChartLine:
    """One line of a chart.

    Parameters
    ----------
    name
        What the legend calls it, such as `SMA 10`.
    values
        One number a bar; NaN where there is nothing to draw. In the pane `price` these are
        forward-adjusted prices, as in `Market.bars`. Row t may use bars up to t only.
    pane
        `price` draws over the candles; lines of any other name share a pane of their own below.
    style
        `line`, `step` (constant from bar to bar) or `histogram`.
    levels
        Constant lines in the same pane, such as 30 and 70 of an RSI.

    Raises `StrategyError` naming the line for a value that cannot be.

    >>> ChartLine("RSI 14", np.array([np.nan, 55.0]), pane="RSI", levels=(30, 70)).levels
    (30.0, 70.0)
    """

    name: str
    values: FloatArray
    pane: str = PRICE_PANE
    style: LineStyle = "line"
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check what is given, and make the values read-only."""
        for field in ("name", "pane"):
            given = getattr(self, field)
            if not (isinstance(given, str) and given.strip() and len(given) <= _LONGEST_NAME):
                raise StrategyError(
                    f"The {field} of a chart line is {given!r}; give a text of 1 to "
                    f"{_LONGEST_NAME} characters.",
                    field=field,
                )
        if self.style not in get_args(LineStyle):
            raise StrategyError(
                f"The style of the chart line {self.name!r} is {self.style!r}; give one of "
                f"{', '.join(get_args(LineStyle))}.",
                field="style",
            )
        object.__setattr__(self, "values", self._checked_values())
        object.__setattr__(self, "levels", self._checked_levels())

    def __len__(self) -> int:
        """Number of bars."""
        return int(self.values.shape[0])

    def _checked_values(self) -> FloatArray:
        given = np.asarray(self.values)
        if given.ndim != 1 or given.dtype.kind not in "iuf":
            raise StrategyError(
                f"The values of the chart line {self.name!r} are a {given.ndim}-dimensional array "
                f"of {given.dtype}; give one number a bar.",
                field="values",
            )
        values = given.astype(np.float64)  # a copy: the caller may reuse its array
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            raise StrategyError(
                f"The chart line {self.name!r} is {values[row]} on row {row}; give NaN where there "
                "is nothing to draw.",
                field="values",
                row=row,
            )
        values.setflags(write=False)
        return values

    def _checked_levels(self) -> tuple[float, ...]:
        given = self.levels
        numbers = isinstance(given, (tuple, list)) and all(
            isinstance(each, Real) and not isinstance(each, bool) and math.isfinite(each)
            for each in given
        )
        if not numbers:
            raise StrategyError(
                f"The levels of the chart line {self.name!r} are {given!r}; give finite numbers, "
                "such as (30, 70).",
                field="levels",
            )
        return tuple(float(each) for each in given)


def checked_lines(given: object, strategy: str, bars: int) -> tuple[ChartLine, ...]:
    """What `chart_lines` of a strategy gave, as lines with one value for each of the bars.

    Raises `StrategyError` for anything else, and for two lines of one name in a pane.
    """
    if isinstance(given, ChartLine) or not isinstance(given, Sequence):
        raise StrategyError(
            f"chart_lines of '{strategy}' gave a {type(given).__name__}; give a list of ChartLine.",
            name=strategy,
        )
    seen: set[tuple[str, str]] = set()
    for each in given:
        if not isinstance(each, ChartLine):
            raise StrategyError(
                f"chart_lines of '{strategy}' gave a list with a {type(each).__name__}; give "
                "ChartLine(name, values) for each line.",
                name=strategy,
            )
        if len(each) != bars:
            raise StrategyError(
                f"The chart line {each.name!r} of '{strategy}' has {len(each)} values for {bars} "
                "bars; give one a bar, NaN where there is nothing to draw.",
                name=strategy,
                line_name=each.name,
            )
        if (each.pane, each.name) in seen:
            raise StrategyError(
                f"Two chart lines of '{strategy}' are called {each.name!r} in the pane "
                f"{each.pane!r}. Give each another name.",
                name=strategy,
                line_name=each.name,
            )
        seen.add((each.pane, each.name))
    return tuple(given)
