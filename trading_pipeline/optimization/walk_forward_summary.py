"""What walk-forward optimization came to, as plain values for summaries and reports."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from trading_pipeline.optimization.walk_forward import WalkForward
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.summary import years_between

__all__ = ["walk_forward_summary"]


def walk_forward_summary(found: WalkForward, searched: Sequence[str]) -> dict[str, Any]:
    """Plain values; None where a number is undefined. `searched`: names of the parameters.

    `efficiency`: annual Sharpe ratio of the joined windows over the mean one of the chosen
    combinations on their training spans. `return_efficiency`: the same of the mean bar return times
    the bars of a year. Both only where the training spans earned something (above 0). `unchanged`:
    share of the folds after the first that kept the parameters of the fold before. `stability`: of
    each parameter how many values were chosen, the most frequent one and the share of the folds
    that chose it, and the smallest and largest number.
    """
    year, stamps = found.periods_per_year, pd.DatetimeIndex(found.equity.index)
    trained = [chosen[1] for chosen in found.chosen if chosen is not None]
    inside = [float(row["sharpe"]) for row in trained if _is_number(row["sharpe"])]
    earned = [float(row["mean"]) * year for row in trained if _is_number(row["mean"])]
    sharpe = measure.sharpe(found.returns, periods_per_year=year)
    yearly = measure.mean_or_nan(found.returns) * year
    growth = float(found.equity.iloc[-1]) / found.start
    return {
        "folds": [_fold(found, number, searched) for number in range(len(found.folds))],
        "out_of_sample": {
            "from": f"{stamps[0]:%Y-%m-%d}",
            "to": f"{stamps[-1]:%Y-%m-%d}",
            "bars": len(stamps),
            "trades": found.trades,
            "sharpe": _plain(sharpe),
            "mean_annual_return": _plain(yearly),
            "total_return": _plain(growth - 1.0),
            "cagr": _plain(measure.growth_a_year(growth, years_between(stamps, len(stamps)))),
            "max_drawdown": _plain(measure.max_drawdown(found.returns)),
        },
        "in_sample": {
            "sharpe": statistics.fmean(inside) if inside else None,
            "mean_annual_return": statistics.fmean(earned) if earned else None,
        },
        "efficiency": _ratio(sharpe, inside),
        "return_efficiency": _ratio(yearly, earned),
        "unchanged": _unchanged(found),
        "stability": {name: _stability(found, name) for name in searched},
    }


def _fold(found: WalkForward, number: int, searched: Sequence[str]) -> dict[str, Any]:
    fold, chosen, row = found.folds[number], found.chosen[number], found.tested[number]
    first = found.folds[0].test[0]
    stamps = found.equity.index[fold.test[0] - first : fold.test[1] - first]
    return {
        "fold": fold.number,
        "train_bars": fold.train[1] - fold.train[0],
        "test_from": f"{stamps[0]:%Y-%m-%d}",
        "test_to": f"{stamps[-1]:%Y-%m-%d}",
        "parameters": None if chosen is None else {name: chosen[0][name] for name in searched},
        "in_sample_value": None if chosen is None else _plain(chosen[1]["value"]),
        "out_of_sample_value": _plain(row["value"]),
        "in_sample_sharpe": None if chosen is None else _plain(chosen[1]["sharpe"]),
        "out_of_sample_sharpe": _plain(row["sharpe"]),
        "trades": row["trade_count"],
    }


def _unchanged(found: WalkForward) -> float | None:
    told = [None if each is None else json.dumps(each[0], sort_keys=True) for each in found.chosen]
    kept = [a is not None and a == b for a, b in itertools.pairwise(told)]
    return sum(kept) / len(kept) if kept else None


def _stability(found: WalkForward, name: str) -> dict[str, Any] | None:
    values = [each[0][name] for each in found.chosen if each is not None]
    if not values:
        return None
    (told, count), *_ = Counter(json.dumps(value) for value in values).most_common(1)
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    spread = {"smallest": min(numbers), "largest": max(numbers)} if numbers else {}
    most = {"most_frequent": json.loads(told), "share": count / len(values)}
    return {"values": len(set(map(json.dumps, values))), **most, **spread}


def _ratio(outside: float, inside: Sequence[float]) -> float | None:
    mean = statistics.fmean(inside) if inside else math.nan
    return outside / mean if mean > 0.0 and math.isfinite(outside) else None


def _plain(value: object) -> float | None:
    return float(value) if _is_number(value) else None  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
