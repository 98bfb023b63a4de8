"""What materializing a partition does: read, decide by input hash, compute, write. No Dagster here.

A stage is the only place where storage and research code meet; assets, the command line and a
notebook all use the same ones. Read `stage` (the shape of all of them) and `workspace` (what they
work with) first, then `coverage` (what is still missing), then the folders in the order of the
lineage: `market_data`, `datasets`, `features`, `models`, `backtests`, `reports`, `results`;
`report_server` shows pages to a browser. Formulas, SQL and Dagster objects may not enter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.stages.workspace import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]

# imported when first used: one stage alone loads far less than the workspace
__getattr__ = lazy_exports(__name__, dict.fromkeys(__all__, "trading_pipeline.stages.workspace"))
