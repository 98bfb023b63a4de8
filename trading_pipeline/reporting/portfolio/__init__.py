"""The report on a portfolio: a tear sheet of its account, weights over time, contributions.

Read `page.py` first. Everything that a tear sheet has as well is made in `reporting/tearsheet/`.
"""

from __future__ import annotations

from trading_pipeline.reporting.portfolio.page import PortfolioReport, render_portfolio

__all__ = ["PortfolioReport", "render_portfolio"]
