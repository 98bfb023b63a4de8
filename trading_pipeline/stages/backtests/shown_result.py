"""What the asset page shows of a stored result; none of it is code of the result."""

from __future__ import annotations

from typing import Any

from trading_pipeline.reporting.portfolio.page import BENCHMARK
from trading_pipeline.reporting.tearsheet.metadata import equity_image, headline_table
from trading_pipeline.reporting.tearsheet.tables import HELD
from trading_pipeline.stages.backtests.stored_results import result_frame
from trading_pipeline.stages.outcome import Shown, ShownMarkdown
from trading_pipeline.stages.workspace import Workspace

__all__ = ["described_portfolio", "described_result"]

Row = dict[str, Any]
HEADLINES = (
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trade_count",
    "win_rate",
    "profit_factor",
    "time_in_market",
    "final_equity",
    "benchmark_total_return",
    "benchmark_sharpe",
    "trials_at_creation",
)
"""Numbers that the UI plots over the runs."""
_SHOWN_HASHES = ("bars_hash", "features_hash", "predictions_hash", "code_hash", "content_hash")


def described_result(workspace: Workspace, product: Row) -> dict[str, Shown]:
    """Headline numbers of a row of `backtest_results`, a table and a picture, and its hashes."""
    return _described(workspace, product, HELD)


def described_portfolio(workspace: Workspace, product: Row) -> dict[str, Shown]:
    """The same of a portfolio's row, beside its instruments held at equal weights."""
    return _described(workspace, product, BENCHMARK)


def _described(workspace: Workspace, product: Row, held_as: str) -> dict[str, Shown]:
    equity, benchmark = (
        result_frame(workspace, product["result_id"], name)["equity"]
        for name in ("equity", "benchmark")
    )
    image = equity_image(equity, benchmark, float(product["initial_equity"]), held_as)
    picture = {"equity": ShownMarkdown(f"![Equity and drawdown]({image})")} if image else {}
    return {
        **picture,
        "metrics": ShownMarkdown(headline_table(product, held_as)),
        "result_id": product["result_id"],
        "audit": product["audit"],
        "audit_note": product["audit_note"],
        "warnings": product["warnings"],
        **{n: float(product[n]) for n in HEADLINES if product.get(n) is not None},
        **{name: (product[name] or "")[:12] for name in _SHOWN_HASHES},
        "parameters": product["parameters"],
    }
