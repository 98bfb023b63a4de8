"""Where bars and corporate actions come from.

Read `protocol` (what a source must offer), then `registry` (sources by name), then a provider: each
is a folder whose `source` is the way in. `files` reads registered Parquet only; users' own files
are the subject of `datasets`. `connection/` holds what network sources share, `request_span` what
all sources do with an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.market_data.sources.protocol import (
        ActionRequest,
        BarBatch,
        BarRequest,
        MarketDataSource,
        SourceCapabilities,
    )
    from trading_pipeline.market_data.sources.registry import source, source_names

__all__ = [
    "ActionRequest",
    "BarBatch",
    "BarRequest",
    "MarketDataSource",
    "SourceCapabilities",
    "source",
    "source_names",
]

_HOMES = {
    "ActionRequest": "trading_pipeline.market_data.sources.protocol",
    "BarBatch": "trading_pipeline.market_data.sources.protocol",
    "BarRequest": "trading_pipeline.market_data.sources.protocol",
    "MarketDataSource": "trading_pipeline.market_data.sources.protocol",
    "SourceCapabilities": "trading_pipeline.market_data.sources.protocol",
    "source": "trading_pipeline.market_data.sources.registry",
    "source_names": "trading_pipeline.market_data.sources.registry",
}
__getattr__ = lazy_exports(__name__, _HOMES)
