"""Whether a scenario's strategy can trade its models, and by the scenario's sizing."""

from __future__ import annotations

from trading_pipeline.errors import ScenarioError
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.models.primary_signals import require_same_primary
from trading_pipeline.stages.registries import Registries

__all__ = ["require_tradable"]


def require_tradable(catalog: Catalog, registries: Registries, scenario: ScenarioSpec) -> None:
    """Raise `ConfigurationError` for a model that the strategy cannot trade, `ScenarioError` for a
    sizing that its own sizes are not counted in, and `StrategyError` for one of the other kind.

    It reads settings only, so it can be asked before anything is loaded.
    """
    strategies, traded = registries.strategies, scenario.strategy
    if isinstance(scenario, PortfolioScenario) and scenario.portfolio.strategy is not None:
        strategies.of_portfolio(traded.type, scenario.members)
    else:
        strategies.of_one_market(traded.type)
    params = strategies.validate_params(traded.type, traded.params)
    require_same_primary(catalog, registries, traded.type, params)
    for name in strategies.required_predictions(traded.type, traded.params):
        strategies.check_model(traded.type, params, catalog.model(name))
    wanted = strategies.required_sizing(traded.type, params)
    if wanted is not None and scenario.sizing.type != wanted:
        raise ScenarioError(
            f"The strategy '{traded.type}' gives sizes for the sizing {wanted}, and the scenario "
            f"'{scenario.name}' has 'sizing.type' {scenario.sizing.type}. Leave 'sizing' out of "
            "the scenario, or the parameter by which the strategy sizes its entries.",
            scenario=scenario.name,
        )
