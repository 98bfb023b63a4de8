"""What all pages share, without pandas and without any result.

Read in this order: `number_format.py` (numbers and times as text), `metric_labels.py` (name, unit
and meaning of every metric and column), `layout.py` (the frame of a page and its pieces),
`cells.py` (values in tables), `verdict.py` (one sentence on a result), `plain_warnings.py` (what to
read before the numbers). `static/` holds the style and the switch between light and dark. Nothing
here may know what a particular report shows.
"""

from __future__ import annotations

from trading_pipeline.reporting.page.cells import label_column, value_cell
from trading_pipeline.reporting.page.layout import Cell, Column, card, facts, html_table, page
from trading_pipeline.reporting.page.metric_labels import METRIC_LABELS, MetricLabel, metric_label
from trading_pipeline.reporting.page.number_format import format_number, format_stamp, format_value
from trading_pipeline.reporting.page.plain_warnings import plain_warnings
from trading_pipeline.reporting.page.verdict import verdict

__all__ = [
    "METRIC_LABELS",
    "Cell",
    "Column",
    "MetricLabel",
    "card",
    "facts",
    "format_number",
    "format_stamp",
    "format_value",
    "html_table",
    "label_column",
    "metric_label",
    "page",
    "plain_warnings",
    "value_cell",
    "verdict",
]
