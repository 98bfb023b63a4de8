"""Every Dagster object of the project, one file a stage, in the order of the lineage.

Read `stage_assets` (how a stage becomes an asset) and `partitions` first, then `market_data`,
`datasets`, `features`, `patterns`, `cross_features`, `models`, `backtests`, `optimization`,
`reports`; `all_assets` puts them together. `checks` has the asset checks, `automation` jobs,
schedules and passes. Logic may not enter: an asset reads, calls a stage and reports.
"""

import warnings

import dagster as dg

__all__: list[str] = []

# Partition mappings and backfill policies are beta; dagster's minor version is fixed in
# pyproject.toml for them, so the warnings say nothing new.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
