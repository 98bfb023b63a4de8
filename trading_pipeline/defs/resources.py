"""This file holds the resources: the warehouse, the market data sources, the workspace of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource

from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.market_data.sources.registry import own_sources
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["MarketDataResource", "WarehouseResource", "WorkspaceResource"]


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


class WorkspaceResource(dg.ConfigurableResource[Any]):
    """Everything that a stage needs, opened for one run."""

    warehouse: WarehouseResource
    market_data: MarketDataResource

    def open(self, context: dg.AssetExecutionContext) -> Workspace:
        """The workspace; what is stored carries the run's id."""
        return self.open_for(context.run.run_id)

    def open_for(self, run_id: str | None) -> Workspace:
        """The workspace of a run, or of a schedule that only looks (None)."""
        settings = load_settings()
        return Workspace(
            settings=settings,
            catalog=load_catalog(settings.config),
            warehouse=self.warehouse.open(),
            run_id=run_id or "local",
            open_source=self.market_data.client,
        )
