"""Puts the definitions of a catalog together."""

import dagster as dg

from trading_pipeline.defs.automation.jobs import project_jobs
from trading_pipeline.defs.automation.schedules import project_schedules
from trading_pipeline.defs.backtests import backtest_asset, portfolio_asset
from trading_pipeline.defs.checks.files import files_check
from trading_pipeline.defs.checks.live_models import live_check
from trading_pipeline.defs.cross_features import cross_features_asset
from trading_pipeline.defs.datasets import dataset_profile, inbox_sensor
from trading_pipeline.defs.features import feature_assets, label_assets
from trading_pipeline.defs.market_data import bars_asset, corporate_actions, universe
from trading_pipeline.defs.models import card_assets, forecast_assets, model_assets
from trading_pipeline.defs.optimization import optimization_assets
from trading_pipeline.defs.partitions import instrument_windows
from trading_pipeline.defs.patterns import pattern_asset
from trading_pipeline.defs.reports import report_assets
from trading_pipeline.defs.resources import (
    MarketDataResource,
    WarehouseResource,
    WorkspaceResource,
)
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.usable_catalog import usable_catalog
from trading_pipeline.stages.registries import Registries

__all__ = ["build_definitions"]


def build_definitions(
    catalog: Catalog, *, market_data: MarketDataResource | None = None
) -> dg.Definitions:
    """Definitions of what can be used of a catalog (`usable_catalog`); one wrong file stops nothing
    else, and the check `files` of `universe` tells of it.

    `market_data` replaces the clients of the sources.
    """
    registries = Registries(catalog)
    catalog = usable_catalog(catalog, registries)
    grid = instrument_windows(catalog)
    chain = [
        bars_asset(grid),
        *feature_assets(catalog, grid, registries.feature_sets),
        *label_assets(catalog, grid, registries.feature_sets),
        pattern_asset(catalog, grid),
        *model_assets(catalog, grid, registries.predictors),
    ]
    forecasts = forecast_assets(catalog, registries.predictors)
    cards = card_assets(catalog, registries.predictors)
    jobs = project_jobs(chain, forecasts, cards)
    warehouse = WarehouseResource(
        database="warehouse.duckdb", wait_seconds=load_settings().warehouse_wait_seconds
    )
    workspace = WorkspaceResource(
        warehouse=warehouse, market_data=market_data or MarketDataResource()
    )
    assets = [
        universe,
        corporate_actions,
        dataset_profile,
        *chain,
        cross_features_asset(catalog, grid),
        backtest_asset(catalog),
        portfolio_asset(catalog),
        *forecasts,
        *cards,
        *optimization_assets(catalog),
        *report_assets(),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[files_check, *(live_check(name) for name in catalog.models)],
        jobs=jobs,
        schedules=project_schedules(catalog),
        sensors=[inbox_sensor(catalog, jobs)],
        executor=dg.in_process_executor,
        resources={"warehouse": warehouse, "workspace": workspace},
    )
