"""Results as pages that people read: tear sheets and the leaderboard, each one HTML file.

Read `page/` first (labels, number format, layout, warnings: what all pages share), then
`tearsheet/` (one backtest) and `leaderboard/` (all results). A report takes values and gives text:
reading and writing files belongs to `stages/reports/`, and a formula belongs to `performance/`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
    "METRIC_LABELS": "page.metric_labels",
    "metric_label": "page.metric_labels",
    "plain_warnings": "page.plain_warnings",
    "verdict": "page.plain_warnings",
    "render_leaderboard": "leaderboard.page",
    "TearsheetInput": "tearsheet.page",
    "render_tearsheet": "tearsheet.page",
}


def __getattr__(name: str) -> object:
    """Import a name when it is first used: the command line needs labels without pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
