"""Every Dagster object of the project, one file a stage, in the order of the lineage."""

import warnings

import dagster as dg

__all__: list[str] = []

# Partition mappings and backfill policies are beta; dagster's minor version is fixed in
# pyproject.toml for them, so the warnings say nothing new.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
