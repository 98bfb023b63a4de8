"""Checks a whole catalog against the code: strategies, features, estimators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import (
    ConfigurationError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.features.sets.registry import feature_set
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.market_data.quality.findings import check_settings
from trading_pipeline.market_data.resampling import require_resampling
from trading_pipeline.market_data.sources.registry import source_names
from trading_pipeline.models.training.train import check_model_spec
from trading_pipeline.optimization.grid_study import check_study
from trading_pipeline.settings.catalog import SHIPPED, Catalog
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import required_models
from trading_pipeline.stages.features.labels import check_label_spec
from trading_pipeline.stages.features.own_feature_sets import know_own_feature_sets
from trading_pipeline.strategies import validate_params

__all__ = ["check_catalog", "check_scenario", "naming_file"]


def check_catalog(catalog: Catalog) -> None:
    """Raise for the first unknown name or wrong parameter; the error names the file."""
    know_own_feature_sets(catalog)
    for name, instrument in catalog.instruments.items():
        with naming_file(catalog.sources.get("universe")):
            if instrument.source not in source_names():
                raise UnknownNameError(
                    f"The instrument {name} names the source {instrument.source!r}. "
                    f"{did_you_mean(instrument.source, source_names())}",
                    name=instrument.source,
                    kind="source",
                )
            periods_per_year(instrument.timeframe, instrument.calendar)
            check_settings(catalog.universe.checks_of(name))
            if instrument.resample_from is not None:
                require_resampling(
                    instrument.resample_from, instrument.timeframe, instrument.calendar
                )
    for model in catalog.models.values():
        with naming_file(catalog.sources.get(f"models/{model.name}")):
            feature_set(model.features)
            check_model_spec(model)
            check_label_spec(model.label)
    for label in catalog.labels.values():
        with naming_file(catalog.sources.get(f"labels/{label.name}")):
            check_label_spec(label)
    for scenario in catalog.scenarios.values():
        with _movable(catalog.sources.get(f"scenarios/{scenario.name}")):
            check_scenario(catalog, scenario)
    for study in catalog.studies.values():
        with _movable(catalog.sources.get(f"studies/{study.name}")):
            check_study(study, catalog.scenario(study.scenario))


def check_scenario(catalog: Catalog, scenario: ScenarioSpec) -> None:
    """Raise for an unknown strategy, parameter, model, instrument or window of a scenario."""
    validate_params(scenario.strategy.type, scenario.strategy.params)
    for name in required_models(scenario):
        catalog.model(name)
    for name in scenario.instruments or ():
        catalog.require_known_instrument(name)
    if scenario.model_window is not None:
        catalog.grid.window(str(scenario.model_window))


@contextmanager
def _movable(path: Path | None) -> Iterator[None]:
    """As `naming_file`, and say that nothing runs until the file is fixed or moved."""
    try:
        with naming_file(path):
            yield
    except ConfigurationError as error:
        if path is None or path.is_relative_to(SHIPPED):
            raise
        raise type(error)(
            f"{error} Until {path.name} is fixed, or moved out of {path.parent}, nothing else is run.",
            **error.values,
        ) from error


@contextmanager
def naming_file(path: Path | None) -> Iterator[None]:
    """Put the name of a spec's file in front of an error, unless it is there already."""
    try:
        yield
    except TradingPipelineError as error:
        if path is None or str(error).startswith(str(path)) or str(path) in str(error):
            raise
        kind = type(error) if isinstance(error, ConfigurationError) else ConfigurationError
        raise kind(f"{path}: {error}", **error.values) from error
