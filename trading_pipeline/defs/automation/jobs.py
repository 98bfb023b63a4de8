"""The jobs: one for each group of assets that share their partitions."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from trading_pipeline.defs.automation.maintenance import maintenance_job

__all__ = ["project_jobs"]


def project_jobs(
    chain: Sequence[dg.AssetsDefinition],
    forecasts: Sequence[dg.AssetsDefinition],
    cards: Sequence[dg.AssetsDefinition],
) -> list[Any]:
    """Jobs in the order in which a full pass runs them."""
    select = dg.AssetSelection
    return [
        dg.define_asset_job("reference_data", selection=select.assets("universe")),
        dg.define_asset_job("corporate_actions_job", selection=select.assets("corporate_actions")),
        dg.define_asset_job("datasets", selection=select.assets("dataset_profile")),
        dg.define_asset_job("bars_of_files", selection=select.assets("bars")),
        dg.define_asset_job("daily_bars", selection=select.assets("bars")),
        dg.define_asset_job("bars_to_predictions", selection=select.assets(*chain)),
        dg.define_asset_job("cross_features_job", selection=select.assets("cross_features")),
        *(
            dg.define_asset_job(name, selection=select.assets(*assets))
            for name, assets in (("model_cards", cards), ("forecasts", forecasts))
            if assets
        ),
        dg.define_asset_job("backtests", selection=select.assets("backtest", "tearsheet")),
        dg.define_asset_job(
            "portfolios", selection=select.assets("portfolio_backtest", "portfolio_report")
        ),
        dg.define_asset_job(
            "optimization",
            selection=select.assets("optimization_trials", "optimization_summary"),
        ),
        dg.define_asset_job("reports", selection=select.assets("leaderboard", "result_tables")),
        maintenance_job(),
    ]
