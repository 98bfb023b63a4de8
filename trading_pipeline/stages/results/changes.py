"""What a result is made of now and was not then: by the hash of each input, with where to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trading_pipeline.backtest.engine import ENGINE_VERSION
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.result_lineage import ResultLineage, strategy_code
from trading_pipeline.stages.backtests.scenario_inputs import LoadedInputs
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.result_queries import ResultQueries

__all__ = ["KINDS", "Change", "changes_of"]

KINDS = ("bars", "features", "predictions", "settings", "code")
"""What a result is made of; the row of a result has a hash of each."""
_FEATURES = (
    "The files of the features or external inputs were made anew. Look at the rows of "
    "features/<set> in the table artifacts."
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One input that differs: its hash then and now, what is known of it, and where to look."""

    kind: str
    then: str
    now: str
    detail: str


def changes_of(
    workspace: Workspace,
    row: Mapping[str, Any],
    made_from: Mapping[str, str],
    lineage: ResultLineage | None,
    scenario: ScenarioSpec,
    loaded: Mapping[str, LoadedInputs],
) -> tuple[Change, ...]:
    """Inputs whose hash differs from that of the row; `made_from`: the hashes as they are now."""
    details: dict[str, Callable[[], str]] = {
        "bars": lambda: _of_bars(workspace, row),
        "features": lambda: _FEATURES,
        "predictions": lambda: _of_predictions(lineage, loaded),
        "settings": lambda: _of_settings(lineage),
        "code": lambda: _of_code(workspace, lineage, scenario),
    }
    return tuple(
        Change(
            kind=kind,
            then=row[f"{kind}_hash"] or "",
            now=made_from[f"{kind}_hash"],
            detail=details[kind](),
        )
        for kind in KINDS
        if (row[f"{kind}_hash"] or "") != made_from[f"{kind}_hash"]
    )


def _of_bars(workspace: Workspace, row: Mapping[str, Any]) -> str:
    names = row["instruments"].split(INSTRUMENT_SEPARATOR)
    queries = ResultQueries(workspace.warehouse)
    revised = queries.revisions_since(names, row["created_at"])
    if revised:
        told = ", ".join(f"{count:,} of {name}" for name, count in revised.items())
        return f"Values of past bars that a source has revised since: {told}. Table bar_revisions."
    return (
        "Bars, windows or corporate actions were added or fetched anew, without a revised value. "
        "Look at the tables fetch_log and corporate_actions."
    )


def _of_predictions(lineage: ResultLineage | None, loaded: Mapping[str, LoadedInputs]) -> str:
    if lineage is None:
        return "The models or their predictions were made anew: trading-pipeline models list."
    found = []
    for instrument, each in loaded.items():
        for name, frame in each.inputs.predictions.items():
            then = lineage.models.get(instrument, {}).get(name, [])
            now = list(dict.fromkeys(map(str, frame["model_id"])))
            gone = [model for model in then if model not in now]
            new = [model for model in now if model not in then]
            if gone or new:
                found.append(
                    f"{instrument}: {len(gone)} of {len(then)} models of '{name}' were replaced or "
                    f"left ({', '.join(gone[:3]) or 'none'}), {len(new)} are new "
                    f"({', '.join(new[:3]) or 'none'})"
                )
    if not found:
        return "The same models predicted anew, from other features or by other code."
    return "; ".join(found) + ". See: trading-pipeline models show."


def _of_settings(lineage: ResultLineage | None) -> str:
    outside = (
        "the instrument's lots, ticks, multiplier or membership, its calendar's bars a year, or a "
        "TRADING_PIPELINE_SHARPE_LIMIT_* of the environment"
    )
    if lineage is None:
        return f"The scenario's file, or what stands outside it: {outside}."
    return f"The scenario is the stored one, so it is what stands outside it: {outside}."


def _of_code(workspace: Workspace, lineage: ResultLineage | None, scenario: ScenarioSpec) -> str:
    strategies, name = workspace.registries.strategies, scenario.strategy.type
    if lineage is None:
        return f"The code of the strategy '{name}', of the engine, or of what they read."
    if lineage.engine_version != str(ENGINE_VERSION):
        engine = f" The engine's version was {lineage.engine_version}, it is {ENGINE_VERSION}."
    else:
        engine = ""
    if lineage.strategy_code != strategy_code(scenario, strategies):
        file, line = strategies.code_place(name)
        return f"The code of the strategy '{name}': {file}, line {line}.{engine}"
    return (
        f"Not the strategy '{name}', but the engine, the metrics, or what prepares their inputs; "
        f"CHANGELOG.md lists changed results.{engine}"
    )
