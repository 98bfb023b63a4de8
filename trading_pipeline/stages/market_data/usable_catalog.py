"""The part of a catalog that can be worked with, and the files that are wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from trading_pipeline.errors import ConfigurationError, OwnCodeError, UnknownNameError
from trading_pipeline.own_code.loading import Registry
from trading_pipeline.settings.catalog import Catalog, load_catalog
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.settings.wrong_files import WrongFile, wrong_file
from trading_pipeline.stages.market_data.check_catalog import CHECKS, waiting
from trading_pipeline.stages.registries import Registries

__all__ = ["catalog_of_files", "usable_catalog"]


def catalog_of_files(settings: PipelineSettings) -> Catalog:
    """All that can be worked with of the files as they are now; `Catalog.wrong` has the others.

    Nothing is raised for a wrong file. Where the universe itself cannot be read, the shipped one
    stands in for it, so that the rest can be shown; no run can begin until it is fixed, since
    `load_catalog` raises.
    """
    try:
        found = load_catalog(settings.config, settings.default_costs, leave_out=True)
    except ConfigurationError as error:
        shown = load_catalog(
            settings.config, settings.default_costs, leave_out=True, own_universe=False
        )
        wrong = wrong_file("universe", error, settings.config / "universe.yaml")
        found = replace(shown, wrong=(wrong, *shown.wrong))
    return usable_catalog(found)


def usable_catalog(catalog: Catalog, registries: Registries | None = None) -> Catalog:
    """The catalog without what is wrong; `wrong` has it, with the errors of `check_catalog`.

    What a broken Python file of the user stops stays and fails where it is used, and so does what
    waits for an instrument; `wrong` has the Python file and what waits too. A usable catalog
    stays as it is.
    """
    registries = registries or Registries(catalog)
    for check in CHECKS:
        errors = {
            name: error
            for name, error in check(catalog, registries).items()
            if not isinstance(error, OwnCodeError)
        }
        if errors:
            found = [wrong_file(n, e, catalog.sources.get(_file_of(n))) for n, e in errors.items()]
            catalog = replace(_without(catalog, errors), wrong=(*catalog.wrong, *found))
    known = {each.name for each in catalog.wrong}
    used_where_they_are = [
        *(
            wrong_file(name, error, catalog.sources.get(name), is_left_out=False)
            for name, error in waiting(catalog).items()
            if isinstance(error, UnknownNameError)  # others come of files that are told of already
        ),
        *_broken_python(registries),
    ]
    further = [each for each in used_where_they_are if each.name not in known]
    return replace(catalog, wrong=(*catalog.wrong, *further)) if further else catalog


def _file_of(name: str) -> str:
    return "universe" if name.startswith("instruments/") else name


def _without(catalog: Catalog, names: Collection[str]) -> Catalog:
    """The catalog without these, by names such as `scenarios/mine`."""

    def kept(folder: str, found: Mapping[str, object]) -> dict[str, object]:
        return {name: each for name, each in found.items() if f"{folder}/{name}" not in names}

    ids = [name.partition("/")[2] for name in names if name.startswith("instruments/")]
    changes: dict[str, object] = {
        "models": kept("models", catalog.models),
        "labels": kept("labels", catalog.labels),
        "scenarios": kept("scenarios", catalog.scenarios),
        "portfolios": kept("scenarios", catalog.portfolios),
        "studies": kept("studies", catalog.studies),
    }
    if ids:
        changes["universe"] = catalog.universe.without(ids)
    return replace(catalog, **changes)  # type: ignore[arg-type]


def _broken_python(registries: Registries) -> list[WrongFile]:
    """Python files that give nothing, and YAML files of feature sets that cannot be made."""
    kinds: dict[str, Registry[Any]] = {
        "strategies": registries.strategies,
        "predictors": registries.predictors,
        "sources": registries.sources,
        "features": registries.feature_sets,
    }
    return [
        wrong_file(f"{kind}/{each.path.stem}", each.error, each.path, is_left_out=False)
        for kind, registry in kinds.items()
        for each in registry.own.broken
    ]
