"""Check a whole catalog against the code: sources, features, labels, models, strategies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from trading_pipeline.settings.catalog import SHIPPED, Catalog
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
    "catalog_of_study",
    "check_catalog",
    "check_models",
    "check_one_study",
    "check_scenario",
    "check_scenario_file",
    "naming_file",
]


def check_catalog(
    catalog: Catalog, registries: Registries | None = None
) -> dict[str, TradingPipelineError]:
    """Raise for the first unknown name or wrong parameter; the error names the file.

    What only a broken Python file of the user stops, or an instrument that is not in the universe
    yet, is not raised but returned, by names such as `scenarios/mine` or `instruments/AAPL_1d`;
    everything else can be worked with.
    """
    found: dict[str, TradingPipelineError] = {}
    registries = registries or Registries(catalog)
    for name, instrument in catalog.instruments.items():
        with _setting_aside(f"instruments/{name}", found), naming_file(_file(catalog, "universe")):
            _check_source(name, instrument.source, registries.sources)
            periods_per_year(instrument.timeframe, instrument.calendar)
            check_settings(catalog.universe.checks_of(name))
            if instrument.resample_from is not None:
                require_resampling(
                    instrument.resample_from, instrument.timeframe, instrument.calendar
                )
    found |= check_models(catalog, registries)
    for label in catalog.labels.values():
        where = f"labels/{label.name}"
        with _setting_aside(where, found), naming_file(_file(catalog, where)):
            check_label_spec(label, registries.feature_sets)
    for scenario in (*catalog.scenarios.values(), *catalog.portfolios.values()):
        where, file = f"scenarios/{scenario.name}", catalog.scenario_files.get(scenario.name)
        place = catalog.place_of(scenario.name)
        with _setting_aside(where, found), _movable(_file(catalog, where), place):
            _check_scenario(catalog, scenario, registries, file)
        with _setting_aside(where, found, UnknownNameError):
            catalog.require_instruments_of(scenario)
    with _setting_aside("cross_features", found, UnknownNameError):
        catalog.require_compared_instruments()
    for study in catalog.studies.values():
        where = f"studies/{study.name}"
        with _setting_aside(where, found), _movable(_file(catalog, where)):
            check_study(study, catalog.scenario(study.scenario), registries.strategies)
    return found


def check_models(catalog: Catalog, registries: Registries) -> dict[str, TradingPipelineError]:
    """As `check_catalog`, for the models alone."""
    found: dict[str, TradingPipelineError] = {}
    for model in catalog.models.values():
        where = f"models/{model.name}"
        with _setting_aside(where, found), naming_file(_file(catalog, where)):
            registries.feature_sets.get(model.features)
            check_model_spec(model, registries.predictors)
            check_label_spec(model.label, registries.feature_sets)
            primary_of(model, registries)
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


def catalog_of_study(catalog: Catalog, study: str) -> Catalog:
    """The catalog without other scenarios and studies that are wrong; these are in `left_out`.

    Raises what `check_catalog` raises of all that the study uses, and of everything but scenarios
    and studies.
    """
    registries, wrong = Registries(catalog), list(catalog.left_out)
    needed = catalog.study(study).scenario

    def fits(check: Callable[..., None], *given: object) -> bool:
        """What own Python files stop, `check_catalog` sets aside."""
        try:
            check(*given)
        except OwnCodeError:
            return True
        except TradingPipelineError as error:
            wrong.append(error)
            return False
        return True

    scenarios = {
        name: each
        for name, each in catalog.scenarios.items()
        if name == needed or fits(_check_named, catalog, each, registries)
    }
    portfolios = {
        name: each
        for name, each in catalog.portfolios.items()
        if fits(_check_named, catalog, each, registries)
    }
    found = replace(catalog, scenarios=scenarios, portfolios=portfolios, left_out=())
    studies = {
        name: each
        for name, each in catalog.studies.items()
        if name == study or fits(check_one_study, found, each)
    }
    return replace(found, studies=studies, left_out=tuple(wrong))


def _check_named(catalog: Catalog, scenario: ScenarioSpec, registries: Registries) -> None:
    file = catalog.scenario_files.get(scenario.name)
    where = _file(catalog, f"scenarios/{scenario.name}")
    with naming_file(where, catalog.place_of(scenario.name)):
        _check_scenario(catalog, scenario, registries, file)


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
def _setting_aside(
    name: str,
    found: dict[str, TradingPipelineError],
    kind: type[TradingPipelineError] = OwnCodeError,
) -> Iterator[None]:
    """Keep an error of the kind under what it stops, and go on after the block."""
    try:
        yield
    except kind as error:
        found.setdefault(name, error)


@contextmanager
def _movable(path: Path | None, place: str | None = None) -> Iterator[None]:
    """As `naming_file`, and say that nothing runs until the file is fixed or moved."""
    try:
        with naming_file(path, place):
            yield
    except ConfigurationError as error:
        if path is None or path.is_relative_to(SHIPPED) or isinstance(error, OwnCodeError):
            raise
        raise type(error)(
            f"{error} Until {path.name} is fixed, or moved out of {path.parent}, nothing else is "
            "run.",
            **error.values,
        ) from error


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
