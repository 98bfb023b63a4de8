"""The best trials of a study as a short table in Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["trial_table"]

_MOST_ROWS, _MOST_COLUMNS, _MOST_CHARACTERS = 5, 6, 24


def trial_table(
    trials: Sequence[Mapping[str, Any]], names: Sequence[str], metric: str, rows: int = _MOST_ROWS
) -> str:
    """The trials with the highest `value`: searched parameters, metric, Sharpe ratio, number.

    `parameters` of a trial is JSON; `value` and `sharpe` are None where undefined. "" without one
    that has a value.
    """
    valued = [trial for trial in trials if _is_number(trial["value"])]
    best = sorted(valued, key=lambda trial: -float(trial["value"]))[:rows]
    if not best:
        return ""
    shown = list(names[:_MOST_COLUMNS])
    heads = [*shown, metric, *(["sharpe"] if metric != "sharpe" else []), "trial"]
    lines = ["| " + " | ".join(map(_cell, heads)) + " |", "|" + "---|" * len(heads)]
    for trial in best:
        given = json.loads(trial["parameters"])
        numbers = [trial["value"], *([trial["sharpe"]] if metric != "sharpe" else [])]
        cells = [
            *(_cell(given.get(name)) for name in shown),
            *(f"{float(each):.3f}" if _is_number(each) else "-" for each in numbers),
            str(trial["trial_no"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _cell(value: object) -> str:
    told = value if isinstance(value, str) else json.dumps(value)
    short = told if len(told) <= _MOST_CHARACTERS else f"{told[: _MOST_CHARACTERS - 1]}…"
    return short.replace("|", "/").replace("\n", " ").replace("`", "'")
