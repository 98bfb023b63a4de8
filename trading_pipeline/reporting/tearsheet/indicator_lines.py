"""Lines of a strategy in the price chart: their data for the script, their legend, their panes."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trading_pipeline.strategies.chart_lines import PRICE_PANE, ChartLine

__all__ = ["PANE_HEIGHT", "line_data", "lines_legend", "panes_below"]

PANE_HEIGHT = 110
"""Pixels that each pane below the candles adds to the chart."""
_COLORS = ("#d97706", "#0891b2", "#a855f7", "#db2777", "#65a30d", "#64748b")
"""Readable on a light and on a dark page."""
Floats = npt.NDArray[np.float64]


def panes_below(lines: Sequence[ChartLine]) -> list[str]:
    """Names of the panes other than that of the candles, in the order of the lines."""
    return list(dict.fromkeys(each.pane for each in lines if each.pane != PRICE_PANE))


def line_data(
    lines: Sequence[ChartLine], ends: npt.NDArray[np.intp], price_scale: Floats
) -> list[dict[str, object]]:
    """Plain values for the page's script, one number a point of the chart.

    `ends`: row of each point's last bar, -1 before the first one. `price_scale`: drawn price over
    price as traded, one a bar, by which lines over the candles are drawn. `pane` counts from 0, the
    candles' own.
    """
    panes = [PRICE_PANE, *panes_below(lines)]
    found: list[dict[str, object]] = []
    for number, each in enumerate(lines):
        values = each.values * price_scale if each.pane == PRICE_PANE else each.values
        found.append(
            {
                "pane": panes.index(each.pane),
                "style": each.style,
                "color": _color(number),
                "levels": list(each.levels),
                "values": [_short(value) for value in np.append(values, np.nan)[ends].tolist()],
            }
        )
    return found


def lines_legend(lines: Sequence[ChartLine]) -> str:
    """Legend entries (HTML) in the lines' colors; a line of another pane names it."""
    return "".join(
        f'<span style="color:{_color(number)}">{html.escape(_told(each))}</span>'
        for number, each in enumerate(lines)
    )


def _told(line: ChartLine) -> str:
    own = line.pane in (PRICE_PANE, line.name)
    return line.name if own else f"{line.name} ({line.pane})"


def _color(number: int) -> str:
    return _COLORS[number % len(_COLORS)]


def _short(value: float) -> float | None:
    return float(f"{value:.7g}") if math.isfinite(value) else None
