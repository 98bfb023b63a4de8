"""What a search was checked for, as a short table: figure and meaning, one line a check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["checks_table"]


def checks_table(summary: Mapping[str, Any]) -> str:
    """A Markdown table of the checks that a study's summary holds; empty without any.

    >>> print(checks_table({"trials": 90, "effective_trials": 1.46}))
    | check | found | what it says |
    |---|---|---|
    | effective trials | 1.5 of 90 | as many independent trials would differ as much as these do |
    """
    lines = [
        f"| {name} | {found} | {meaning} |"
        for name, found, meaning in _checks(summary)
        if found is not None
    ]
    return "\n".join(["| check | found | what it says |", "|---|---|---|", *lines]) if lines else ""


def _checks(summary: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    return [
        (
            "overfitting (PBO)",
            _percent(_inner(summary, "pbo", "probability")),
            "how often the best of one half of the history is below the median in the other half",
        ),
        (
            "effective trials",
            _of(summary.get("effective_trials"), summary.get("trials")),
            "as many independent trials would differ as much as these do",
        ),
        (
            "better than holding (SPA)",
            _p_value(_inner(summary, "spa", "against_holding", "p_value")),
            "how often luck alone would beat holding by as much, all trials taken together",
        ),
        (
            "neighbours of the best",
            _inner(summary, "plateau", "shape"),
            "plateau: small changes keep most of its lead; spike: they lose it",
        ),
        (
            "parts of the history",
            _percent(_inner(summary, "stress", "sub_periods", "positive_share")),
            "share of the parts in which the best has a Sharpe ratio above 0",
        ),
        (
            "break-even cost",
            _basis_points(summary.get("break_even_cost_bps")),
            "commission of each fill at which nothing is earned",
        ),
    ]


def _inner(summary: Mapping[str, Any], *names: str) -> Any:
    """A value some levels down; None where a level is missing."""
    found: Any = summary
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.0f} %"


def _p_value(value: float | None) -> str | None:
    return None if value is None else f"p = {value:.3f}"


def _basis_points(value: float | None) -> str | None:
    return None if value is None else f"{value:,.0f} bps"


def _of(value: float | None, total: int | None) -> str | None:
    if value is None:
        return None
    return f"{value:.1f}" if total is None else f"{value:.1f} of {total:,}"
