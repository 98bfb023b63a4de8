"""Results as pages that people read: tear sheets and the leaderboard, each one HTML file.

Read `page/` first (labels, number format, layout, warnings: what all pages share), then
`tearsheet/` (one backtest), `leaderboard/` (all results), `forecast/` (the next bars) and
`model_card/` (how good a model was); `start_page/` lists them, `result_chart/` is a result as JSON.
A report takes values and gives text: reading and writing files belongs to `stages/`, and a formula
belongs to `performance/` or `models/cards/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.reporting.leaderboard.page import render_leaderboard
    from trading_pipeline.reporting.page.metric_labels import METRIC_LABELS, metric_label
    from trading_pipeline.reporting.page.plain_warnings import plain_warnings, verdict
    from trading_pipeline.reporting.tearsheet.page import TearsheetInput, render_tearsheet

__all__ = [
    "METRIC_LABELS",
    "TearsheetInput",
    "metric_label",
    "plain_warnings",
    "render_leaderboard",
    "render_tearsheet",
    "verdict",
]

_HOMES = {
    "METRIC_LABELS": "trading_pipeline.reporting.page.metric_labels",
    "metric_label": "trading_pipeline.reporting.page.metric_labels",
    "plain_warnings": "trading_pipeline.reporting.page.plain_warnings",
    "verdict": "trading_pipeline.reporting.page.plain_warnings",
    "render_leaderboard": "trading_pipeline.reporting.leaderboard.page",
    "TearsheetInput": "trading_pipeline.reporting.tearsheet.page",
    "render_tearsheet": "trading_pipeline.reporting.tearsheet.page",
}
# imported when first used: the command line needs labels without pandas
__getattr__ = lazy_exports(__name__, _HOMES)
