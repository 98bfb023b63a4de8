"""This file holds the tables of results and of stage times that commands print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

__all__ = ["result_table", "stage_table"]


def result_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Strategy against buy and hold, one line a result; returns in percent."""
    table = Table(
        title="Results (strategy against buy and hold, after costs)", title_justify="left"
    )
    for name in ("scenario", "instrument"):
        table.add_column(name)
    for name in (
        "return",
        "buy & hold",
        "Sharpe",
        "b & h",
        "max drawdown",
        "b & h",
        "trades",
        "result",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["scenario"]),
            str(row["instruments"]),
            _percent(row["total_return"]),
            _percent(row["benchmark_total_return"]),
            _number(row["sharpe"]),
            _number(row["benchmark_sharpe"]),
            _percent(row["max_drawdown"]),
            _percent(row["benchmark_max_drawdown"]),
            f"{row['trade_count'] or 0:.0f}",
            str(row["result_id"]),
        )
    return table


def stage_table(seconds: Mapping[str, float], runs: Mapping[str, int]) -> Table:
    """Time and number of runs of each stage."""
    table = Table(title="Time by stage", title_justify="left")
    table.add_column("stage")
    table.add_column("runs", justify="right")
    table.add_column("seconds", justify="right")
    for name, value in seconds.items():
        table.add_row(name, str(runs.get(name, 0)), f"{value:.1f}")
    table.add_section()
    table.add_row("all", str(sum(runs.values())), f"{sum(seconds.values()):.1f}")
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:,.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
