"""The stage of the leaderboard: all newest results, judged by all trials of the ledger up to now.

A result keeps the number of trials that had been made when it was created. That number depends on
the order of runs; the verdict must not, so the page judges each result anew from the ledger.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.performance.search.standing_out import deflated_numbers
from trading_pipeline.performance.sharpe_statistics import deflated_sharpe_ratio
from trading_pipeline.reporting.leaderboard.curves import MOST_CURVES, Curve, small_curve
from trading_pipeline.reporting.leaderboard.page import ranked, render_leaderboard
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.file_checks import is_intact
from trading_pipeline.stages.backtests.stored_results import result_folder
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.reports.page_stage import PageStage
from trading_pipeline.stages.reports.rebalance_counts import rebalance_count
from trading_pipeline.stages.stage import Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import read_column
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = [
    "LeaderboardStage",
    "equity_curves",
    "hindsight_of",
    "is_of_catalog",
    "judged_now",
    "judged_rows",
    "leaderboard_now",
    "leaderboard_rows",
]

Row = dict[str, Any]


class LeaderboardStage(PageStage):
    """The index of all newest results, `output/reports/index.html`; its only key is in `WHOLE`."""

    asset = "leaderboard"

    def identity(self, key: str) -> Identity:
        """With the hash of the results, of the ledger's numbers, and of the code of the page."""
        numbers = ("result_id", "trials", "trial_variance", "warnings")
        shown = [[row[name] for name in numbers] for row in self._rows]
        told = [shown, *self._cautions, code_hash(LeaderboardStage.produce)]
        inputs = canonical_hash(told)
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Judge the results and render the page."""
        page = _page(self.workspace, self._rows)
        path = "output/reports/index.html"
        artifact = self.write_page(identity, path, page, rows=len(self._rows))
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:  # noqa: ARG002
        """Number of results and trials, and where the page is."""
        return {
            "results": artifact.rows,
            "trials": self.workspace.trials.count(),
            **self.shown_page(self.workspace.artifacts.file_of(artifact)),
        }

    @cached_property
    def _cautions(self) -> list[str]:
        return _cautions(self.workspace, self._rows)

    @cached_property
    def _rows(self) -> list[Row]:
        return leaderboard_rows(self.workspace)


def leaderboard_now(workspace: Workspace) -> str:
    """The page as it would be written now; nothing is written.

    Raises `InsufficientDataError` where there is no warehouse yet, and `DataQualityError` for a
    ledger that is not whole.
    """
    path = workspace.warehouse.path
    if not path.is_file():
        raise InsufficientDataError(
            f"There is no stored result in {path}. Make some: trading-pipeline demo, or run.",
            path=str(path),
        )
    with workspace.warehouse.read():  # results and ledger of one moment
        return _page(workspace, leaderboard_rows(workspace))


def _page(workspace: Workspace, rows: list[Row]) -> str:
    judged = judged_rows(workspace, rows)
    return render_leaderboard(
        judged,
        trials=workspace.trials.count(),
        cautions=_cautions(workspace, rows),
        curves=equity_curves(workspace, ranked(judged)[:MOST_CURVES]),
    )


def _cautions(workspace: Workspace, rows: list[Row]) -> list[str]:
    """That the instruments were chosen with hindsight, where the universe has no dates."""
    found = hindsight_of(workspace, rows)
    return [found] if found else []


def leaderboard_rows(workspace: Workspace) -> list[Row]:
    """Newest results of scenarios, instruments and portfolios that the catalog still has.

    Each with `trials`, those of the ledger now; `trial_variance` and `variance_basis`, the variance
    of the annual Sharpe ratios of comparable trials and which these are; `rebalance_count`, the
    decisions of a portfolio of weights; and `tearsheet`, the path of its page. A result whose trial
    was called invalid says so first in its `warnings`. Raises `DataQualityError` for a ledger that
    is not whole.
    """
    catalog, ledger = workspace.catalog, workspace.trials
    ledger.require_whole()
    trials, invalid = ledger.count(), ledger.invalid_results()
    portfolios = {each.instruments_text for each in catalog.portfolios.values()}
    variances = ledger.sharpe_variances([*catalog.instruments, *sorted(portfolios)])
    found = []
    for row in workspace.results.newest():
        if is_of_catalog(row, catalog):
            variance = variances[row["instruments"]]
            found.append(
                {
                    **row,
                    "warnings": _with_invalidity(row["warnings"], invalid.get(row["result_id"])),
                    "trials": trials,
                    "trial_variance": variance.value,
                    "variance_basis": variance.basis,
                    "rebalance_count": rebalance_count(workspace, row),
                    "tearsheet": f"{row['result_id']}.html",
                }
            )
    return found


def equity_curves(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Small equity curves by result, of files that are as they were written; each is read once."""
    found = {}
    for row in rows:
        path = workspace.settings.runtime / result_folder(row["result_id"]) / "equity.parquet"
        if is_intact(path, json.loads(row["frames"] or "{}").get("equity")):
            curve = small_curve(read_column(path, "equity"))
            if curve is not None:
                found[row["result_id"]] = curve
    return found


def is_of_catalog(row: Row, catalog: Catalog) -> bool:
    """True for a result whose scenario and instruments, or whose portfolio, the catalog has."""
    portfolio = catalog.portfolios.get(row["scenario"])
    if portfolio is not None:
        return bool(row["instruments"] == portfolio.instruments_text)
    return row["scenario"] in catalog.scenarios and row["instruments"] in catalog.instruments


def hindsight_of(workspace: Workspace, rows: list[Row]) -> str:
    """What stands beside these results together: how their instruments came to be chosen.

    One result was chosen among the instruments of the universe, so all of these count. Empty
    without results, and where the universe says when each instrument belonged.
    """
    universe = workspace.catalog.universe
    return universe.hindsight(universe.members) if rows else ""


def judged_rows(workspace: Workspace, rows: list[Row]) -> list[Row]:
    """The rows of `leaderboard_rows` with what the trials make of them; None where undefined.

    Adds the names of `deflated_numbers`, whose error of the Sharpe ratio knows the dependence of
    the bars, and `plain_deflated_sharpe_ratio`, which takes bars as independent.
    """
    return [
        {
            **row,
            **deflated_numbers(row),
            "plain_deflated_sharpe_ratio": _plainly_deflated(workspace, row),
        }
        for row in rows
    ]


def judged_now(workspace: Workspace, row: Row) -> Row:
    """Any stored result as `judged_rows` judges those of the leaderboard, by the ledger as it is.

    Raises `DataQualityError` for a ledger that is not whole.
    """
    ledger = workspace.trials
    ledger.require_whole()
    variance = ledger.sharpe_variance(row["instruments"])
    reason = ledger.invalid_results().get(row["result_id"])
    told = {
        **row,
        "warnings": _with_invalidity(row["warnings"], reason),
        "trials": ledger.count(),
        "trial_variance": variance.value,
        "variance_basis": variance.basis,
        "rebalance_count": rebalance_count(workspace, row),
    }
    (judged,) = judged_rows(workspace, [told])
    return judged


def _with_invalidity(warnings: str | None, reason: str | None) -> str | None:
    if reason is None:
        return warnings
    return "\n".join(filter(None, (f"Invalid trial: {reason}", warnings)))


def _plainly_deflated(workspace: Workspace, row: Row) -> float | None:
    numbers = [row.get(name) for name in ("sharpe", "bars", "skewness", "kurtosis")]
    variance = 0.0 if row["trials"] == 1 else row["trial_variance"]
    if variance is None or any(number is None for number in numbers) or row["trials"] < 1:
        return None
    sharpe, bars, skew, kurtosis = (float(str(number)) for number in numbers)
    year = _bars_a_year(workspace, row)
    found = deflated_sharpe_ratio(
        sharpe=sharpe / math.sqrt(year),
        bars=bars,
        skew=skew,
        kurtosis=kurtosis,
        trials=int(row["trials"]),
        variance=variance / year,
    )
    return None if math.isnan(found) else found


def _bars_a_year(workspace: Workspace, row: Row) -> float:
    """As stored with the result; results from before that have their calendar's."""
    stored = row.get("periods_per_year")
    if stored is not None:
        return float(str(stored))
    if str(row["instruments"]) not in workspace.catalog.instruments:
        return float(str(row["bars"])) / float(str(row["years"]))
    instrument = workspace.catalog.instrument(str(row["instruments"]))
    return periods_per_year(instrument.timeframe, instrument.calendar)
