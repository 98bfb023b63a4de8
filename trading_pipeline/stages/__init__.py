"""What materializing a partition does: read, decide by input hash, compute, write. No Dagster here.

A stage is the only place where storage and research code meet; assets, the command line and a
notebook all call the same functions.
"""

from __future__ import annotations

from trading_pipeline.stages.workspace import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]
