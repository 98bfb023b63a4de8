"""The index of all results, each with its verdict and a link to its tear sheet.

`page.py` makes the page, `static/leaderboard.js` sorts and filters it in the browser. Rows arrive
judged (`stages/reports/leaderboard.py`).
"""

from __future__ import annotations

from trading_pipeline.reporting.leaderboard.page import LEADERBOARD_METRICS, render_leaderboard

__all__ = ["LEADERBOARD_METRICS", "render_leaderboard"]
