"""The assets of reports: tear sheets, pages of portfolios, the leaderboard, tables as CSV."""

import dagster as dg

from trading_pipeline.defs.partitions import instrument_scenarios, portfolios
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.portfolio_report import PortfolioReportStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.results.result_tables import ResultTablesStage

__all__ = ["report_assets"]

GROUP = "reports"


def report_assets() -> list[dg.AssetsDefinition]:
    """`tearsheet`, `portfolio_report`, `leaderboard` and `result_tables`."""
    tearsheet = stage_asset(
        TearsheetStage,
        "tearsheet",
        group_name=GROUP,
        kinds={"html"},
        partitions_def=instrument_scenarios,
        deps=["backtest"],
        description="One self-contained page a result: warnings, metrics, chart with trades, "
        "equity, drawdown.",
    )
    portfolio_report = stage_asset(
        PortfolioReportStage,
        "portfolio_report",
        group_name=GROUP,
        kinds={"html"},
        partitions_def=portfolios,
        deps=["portfolio_backtest"],
        description="One self-contained page a portfolio: warnings, metrics, equity, drawdown, "
        "weights over time, contributions by instrument, trades.",
    )
    leaderboard = stage_asset(
        LeaderboardStage,
        "leaderboard",
        group_name=GROUP,
        kinds={"html"},
        deps=["backtest", "tearsheet", "portfolio_backtest", "portfolio_report"],
        description="The newest result of each scenario and instrument, and of each portfolio, "
        "side by side, with links to their pages.",
    )
    result_tables = stage_asset(
        ResultTablesStage,
        "result_tables",
        group_name=GROUP,
        kinds={"csv"},
        deps=["backtest", "portfolio_backtest"],
        description="`output/csv/trades.csv` and `daily_results.csv`: one row a trade and one a "
        "day of every stored result, in UTC, for spreadsheets and other programs.",
    )
    return [tearsheet, portfolio_report, leaderboard, result_tables]
