"""Runs a stored result again from what is stored, and says whether it is equal or what changed.

Nothing is written: no result, no trial. A reproduction tries no new idea, so it is not a trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.errors import InsufficientDataError, LookaheadError, TradingPipelineError
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.portfolio import PortfolioStage
from trading_pipeline.stages.backtests.result_lineage import ResultLineage
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.backtests.stored_results import sound_result
from trading_pipeline.stages.results.changes import Change, changes_of
from trading_pipeline.stages.results.stored_scenario import known_scenario, stored_lineage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["Reproduction", "reproduce"]

_COMPARED = 1e-12


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What running a result again came to.

    `is_equal`: equity, trades, orders and settings have the same content hash. `changes`: what it
    is made of now that differs from then; there may be some although the numbers are equal.
    `numbers`: metrics that differ, each as it was stored and as it is now. `notes`: what else must
    be said.
    """

    result_id: str
    is_equal: bool
    content_hash: str
    content_hash_now: str
    changes: tuple[Change, ...]
    numbers: Mapping[str, tuple[float | None, float | None]]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.is_equal:
            digits = self.content_hash[:SHOWN_DIGITS]
            told = f"Equal: the run gave the stored content hash {digits} again"
            if not self.changes:
                return f"{told}."
            return f"{told}, although this changed: {', '.join(e.kind for e in self.changes)}."
        if self.changes:
            return f"Not equal. Changed since: {', '.join(e.kind for e in self.changes)}."
        return (
            "Not equal, although bars, features, predictions, settings and code are the same: the "
            "code is not deterministic, or the libraries or the machine differ."
        )


def reproduce(workspace: Workspace, result_id: str) -> Reproduction:
    """Run the scenario of a result on what is stored now; the stored scenario where there is one.

    Raises
    ------
    DataQualityError
        Where the stored result is not as it was written.
    InsufficientDataError
        Where something that the result was made from is not there any more.
    LookaheadError
        Where the audit of the strategy finds now that it reads the future.
    """
    row = sound_result(workspace, result_id)
    lineage = stored_lineage(workspace.settings.runtime, result_id)
    scenario, notes = known_scenario(workspace, row, lineage)
    try:
        stage_of = _portfolio if isinstance(scenario, PortfolioScenario) else _single
        return stage_of(_holding(workspace, scenario), row, lineage, notes)
    except LookaheadError:
        raise
    except TradingPipelineError as error:
        raise InsufficientDataError(
            f"The result {result_id} of '{row['scenario']}' on {row['instruments']} cannot be run "
            f"again: {error}",
            result_id=result_id,
        ) from error


def _single(
    workspace: Workspace, row: Mapping[str, Any], lineage: ResultLineage | None, notes: list[str]
) -> Reproduction:
    stage = BacktestStage(workspace, row["instruments"])
    run = stage.run(row["scenario"])
    return _compared(workspace, row, lineage, notes, stage.made_from(row["scenario"]), run)


def _portfolio(
    workspace: Workspace, row: Mapping[str, Any], lineage: ResultLineage | None, notes: list[str]
) -> Reproduction:
    stage = PortfolioStage(workspace, row["scenario"])
    for name in stage.scenario.members:
        workspace.catalog.instrument(name)  # refuses one that is gone or archived
    run = stage.run()
    return _compared(workspace, row, lineage, notes, stage.made_from, run)


def _compared(
    workspace: Workspace,
    row: Mapping[str, Any],
    lineage: ResultLineage | None,
    notes: list[str],
    made_from: Mapping[str, str],
    run: Any,
) -> Reproduction:
    now = run.result.content_hash
    scenario = _traded(workspace, row["scenario"])
    loaded = {
        name: load_inputs(workspace, name, scenario)
        for name in row["instruments"].split(INSTRUMENT_SEPARATOR)
    }
    metrics = {name: run.metrics[name] for name in run.metrics if name in row}
    numbers = {
        name: (row[name], None if value != value else float(value))
        for name, value in metrics.items()
        if not _is_same(row[name], value)
    }
    return Reproduction(
        result_id=row["result_id"],
        is_equal=now == row["content_hash"],
        content_hash=row["content_hash"],
        content_hash_now=now,
        changes=changes_of(workspace, row, made_from, lineage, scenario, loaded),
        numbers=numbers,
        notes=tuple(notes),
    )


def _is_same(stored: float | None, now: float) -> bool:
    if stored is None or now != now:
        return stored is None and now != now
    return stored == now or abs(stored - now) <= _COMPARED * max(abs(stored), abs(now))


def _traded(workspace: Workspace, name: str) -> ScenarioSpec:
    catalog = workspace.catalog
    return catalog.portfolios[name] if name in catalog.portfolios else catalog.scenario(name)


def _holding(workspace: Workspace, scenario: ScenarioSpec) -> Workspace:
    """A workspace whose catalog has this scenario under its name, and no other of that name."""
    catalog, name = workspace.catalog, scenario.name
    scenarios = {key: each for key, each in catalog.scenarios.items() if key != name}
    portfolios = {key: each for key, each in catalog.portfolios.items() if key != name}
    if isinstance(scenario, PortfolioScenario):
        portfolios[name] = scenario
    else:
        scenarios[name] = scenario
    return replace(workspace, catalog=replace(catalog, scenarios=scenarios, portfolios=portfolios))
