"""The tables of results and of stage times that commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.table import Table

__all__ = ["result_tables", "stage_table", "study_table"]

_NUMBERS = ("return %", "hold %", "sharpe", "hold", "maxdd %", "hold %", "trades")


def result_tables(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """One table a scenario, one line an instrument; each number beside buy and hold's."""
    ordered = sorted(rows, key=lambda row: str(row["scenario"]))
    return [
        _scenario_table(scenario, list(group))
        for scenario, group in groupby(ordered, key=lambda row: str(row["scenario"]))
    ]


def study_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Best trial of each study and instrument, and of how many it is the best."""
    table = _table("Optimization (best of many trials: it looks better than it is)")
    for name in ("study", "instrument", "best parameters"):
        table.add_column(name)
    for name in ("metric", "best", "median", "trials"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["study"]),
            str(row["instrument"]),
            _parameters(row.get("best_parameters")),
            str(row["metric"]),
            _number(row.get("best_value")),
            _number(row.get("median_value")),
            str(row["trials"]),
        )
    return table


def stage_table(seconds: Mapping[str, float], runs: Mapping[str, int]) -> Table:
    """Time and number of runs of each stage."""
    table = _table("Time by stage")
    table.add_column("stage")
    table.add_column("runs", justify="right")
    table.add_column("seconds", justify="right")
    for name, value in seconds.items():
        table.add_row(name, str(runs.get(name, 0)), f"{value:.1f}")
    table.add_section()
    table.add_row("all", str(sum(runs.values())), f"{sum(seconds.values()):.1f}")
    return table


def _scenario_table(scenario: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(f"{scenario} (after costs; 'hold' is buy and hold with the same costs)")
    table.add_column("instrument", no_wrap=True)
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    for row in rows:
        table.add_row(
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


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=0,
    )


def _parameters(text: str | None) -> str:
    """Numbers of a trial's parameters; the texts are the same for all trials."""
    values: dict[str, Any] = json.loads(text) if text else {}
    numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
    return ", ".join(f"{name} {value}" for name, value in numbers.items()) or "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{_unsigned_zero(value * 100, 1):,.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{_unsigned_zero(value, 2):.2f}"


def _unsigned_zero(value: float, digits: int) -> float:
    """The value as it is shown; what rounds to nothing is 0.00, never -0.00."""
    return round(value, digits) + 0.0
