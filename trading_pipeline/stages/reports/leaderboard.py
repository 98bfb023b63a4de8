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

__all__ = ["LeaderboardStage", "hindsight_of", "judged_rows", "leaderboard_rows"]

Row = dict[str, Any]


class LeaderboardStage(PageStage):
    """The index of all newest results, `output/reports/index.html`; its only key is in `WHOLE`."""

    asset = "leaderboard"

    def identity(self, key: str) -> Identity:
        """With the hash of the results, of the number of trials, and of the code of the page."""
        shown = [[row["result_id"], row["trials"]] for row in self._rows]
        told = [shown, *self._cautions, code_hash(LeaderboardStage.produce)]
        inputs = canonical_hash(told)
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Judge the results and render the page."""
        rows = judged_rows(self.workspace, self._rows)
        page = render_leaderboard(
            rows, trials=self.workspace.trials.count(), cautions=self._cautions
        )
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
    def _cautions(self) -> list[str]:
        """That the instruments were chosen with hindsight, where the universe has no dates."""
        found = hindsight_of(self.workspace, self._rows)
        return [found] if found else []

    @cached_property
    def _rows(self) -> list[Row]:
        return leaderboard_rows(self.workspace)


def leaderboard_rows(workspace: Workspace) -> list[Row]:
    """Newest results of scenarios and instruments that the catalog still has.

    Each with `trials`, those of the ledger now, and `tearsheet`, the path of its page.
    """
    catalog, trials = workspace.catalog, workspace.trials.count()
    return [
        {**row, "trials": trials, "tearsheet": f"{row['result_id']}.html"}
        for row in workspace.results.newest()
        if row["scenario"] in catalog.scenarios and row["instruments"] in catalog.instruments
    ]


def hindsight_of(workspace: Workspace, rows: list[Row]) -> str:
    """What stands beside these results together: how their instruments came to be chosen.

    One result was chosen among the instruments of the universe, so all of these count. Empty
    without results, and where the universe says when each instrument belonged.
    """
    universe = workspace.catalog.universe
    return universe.hindsight(universe.members) if rows else ""


def judged_rows(workspace: Workspace, rows: list[Row]) -> list[Row]:
    """The rows with `deflated_sharpe_ratio` for all trials of the ledger; None where undefined.

    The spread of the trials is that of their annual Sharpe ratios, over all strategies, parameters
    and instruments that were tried.
    """
    variance = workspace.trials.sharpe_variance()
    return [{**row, "deflated_sharpe_ratio": _deflated(workspace, row, variance)} for row in rows]


def _deflated(workspace: Workspace, row: Row, variance: float | None) -> float | None:
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
