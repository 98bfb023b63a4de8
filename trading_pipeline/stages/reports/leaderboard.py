"""The stage of the leaderboard: all newest results, judged by all trials of the ledger up to now.

A result keeps the number of trials that had been made when it was created. That number depends on
the order of runs; the verdict must not, so the page judges each result anew from the ledger.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.performance.sharpe_statistics import deflated_sharpe_ratio
from trading_pipeline.reporting.leaderboard.page import render_leaderboard
from trading_pipeline.stages.outcome import Link, Shown
from trading_pipeline.stages.reports.page_stage import PageStage
from trading_pipeline.stages.stage import Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["LeaderboardStage", "judged_rows", "leaderboard_rows"]

Row = dict[str, Any]


class LeaderboardStage(PageStage):
    """The index of all newest results, `output/reports/index.html`; its only key is in `WHOLE`."""

    asset = "leaderboard"

    def identity(self, key: str) -> Identity:
        """With the hash of the results, of the ledger's numbers, and of the code of the page."""
        numbers = ("result_id", "trials", "trial_variance", "warnings")
        shown = [[row[name] for name in numbers] for row in self._rows]
        inputs = canonical_hash([shown, code_hash(LeaderboardStage.produce)])
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Judge the results and render the page."""
        rows = judged_rows(self.workspace, self._rows)
        page = render_leaderboard(rows, trials=self.workspace.trials.count())
        artifact = self.write_page(identity, "output/reports/index.html", page, rows=len(rows))
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:  # noqa: ARG002
        """Number of results and trials, and where the page is."""
        page = self.workspace.settings.runtime / str(artifact.path)
        return {
            "results": artifact.rows,
            "trials": self.workspace.trials.count(),
            "page": Link(page.as_uri()),
        }

    @cached_property
    def _rows(self) -> list[Row]:
        return leaderboard_rows(self.workspace)


def leaderboard_rows(workspace: Workspace) -> list[Row]:
    """Newest results of scenarios and instruments that the catalog still has.

    Each with `trials`, those of the ledger now; `trial_variance` and `variance_basis`, the variance
    of the annual Sharpe ratios of comparable trials and which these are; and `tearsheet`, the path
    of its page. A result whose trial was called invalid says so first in its `warnings`.
    """
    catalog, ledger = workspace.catalog, workspace.trials
    trials, invalid = ledger.count(), ledger.invalid_results()
    variances = ledger.sharpe_variances(list(catalog.instruments))
    found = []
    for row in workspace.results.newest():
        if row["scenario"] in catalog.scenarios and row["instruments"] in catalog.instruments:
            variance = variances[row["instruments"]]
            found.append(
                {
                    **row,
                    "warnings": _with_invalidity(row["warnings"], invalid.get(row["result_id"])),
                    "trials": trials,
                    "trial_variance": variance.value,
                    "variance_basis": variance.basis,
                    "tearsheet": f"{row['result_id']}.html",
                }
            )
    return found


def judged_rows(workspace: Workspace, rows: list[Row]) -> list[Row]:
    """The rows of `leaderboard_rows` with `deflated_sharpe_ratio`; None where it is undefined."""
    return [{**row, "deflated_sharpe_ratio": _deflated(workspace, row)} for row in rows]


def _with_invalidity(warnings: str | None, reason: str | None) -> str | None:
    if reason is None:
        return warnings
    return "\n".join(filter(None, (f"Invalid trial: {reason}", warnings)))


def _deflated(workspace: Workspace, row: Row) -> float | None:
    variance = row["trial_variance"]
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
