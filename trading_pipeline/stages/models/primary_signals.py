"""The sides that the strategy of a meta model opens on an instrument, audited as in a backtest."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.predictors.catalogue import params_of
from trading_pipeline.models.predictors.meta import Meta, MetaParams
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.registries import Registries
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies import Market, StrategyCatalogue, StrategyParams
from trading_pipeline.strategies.ml.held_states import opened_sides
from trading_pipeline.strategies.strategy_audit import strategy_outcome

__all__ = ["Primary", "PrimarySignals", "primary_of", "require_same_primary"]


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The strategy whose signals a meta model judges."""

    strategy: str
    params: StrategyParams

    def code_hash(self, strategies: StrategyCatalogue) -> str:
        """Hash of the code that the sides follow from."""
        own = strategies.code_hash(self.strategy, self.params)
        return canonical_hash([own, code_hash(opened_sides, InstrumentSeries)])

    def described(self, strategies: StrategyCatalogue) -> list[object]:
        """What the sides follow from beside bars and external inputs."""
        dumped = self.params.model_dump(mode="json")
        return [self.strategy, dumped, self.code_hash(strategies)]


def primary_of(spec: ModelSpec, registries: Registries) -> Primary | None:
    """The strategy of a meta model; None for every other model.

    Raises `ConfigurationError` for one that reads predictions: its own would be made of
    themselves. What the strategy's parameters raise passes.
    """
    predictor = registries.predictors.get(spec.predictor.type)
    if not isinstance(predictor, Meta):
        return None
    given = params_of(predictor, spec)
    if not isinstance(given, MetaParams):
        raise TypeError(f"the predictor {predictor.name!r} got {type(given).__name__}")
    strategies = registries.strategies
    params = strategies.validate_params(given.strategy, given.parameters)
    models = strategies.required_predictions(given.strategy, given.parameters)
    if models:
        own = "its own predictions" if spec.name in models else f"predictions of '{models[0]}'"
        raise ConfigurationError(
            f"The model {spec.name!r} would judge the signals of '{given.strategy}', which reads "
            f"{own}. A meta model needs a strategy that reads bars alone, such as sma_crossover.",
            model=spec.name,
            strategy=given.strategy,
        )
    return Primary(strategy=given.strategy, params=params)


def require_same_primary(
    catalog: Catalog, registries: Registries, strategy: str, params: StrategyParams
) -> None:
    """Raise `ConfigurationError` where a strategy filters by a meta model of other signals."""
    traded = registries.strategies.primary(strategy, params)
    if traded is None:
        return
    for name in registries.strategies.get(strategy).required_predictions(params):
        judged = primary_of(catalog.model(name), registries)
        if judged is None:
            raise ConfigurationError(
                f"The strategy '{strategy}' needs a model of the predictor 'meta', and {name!r} is "
                f"one of '{catalog.model(name).predictor.type}'.",
                model=name,
            )
        if (judged.strategy, judged.params) != traded:
            raise ConfigurationError(
                f"The model {name!r} judges the signals of '{judged.strategy}' with "
                f"{judged.params.model_dump(mode='json')}, and '{strategy}' trades those of "
                f"'{traded[0]}' with {traded[1].model_dump(mode='json')}. Give both the same "
                "strategy and parameters.",
                model=name,
                strategy=strategy,
            )


class PrimarySignals:
    """Sides of one meta model on one instrument, computed once from every stored bar.

    The audit of look-ahead shows that the row of a bar needs no later one.
    """

    def __init__(self, workspace: Workspace, instrument_id: str, primary: Primary) -> None:
        self._workspace, self._instrument_id = workspace, instrument_id
        self._primary = primary
        strategies = workspace.registries.strategies
        declared = strategies.external_inputs(primary.strategy, primary.params)
        self._external = ExternalInputs(workspace, declared)
        self._sides: pd.Series | None = None
        self.warnings: tuple[str, ...] = ()
        """What the audit could not try, once the sides are computed."""

    def inputs(self, last: Window) -> list[str]:
        """Hashes of the external inputs that were known in a window; bars are counted apart."""
        series = stored_series(self._workspace, self._instrument_id)
        rows = series.span(None, last.end)
        return self._external.hashes_until(series.known_at[rows.stop - 1] if rows.stop else None)

    def sides(self) -> pd.Series:
        """`opened_sides` of each stored bar, index ts.

        Raises `LookaheadError` where the strategy reads the future.
        """
        if self._sides is None:
            self._sides = self._computed()
        return self._sides

    def _computed(self) -> pd.Series:
        workspace, primary = self._workspace, self._primary
        series, strategies = (
            stored_series(workspace, self._instrument_id),
            workspace.registries.strategies,
        )
        market = Market(
            series.raw,
            series.factors["total"].to_numpy(),
            series.known_at,
            split_factor=series.factors["split"].to_numpy(),
            inputs=self._external.as_known(series),
        )
        signals = strategies.signals(primary.strategy, market, primary.params)
        outcome = strategy_outcome(
            strategies,
            primary.strategy,
            primary.params,
            market,
            instrument=self._instrument_id,
            log=workspace.audits,
        )
        self.warnings = outcome.warnings
        return pd.Series(opened_sides(signals), index=series.raw.index)
