"""This file holds the rows of the leaderboard, each judged by all trials of the ledger up to now.

A result keeps the number of trials that had been made when it was created. That number depends on the
order of runs; the verdict must not, so it is made anew from the ledger whenever the page is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.performance.sharpe_statistics import deflated_sharpe_ratio
from trading_pipeline.stages.workspace import Workspace

__all__ = ["judged_rows", "leaderboard_rows"]


def leaderboard_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Newest results of scenarios and instruments that the catalog still has.

    Each with `trials`, those of the ledger now, and `tearsheet`, the path of its page.
    """
    catalog, trials = workspace.catalog, workspace.trials.count()
    return [
        {**row, "trials": trials, "tearsheet": f"{row['result_id']}.html"}
        for row in workspace.results.newest()
        if row["scenario"] in catalog.scenarios and row["instruments"] in catalog.instruments
    ]


def judged_rows(workspace: Workspace, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `deflated_sharpe_ratio` for all trials of the ledger; None where it is undefined.

    The spread of the trials is that of their Sharpe ratios a year, over all strategies, parameters and
    instruments that were tried.
    """
    variance = workspace.trials.sharpe_variance()
    return [{**row, "deflated_sharpe_ratio": _deflated(workspace, row, variance)} for row in rows]


def _deflated(workspace: Workspace, row: Mapping[str, Any], variance: float | None) -> float | None:
    numbers = [row.get(name) for name in ("sharpe", "bars", "skewness", "kurtosis")]
    if variance is None or any(number is None for number in numbers) or row["trials"] < 1:
        return None
    sharpe, bars, skew, kurtosis = (float(str(number)) for number in numbers)
    instrument = workspace.catalog.instrument(str(row["instruments"]))
    year = periods_per_year(instrument.timeframe, instrument.calendar)
    found = deflated_sharpe_ratio(
        sharpe=sharpe / math.sqrt(year),
        bars=bars,
        skew=skew,
        kurtosis=kurtosis,
        trials=int(row["trials"]),
        variance=variance / year,
    )
    return None if math.isnan(found) else found
