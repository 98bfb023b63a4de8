"""The start page of the server of reports, and what it says where it shows no page.

`page.py` makes both; which pages there are comes from `stages/report_server/`.
"""

from __future__ import annotations

from trading_pipeline.reporting.start_page.page import render_refusal, render_start_page

__all__ = ["render_refusal", "render_start_page"]
