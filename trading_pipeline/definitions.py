"""The code location: every asset, job and resource, built from the catalog's files."""

import logging

import dagster as dg

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files

_catalog = catalog_of_files(load_settings())
for _wrong in _catalog.wrong:
    logging.getLogger("dagster").warning("Wrong file: %s %s", _wrong.error, _wrong.way_out)

defs: dg.Definitions = build_definitions(_catalog)
