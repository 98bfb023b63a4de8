"""The resources: the warehouse, the market data sources, the workspace of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.market_data.sources.registry import own_sources
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.batch import Batch
from trading_pipeline.stages.market_data.usable_catalog import usable_catalog
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.warehouse import Warehouse

__all__ = [
    "MarketDataResource",
    "WarehouseResource",
    "WorkspaceResource",
    "handed_on",
]


class WarehouseResource(DuckDBResource):
    """The warehouse file. Its connections hold the sidecar lock, writes are one transaction."""

    wait_seconds: float = 30.0

    def open(self) -> Warehouse:
        """The Dagster-free warehouse on the same file."""
        settings = load_settings()
        return Warehouse(settings.runtime / self.database, wait_seconds=self.wait_seconds)

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A writing connection inside one transaction, committed at the end of the block."""
        with self.open().write() as connection:
            yield connection


class MarketDataResource(dg.ConfigurableResource[Any]):
    """Gives the client of a source by name: the shipped ones and those of the user's files."""

    def client(self, name: str) -> MarketDataSource:
        """The client; typed errors for an unknown name."""
        return own_sources(load_settings().config / "sources").source(name)


_handed_on: dict[str, Workspace] = {}  # by run id
_batches: dict[str, Batch] = {}  # by run id
_refusals: dict[str, TradingPipelineError] = {}  # by run id


@contextmanager
def handed_on(
    workspace: Workspace,
    run_id: str,
    batch: Batch | None = None,
    refusal: TradingPipelineError | None = None,
) -> Iterator[None]:
    """Let a run of this process use a workspace that is open already, with all that it has read.

    `batch`: what the run works on, in place of the partitions of its tags. `refusal`: what its
    assets raise in place of working.
    """
    _handed_on[run_id] = workspace
    if batch is not None:
        batch.workspace = batch.workspace.changed(run_id=run_id)
        _batches[run_id] = batch
    if refusal is not None:
        _refusals[run_id] = refusal
    try:
        yield
    finally:
        del _handed_on[run_id]
        _batches.pop(run_id, None)
        _refusals.pop(run_id, None)


class WorkspaceResource(dg.ConfigurableResource[Any]):
    """Everything that a stage needs, opened once a run."""

    warehouse: WarehouseResource
    market_data: MarketDataResource
    _opened: Workspace | None = PrivateAttr(None)

    def open(
        self,
        context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
        *,
        anew: bool = False,
    ) -> Workspace:
        """The workspace of the run, whose id is written beside what is stored.

        `anew`: read the catalog's files again.
        """
        run_id, given = context.run.run_id, _handed_on.get(context.run.run_id)
        if anew or self._opened is None or self._opened.run_id != run_id:
            self._opened = (
                self.open_for(run_id)
                if anew or given is None
                else given.changed(run_id=run_id, open_source=self.market_data.client)
            )
        return self._opened

    def batch(self, context: dg.AssetExecutionContext) -> Batch | None:
        """The batch that the run works on; None for a run of the partitions of its tags.

        Raises what a run that may not work was given.
        """
        if context.run.run_id in _refusals:
            raise _refusals[context.run.run_id]
        batch = _batches.get(context.run.run_id)
        if batch is not None:
            batch.workspace = batch.workspace.changed(open_source=self.market_data.client)
        return batch

    def open_for(self, run_id: str | None) -> Workspace:
        """The workspace of a run, or of a schedule that only looks (None)."""
        settings = load_settings()
        return Workspace(
            settings=settings,
            catalog=usable_catalog(
                load_catalog(settings.config, settings.default_costs, leave_out=True)
            ),
            warehouse=self.warehouse.open(),
            run_id=run_id or "local",
            open_source=self.market_data.client,
        )
