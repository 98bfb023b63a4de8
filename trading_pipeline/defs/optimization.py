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
    "status": ("VARCHAR", "ok, undefined (no value), failed (the strategy raised) or invalid"),
    "reason": ("VARCHAR", "why it failed or is invalid"),
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
        description="The combinations that a study tried on an instrument, one row each in the "
        "trial ledger.\n\nA run that was stopped goes on where it was: trials on record are not "
        "evaluated again.",
    )
    summary = stage_asset(
        SummaryStage,
        "optimization_summary",
        group_name=GROUP,
        kinds={"duckdb"},
        partitions_def=instrument_studies,
        deps=[trials],
        description="The verdict on a study's best trial, a picture of its space and the best of "
        "its trials; walk-forward optimization and the test of a frozen study where the study has "
        "them.\n\nThe best of many trials looks better than it is: `deflated_sharpe_ratio` is the "
        "probability "
        "that its true Sharpe ratio is above the best that `trials_in_ledger` trials without skill "
        "would show. The file has all that is known, such as whose variance was taken and why.",
    )
    return [trials, summary]
