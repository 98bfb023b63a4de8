"""The report on one backtest: warnings, headline numbers, charts, metrics, years, trades.

Read `page.py` first: it puts the page together from `tables.py`, `yearly_returns.py` and
`chart_data.py`; `static/tearsheet.js` draws the charts in the browser. Metrics arrive computed
(`performance.summarize`); only what the page alone shows is worked out here.
"""

from __future__ import annotations

from trading_pipeline.reporting.tearsheet.page import TearsheetInput, render_tearsheet
from trading_pipeline.reporting.tearsheet.yearly_returns import yearly_returns

__all__ = ["TearsheetInput", "render_tearsheet", "yearly_returns"]
