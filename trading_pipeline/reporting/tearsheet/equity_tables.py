"""Tables of an equity curve on the page of a result: returns by month, worst drawdowns."""

from __future__ import annotations

import calendar

import pandas as pd

from trading_pipeline.performance.drawdown_table import drawdown_table
from trading_pipeline.performance.period_returns import monthly_return_table
from trading_pipeline.reporting.page.cells import label_column, value_cell
from trading_pipeline.reporting.page.layout import Cell, Column, html_table
from trading_pipeline.reporting.page.metric_labels import MetricLabel
from trading_pipeline.reporting.page.number_format import format_number, is_missing

__all__ = ["MOST_DRAWDOWNS", "drawdowns_table", "monthly_heatmap"]

MOST_DRAWDOWNS = 10
_HEAT_STEPS = (0.0, 0.01, 0.03, 0.06)
"""Sizes of a month's return from which its cell has the shades 1 to 4."""
_GROUP = "Drawdowns"
_DRAWDOWN_LABELS = {
    "depth": MetricLabel("Depth", "percent", _GROUP, "Fall from the peak to the lowest bar", True),
    "peak_ts": MetricLabel("Peak", "time", _GROUP, "Bar of the highest equity before it, in UTC"),
    "trough_ts": MetricLabel("Trough", "time", _GROUP, "Bar of the lowest equity, in UTC"),
    "recovery_ts": MetricLabel("Recovery", "time", _GROUP, "First bar back at the peak, in UTC"),
    "length_bars": MetricLabel("Bars below", "bars", _GROUP, "Bars that closed below the peak"),
    "bars_to_trough": MetricLabel(
        "To trough", "bars", _GROUP, "Bars below the peak up to the lowest one"
    ),
    "bars_to_recovery": MetricLabel(
        "To recovery", "bars", _GROUP, "Bars from the lowest one until the peak is reached again"
    ),
}


def monthly_heatmap(equity: pd.Series, *, initial_equity: float) -> str:
    """Returns of calendar months in UTC, one row a year, shaded by sign and size.

    The last column is the year's return, to which its months compound. A month without bars, or
    after a ruin, is a dash. Errors as in `performance.equity_array`.
    """
    table = monthly_return_table(equity, initial_equity=initial_equity)
    rows = [
        [Cell(str(year), "text"), *(_heat_cell(value) for value in values)]
        for year, values in zip(table.index, table.to_numpy().tolist(), strict=True)
    ]
    heads = [Column(name) for name in list(calendar.month_abbr)[1:]]
    return html_table([Column("Year", "text"), *heads, Column("Year's return")], rows)


def _heat_cell(value: float) -> Cell:
    if is_missing(value):
        return Cell(format_number(value, "percent"), "muted")
    shade = sum(abs(value) > step for step in _HEAT_STEPS)
    css = f"{'gain' if value > 0 else 'loss'}{shade}" if shade else ""
    return Cell(format_number(value, "percent"), css)


def drawdowns_table(equity: pd.Series, *, initial_equity: float) -> str:
    """The ten deepest drawdowns, the deepest first; one that lasts has no recovery yet.

    Errors as in `performance.equity_array`.
    """
    table = drawdown_table(equity, initial_equity=initial_equity, top=MOST_DRAWDOWNS)
    if table.empty:
        return '<p class="muted">The equity never fell below an earlier close.</p>'
    rows = []
    for number, record in enumerate(table.to_dict("records"), start=1):
        cells = {name: value_cell(record[name], label) for name, label in _DRAWDOWN_LABELS.items()}
        if is_missing(record["peak_ts"]):
            cells["peak_ts"] = Cell("start", "text muted")
        if is_missing(record["recovery_ts"]):
            cells["recovery_ts"] = Cell("not yet", "text muted")
        rows.append([Cell(str(number)), *cells.values()])
    heads = [Column("No."), *map(label_column, _DRAWDOWN_LABELS.values())]
    return html_table(heads, rows)
