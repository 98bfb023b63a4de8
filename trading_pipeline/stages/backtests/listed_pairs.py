"""The pairs of an instrument and a scenario, or a study, of which there can be a result.

A pair is listed where a pass over everything works on it, or where it has a result and its scenario
still covers the instrument. Its name is `instrument|scenario` or `instrument|study`.
"""

from __future__ import annotations

from collections.abc import Iterable

from trading_pipeline.errors import UnknownNameError
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import is_asked_for
from trading_pipeline.stages.workspace import Workspace

__all__ = ["listed_portfolios", "listed_results", "listed_studies"]


def listed_results(workspace: Workspace) -> list[str]:
    """Pairs of instrument and scenario, in the order of the universe."""
    scenarios = _ready(workspace.catalog, workspace.catalog.scenarios.values())
    return _listed(workspace, "backtest", [(each.name, each, None) for each in scenarios])


def listed_studies(workspace: Workspace) -> list[str]:
    """Pairs of instrument and study, in the order of the universe."""
    catalog = workspace.catalog
    ready = {each.name: each for each in _ready(catalog, catalog.scenarios.values())}
    studies = [
        (study.name, ready[study.scenario], study.instruments)
        for study in catalog.studies.values()
        if study.scenario in ready
    ]
    return _listed(workspace, "optimization_trials", studies)


def listed_portfolios(workspace: Workspace) -> list[str]:
    """Portfolios whose instruments are all there."""
    catalog = workspace.catalog
    return [each.name for each in _ready(catalog, catalog.portfolios.values())]


def _ready(catalog: Catalog, scenarios: Iterable[ScenarioSpec]) -> list[ScenarioSpec]:
    """Scenarios that do not wait for an instrument."""
    found = []
    for scenario in scenarios:
        try:
            catalog.require_instruments_of(scenario)
        except UnknownNameError:
            continue
        found.append(scenario)
    return found


def _listed(
    workspace: Workspace,
    asset: str,
    named: list[tuple[str, ScenarioSpec, tuple[str, ...] | None]],
) -> list[str]:
    """Pairs with what is `named`: name, its scenario, and its own list of instruments."""
    listings = workspace.reference.listings()
    done = {partition for _, partition in workspace.artifacts.newest([asset])}
    return [
        f"{instrument}|{name}"
        for instrument in workspace.catalog.instruments
        for name, scenario, own in named
        if own is None or instrument in own
        if is_asked_for(workspace, scenario, instrument, listings)
        or (f"{instrument}|{name}" in done and scenario.covers(instrument))
    ]
