"""Check a whole catalog against the code: sources, features, labels, models, strategies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import (
    ConfigurationError,
    OwnCodeError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.market_data.quality.findings import check_settings
from trading_pipeline.market_data.resampling import require_resampling
from trading_pipeline.market_data.sources.registry import Sources
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.optimization.study_checks import check_study
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario, require_one_account
from trading_pipeline.settings.scenario import ScenarioSpec, require_currency
from trading_pipeline.settings.scenario_files.scenario_file import ScenarioFile
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.scenario_inputs import required_models
from trading_pipeline.stages.backtests.tradable import require_tradable
from trading_pipeline.stages.features.labels import check_label_spec
from trading_pipeline.stages.models.primary_signals import primary_of
from trading_pipeline.stages.registries import Registries

__all__ = [
    "CHECKS",
    "check_catalog",
    "check_instruments",
    "check_labels",
    "check_models",
    "check_one_study",
    "check_scenario",
    "check_scenario_file",
    "check_scenarios",
    "check_studies",
    "naming_file",
    "waiting",
]


def check_catalog(
    catalog: Catalog, registries: Registries | None = None
) -> dict[str, TradingPipelineError]:
    """What is wrong, by names such as `scenarios/mine` or `instruments/AAPL_1d`.

    Unknown names and wrong parameters, what a broken Python file of the user stops, and instruments
    that are still to come. The errors name the file. `usable_catalog` leaves out what is wrong.
    """
    registries = registries or Registries(catalog)
    found: dict[str, TradingPipelineError] = {}
    for check in CHECKS:
        found = check(catalog, registries) | found
    return waiting(catalog) | found


def check_instruments(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for the instruments alone."""
    found: dict[str, TradingPipelineError] = {}
    for name, instrument in catalog.instruments.items():
        with _setting_aside(f"instruments/{name}", found), naming_file(_file(catalog, "universe")):
            _check_source(name, instrument.source, registries.sources)
            periods_per_year(instrument.timeframe, instrument.calendar)
            check_settings(catalog.universe.checks_of(name))
            if instrument.resample_from is not None:
                require_resampling(
                    instrument.resample_from, instrument.timeframe, instrument.calendar
                )
    return found


def check_models(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for the models alone."""
    found: dict[str, TradingPipelineError] = {}
    for model in catalog.models.values():
        where = f"models/{model.name}"
        with _setting_aside(where, found), naming_file(_file(catalog, where)):
            with _telling_of(catalog, "features"):
                registries.feature_sets.get(model.features)
            check_model_spec(model, registries.predictors)
            check_label_spec(model.label, registries.feature_sets)
            primary_of(model, registries)
    return found


def check_labels(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for the labels of files of their own."""
    found: dict[str, TradingPipelineError] = {}
    for label in catalog.labels.values():
        where = f"labels/{label.name}"
        with _setting_aside(where, found), naming_file(_file(catalog, where)):
            check_label_spec(label, registries.feature_sets)
    return found


def check_scenarios(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for scenarios and portfolios, whatever instruments they wait for."""
    found: dict[str, TradingPipelineError] = {}
    for scenario in (*catalog.scenarios.values(), *catalog.portfolios.values()):
        where = f"scenarios/{scenario.name}"
        file, place = catalog.scenario_files.get(scenario.name), catalog.place_of(scenario.name)
        with _setting_aside(where, found), naming_file(_file(catalog, where), place):
            _check_scenario(catalog, scenario, registries, file)
    return found


def check_studies(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for the studies alone."""
    found: dict[str, TradingPipelineError] = {}
    for study in catalog.studies.values():
        where = f"studies/{study.name}"
        with _setting_aside(where, found), naming_file(_file(catalog, where)):
            catalog.require_fitting(study)
            check_study(study, catalog.scenario(study.scenario), registries.strategies)
    return found


CHECKS = (check_instruments, check_models, check_labels, check_scenarios, check_studies)
"""In the order in which one kind of file names another."""


def waiting(catalog: Catalog) -> dict[str, TradingPipelineError]:
    """Scenarios, and the settings of `cross_features`, whose instruments are still to come."""
    found: dict[str, TradingPipelineError] = {}
    for scenario in (*catalog.scenarios.values(), *catalog.portfolios.values()):
        with _setting_aside(f"scenarios/{scenario.name}", found):
            catalog.require_instruments_of(scenario)
    with _setting_aside("cross_features", found):
        catalog.require_compared_instruments()
    return found


def check_one_study(catalog: Catalog, study: StudySpec) -> None:
    """Raise for a scenario that does not fit, an unknown metric or parameter, a wrong constraint or
    an impossible space.

    The error names the study's file.
    """
    registries = Registries(catalog)
    catalog.require_fitting(study)
    with naming_file(_file(catalog, f"studies/{study.name}")):
        check_study(study, catalog.scenario(study.scenario), registries.strategies)


def check_scenario(
    catalog: Catalog,
    scenario: ScenarioSpec,
    registries: Registries | None = None,
    file: ScenarioFile | None = None,
) -> None:
    """Raise for an unknown strategy, parameter, model, instrument or window of a scenario."""
    _check_scenario(catalog, scenario, registries or Registries(catalog), file)
    catalog.require_instruments_of(scenario)


def check_scenario_file(catalog: Catalog, file: ScenarioFile) -> None:
    """As `check_scenario`, for every scenario of a file; errors name the file and the variant."""
    registries = Registries(catalog)
    for scenario in file.scenarios:
        with naming_file(file.path, file.place_of(scenario.name)):
            check_scenario(catalog, scenario, registries, file)


def _check_scenario(
    catalog: Catalog, scenario: ScenarioSpec, registries: Registries, file: ScenarioFile | None
) -> None:
    """As `check_scenario`, without the instruments."""
    for name in required_models(scenario, registries.strategies):
        advice = (file.model_files or {}).get(name) if file is not None else None
        if advice is not None and name not in catalog.models:
            raise UnknownNameError(
                f"There is no model {name!r}, and a fitted file is not read, because nobody can "
                f"tell which bars it has seen. Write the file models/{name}.yaml in the folder of "
                f"your settings with this line, or a spec of your own: {advice}",
                name=name,
                kind="model",
            )
        catalog.model(name)
    require_tradable(catalog, registries, scenario)
    for name in scenario.instruments or ():
        if name in catalog.instruments:
            require_currency(scenario, catalog.instruments[name])
    if isinstance(scenario, PortfolioScenario):
        require_one_account(scenario, catalog.instruments)
    if scenario.model_window is not None:
        catalog.grid.window(str(scenario.model_window))


def _check_source(instrument: str, name: str, sources: Sources) -> None:
    try:
        sources.get(name)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"The instrument {instrument} names the source {name!r}. "
            f"{did_you_mean(name, sources.names())}",
            **error.values,
        ) from error


def _file(catalog: Catalog, name: str) -> Path | None:
    return catalog.sources.get(name)


@contextmanager
def _setting_aside(name: str, found: dict[str, TradingPipelineError]) -> Iterator[None]:
    """Keep an error under what it stops, and go on after the block."""
    try:
        yield
    except TradingPipelineError as error:
        found.setdefault(name, error)


@contextmanager
def _telling_of(catalog: Catalog, kind: str) -> Iterator[None]:
    """Say of an unknown name what is wrong with the file that may have it."""
    try:
        yield
    except UnknownNameError as error:
        told = catalog.told_of(kind, str(error.values.get("name")))
        if not told:
            raise
        raise UnknownNameError(f"{error}{told}", **error.values) from error


@contextmanager
def naming_file(path: Path | None, place: str | None = None) -> Iterator[None]:
    """Put the name of a spec's file in front of an error, unless it names the file already.

    `place`: the file and the key in it, in place of the file alone.
    """
    try:
        yield
    except OwnCodeError:
        raise
    except TradingPipelineError as error:
        if path is None or str(error).startswith(str(path)) or str(path) in str(error):
            raise
        kind = type(error) if isinstance(error, ConfigurationError) else ConfigurationError
        raise kind(f"{place or path}: {error}", **error.values) from error
