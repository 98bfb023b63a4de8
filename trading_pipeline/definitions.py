"""The code location: every asset, job and resource, built from the catalog's files."""

import dagster as dg

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings

defs: dg.Definitions = build_definitions(load_catalog(load_settings().config))
