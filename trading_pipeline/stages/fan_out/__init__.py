"""Stages of many instruments side by side: in processes of this machine, or on a Dask scheduler.

A worker runs the unchanged stage against a private warehouse in memory, which holds the rows that
the stage reads, and hands back what it wrote. So it needs no database, and serial and parallel work
give equal files and rows. Read `call` (the work on one instrument), `journal` (how writes are
handed back) and `work` (a task in a worker), then `commit` and `dispatch`; `context` and `identity`
say what travels and whose code it is; `pool`, `local_pool` and `dask_pool` are who works.
Dagster may not enter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.stages.fan_out.call import Done, StageCall
    from trading_pipeline.stages.fan_out.dispatch import fan_out
    from trading_pipeline.stages.fan_out.pool import Pool, SerialPool, open_pool

__all__ = ["Done", "Pool", "SerialPool", "StageCall", "fan_out", "open_pool"]

_HOMES = {
    "Done": "trading_pipeline.stages.fan_out.call",
    "StageCall": "trading_pipeline.stages.fan_out.call",
    "fan_out": "trading_pipeline.stages.fan_out.dispatch",
    "Pool": "trading_pipeline.stages.fan_out.pool",
    "SerialPool": "trading_pipeline.stages.fan_out.pool",
    "open_pool": "trading_pipeline.stages.fan_out.pool",
}
# imported when first used: a worker process starts without the stages
__getattr__ = lazy_exports(__name__, _HOMES)
