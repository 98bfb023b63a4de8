"""The assets of optimization: the trials of a study, and their summary."""

import dagster as dg

from trading_pipeline.defs.partitions import instrument_studies, market_and_predictions
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage

__all__ = ["optimization_assets"]

GROUP = "optimization"
TRIAL_SCHEMA = {
    "trial_no": ("BIGINT", "number in the ledger of all trials ever"),
    "parameters": ("JSON", "every parameter of the strategy"),
    "sharpe": ("DOUBLE", "a year"),
    "mean": ("DOUBLE", "of the bar returns, a fraction"),
    "sd": ("DOUBLE", "of the bar returns, a fraction"),
    "skew": ("DOUBLE", "of the bar returns"),
    "kurtosis": ("DOUBLE", "of the bar returns, 3 for a normal"),
    "value": ("DOUBLE", "of the metric that is maximized"),
}


def optimization_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """`optimization_trials` and `optimization_summary`."""
    trials = stage_asset(
        TrialStage,
        "optimization_trials",
        group_name=GROUP,
        kinds={"duckdb", "numba"},
        partitions_def=instrument_studies,
        deps=market_and_predictions(catalog),
        columns=TRIAL_SCHEMA,
        description="Every combination of a study on an instrument, one row each, also in the "
        "trial ledger.",
    )
    summary = stage_asset(
        SummaryStage,
        "optimization_summary",
        group_name=GROUP,
        kinds={"duckdb"},
        partitions_def=instrument_studies,
        deps=[trials],
        description="Best, median and worst of a study's trials, and how many were tried.\n\nThe "
        "best of many trials looks better than it is: `deflated_sharpe_ratio` is the probability "
        "that its true Sharpe ratio is above the best that `trials_in_ledger` trials without skill "
        "would show; `variance_basis` says whose variance was taken and why.",
    )
    return [trials, summary]
