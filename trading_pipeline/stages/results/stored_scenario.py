"""The scenario of a stored result: as it was stored, or as the files have it now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.result_lineage import ResultLineage, read_lineage
from trading_pipeline.stages.backtests.stored_results import result_folder
from trading_pipeline.stages.results.settings_difference import differing_settings
from trading_pipeline.stages.workspace import Workspace

__all__ = ["known_scenario", "scenario_of_files", "stored_lineage"]


def stored_lineage(runtime: Path, result_id: str) -> ResultLineage | None:
    """What the result was made with; None for one from before that was stored."""
    return read_lineage(runtime / result_folder(result_id))


def scenario_of_files(workspace: Workspace, name: str) -> ScenarioSpec | None:
    """The scenario or portfolio of that name, None where no file has it any more."""
    catalog = workspace.catalog
    return catalog.portfolios.get(name) or catalog.scenarios.get(name)


def known_scenario(
    workspace: Workspace, row: Mapping[str, Any], lineage: ResultLineage | None
) -> tuple[ScenarioSpec, list[str]]:
    """The scenario to run a result again with, and sentences on how it stands to its file.

    Raises `InsufficientDataError` for a result from before scenarios were stored whose scenario no
    file has any more.
    """
    name, now = str(row["scenario"]), scenario_of_files(workspace, str(row["scenario"]))
    if lineage is None:
        if now is None:
            raise InsufficientDataError(
                f"The result {row['result_id']} cannot be run again: it is from before scenarios "
                f"were stored with their results, and no file has the scenario '{name}' any more. "
                f"Write it again into {workspace.settings.config / 'scenarios'}.",
                result_id=row["result_id"],
                scenario=name,
            )
        return now, [
            "The result is from before scenarios were stored with their results, so the "
            "scenario's file was run as it is now."
        ]
    if now is None:
        return lineage.scenario, [
            f"No file has the scenario '{name}' any more; it was run as it was stored."
        ]
    changed = differing_settings(lineage.scenario, now)
    if not changed:
        return lineage.scenario, []
    where = workspace.catalog.sources.get(f"scenarios/{name}", "its file")
    told = "; ".join(f"{key}: {then}, now {value}" for key, (then, value) in changed.items())
    return lineage.scenario, [
        f"The scenario was run as it was stored. {where} says otherwise now: {told}."
    ]
