"""What the asset page shows of a result: a picture as an address of data, a table in Markdown."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import as_number, format_interval, format_value
from trading_pipeline.reporting.tearsheet.tables import HELD

__all__ = ["equity_image", "headline_table"]

FloatArray = npt.NDArray[np.float64]
_COLUMNS = 120
_WIDTH, _LEFT, _RIGHT = 600, 8, 84
_EQUITY = (20, 150)
_DRAWDOWN = (166, 216)
_HEIGHT = 236
_STYLE = (
    "<style>text{fill:#7a869a;font:12px sans-serif}path{fill:none;stroke-width:1.5}"
    ".own{stroke:#4a82ea}.hold{stroke:#9aa4b5}.down{fill:#d9705f;fill-opacity:.45}"
    ".start{stroke:#9aa4b5;stroke-dasharray:3 4;stroke-width:1}text.own{fill:#4a82ea;stroke:none}"
    "text.hold{stroke:none}</style>"
)
_HEADLINES = (
    ("total_return", "benchmark_total_return"),
    ("cagr", "benchmark_cagr"),
    ("sharpe", "benchmark_sharpe"),
    ("sortino", ""),
    ("max_drawdown", "benchmark_max_drawdown"),
    ("annual_volatility", ""),
    ("trade_count", ""),
    ("win_rate", ""),
    ("profit_factor", ""),
    ("time_in_market", ""),
    ("total_fees", ""),
)
"""Metrics of the table, and the same of the benchmark where there is one."""


def equity_image(
    equity: pd.Series, benchmark: pd.Series, initial: float, held_as: str = HELD
) -> str:
    """Equity beside its benchmark, and the drawdown below, as an SVG in an address of data.

    Both series: money by bar, from `initial` on; `held_as` names the benchmark. Each of at most
    120 columns shows the last bar of its span, and of the drawdown the deepest. The colours suit a
    light and a dark page. "" where there are fewer than two bars, or one is not a finite number.
    """
    own, hold = (each.to_numpy(dtype=np.float64) / initial for each in (equity, benchmark))
    whole = np.concatenate([own, hold])
    if min(len(own), len(hold)) < 2 or not np.isfinite(whole).all():
        return ""
    drawdown = own / np.maximum.accumulate(np.maximum(own, 1.0)) - 1.0
    columns = min(_COLUMNS, len(own), len(hold))
    last = _last_bars(len(own), columns)
    deepest = np.minimum.reduceat(drawdown, np.concatenate([[0], last[:-1] + 1]))
    shown_own, shown_hold = own[last], hold[_last_bars(len(hold), columns)]
    bounds = [float(f(np.append(shown_own, shown_hold))) for f in (np.min, np.max)]
    at_own = _heights(shown_own, bounds, _EQUITY)
    at_hold = _heights(shown_hold, bounds, _EQUITY)
    at_start = _heights(np.ones(1), bounds, _EQUITY)[0]
    depth = float(deepest.min())
    at_down = _heights(deepest, [min(depth, -1e-9), 0.0], _DRAWDOWN)
    right = _WIDTH - _RIGHT
    first, final = (f"{moment:%Y-%m-%d}" for moment in (equity.index[0], equity.index[-1]))
    ends = sorted([(at_own[-1], "own", own[-1]), (at_hold[-1], "hold", hold[-1])])
    apart = max(0, 14 - (ends[1][0] - ends[0][0]))
    parts = [
        f'<path class="start" d="M{_LEFT} {at_start}H{right}"/>',
        f'<path class="hold" d="{_line(at_hold)}"/><path class="own" d="{_line(at_own)}"/>',
        f'<path class="down" d="M{_LEFT} {_DRAWDOWN[0]}L{_line(at_down)[1:]}V{_DRAWDOWN[0]}z"/>',
        *(
            f'<text class="{kind}" x="{right + 6}" y="{y + 4 + apart * place}">'
            f"{format_value(float(value) - 1.0, 'percent')}</text>"
            for place, (y, kind, value) in enumerate(ends)
        ),
        f'<text x="{right + 6}" y="{_DRAWDOWN[1]}">{format_value(depth, "percent")}</text>',
        f'<text class="own" x="{_LEFT}" y="13">Equity</text>',
        f'<text class="hold" x="{_LEFT + 52}" y="13">{html.escape(held_as)}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 4}">Drawdown, {first} to {final}</text>',
    ]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" role="img" aria-label="Equity and drawdown">{_STYLE}{"".join(parts)}'
        "</svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def headline_table(row: Mapping[str, Any], held_as: str = HELD) -> str:
    """Headline metrics of a row of `backtest_results` beside those of its benchmark, in Markdown.

    Metrics without a value are left out; all of them are on the tear sheet.
    """
    head = f"| metric | strategy | 90 % interval | {held_as.lower()} |"
    lines = [head, "|---|---:|---:|---:|"]
    for name, of_hold in _HEADLINES:
        if row.get(name) is None:
            continue
        label = metric_label(name)
        low, high = (as_number(row.get(f"{name}_{bound}")) for bound in ("low", "high"))
        held = format_value(row.get(of_hold), label.kind) if row.get(of_hold) is not None else ""
        interval = format_interval(low, high, label.kind)
        value = format_value(row[name], label.kind)
        lines.append(f"| {label.label} | {value} | {interval} | {held} |")
    return "\n".join(lines)


def _last_bars(count: int, columns: int) -> npt.NDArray[np.int64]:
    """The last bar of each column; the last column ends with the last bar."""
    return np.arange(1, columns + 1, dtype=np.int64) * count // columns - 1


def _heights(values: FloatArray, bounds: list[float], pane: tuple[int, int]) -> list[int]:
    """Whole pixels from the top, with `bounds` (lowest, highest) at the edges of the pane."""
    low, high = bounds
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    found: list[int] = np.round(pane[1] - share * (pane[1] - pane[0])).astype(int).tolist()
    return found


def _line(heights: list[int]) -> str:
    """A path through the columns, as steps from one to the next."""
    places = np.linspace(_LEFT, _WIDTH - _RIGHT, len(heights)).round().astype(int).tolist()
    steps = (
        f"l{places[at] - places[at - 1]} {heights[at] - heights[at - 1]}"
        for at in range(1, len(heights))
    )
    return f"M{places[0]} {heights[0]}{''.join(steps)}"
