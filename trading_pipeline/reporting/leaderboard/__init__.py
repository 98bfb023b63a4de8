"""The index of all results, each with its verdict and a link to its tear sheet.

`page.py` makes the page, `table.py` its table, `curves.py` equity curves that are small enough,
`cautions.py` what stands above the rows. In the browser `static/leaderboard.js` sorts, filters and
compares rows, `static/chart.js` draws their curves. Rows arrive judged
(`stages/reports/leaderboard.py`).
"""

from __future__ import annotations

from trading_pipeline.reporting.leaderboard.page import LEADERBOARD_METRICS, render_leaderboard

__all__ = ["LEADERBOARD_METRICS", "render_leaderboard"]
