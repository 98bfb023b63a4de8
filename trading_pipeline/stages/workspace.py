"""The workspace: settings, catalog, registries and stores that every stage works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_pipeline.code_identity import keep_hashes_in
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.settings.catalog import Catalog, load_catalog
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.stages.registries import Registries
from trading_pipeline.storage.stores.artifacts import ArtifactStore
from trading_pipeline.storage.stores.audits import AuditStore
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.frozen_studies import FrozenStudyStore
from trading_pipeline.storage.stores.kept_rows import KeptRows
from trading_pipeline.storage.stores.models import ModelStore
from trading_pipeline.storage.stores.reference import ReferenceStore
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline.storage.write_queue import WriteQueue

if TYPE_CHECKING:
    from trading_pipeline.stages.features.cross_panel import CrossPanel
    from trading_pipeline.stages.features.instrument_series import InstrumentSeries

__all__ = ["Workspace", "open_workspace"]


@dataclass(frozen=True)
class Workspace:
    """One project folder opened for work.

    `run_id` is written beside everything that is stored. `open_source` gives the client of a source
    by name, in place of `registries.sources`. `clock` tells the present moment, aware UTC. `series`
    keeps what stages have read (see `stored_series`), `panels` what instruments are compared with
    (see `stored_panel`); a copy shares both. `ask_again`: sources are asked for whole windows
    again, final ones too. `kept` and `writes` are those of a batch (see `for_batch`).
    """

    settings: PipelineSettings
    catalog: Catalog
    warehouse: Warehouse
    run_id: str = "local"
    open_source: Callable[[str], MarketDataSource] | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    series: dict[str, InstrumentSeries] = field(default_factory=dict, repr=False, compare=False)
    panels: dict[str, CrossPanel] = field(default_factory=dict, repr=False, compare=False)
    ask_again: bool = False
    kept: KeptRows | None = field(default=None, repr=False, compare=False)
    writes: WriteQueue | None = field(default=None, repr=False, compare=False)

    def changed(self, **fields: Any) -> Workspace:
        """A copy with other fields; it shares what has been read of the user's own files."""
        copy = replace(self, **fields)
        if "catalog" not in fields:
            vars(copy)["registries"] = self.registries
        return copy

    @contextmanager
    def for_batch(self, instruments: Iterable[str]) -> Iterator[Workspace]:
        """A copy that reads rows of these instruments once and gathers its writes.

        What is gathered is written every two seconds and at the end of the block, in one
        transaction. No other process may write what is read: whoever calls this has the turns of
        the instruments.
        """
        queue = WriteQueue(self.warehouse)
        try:
            yield self.changed(kept=KeptRows(instruments), writes=queue)
        finally:
            queue.flush()

    def write(self, write: Callable[[], object]) -> None:
        """Write now, or with what is gathered in a batch; then nothing may rely on it yet."""
        if self.writes is None:
            write()
        else:
            self.writes.add(write)

    @cached_property
    def registries(self) -> Registries:
        """Feature sets, predictors, strategies and sources by name, the user's own included."""
        return Registries(self.catalog)

    @cached_property
    def bars(self) -> BarStore:
        """Bars and what is known about how they came."""
        return BarStore(self.warehouse, self.kept)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Parquet files of features, labels, predictions."""
        return ArtifactStore(self.warehouse, self.settings.runtime, self.kept)

    @cached_property
    def reference(self) -> ReferenceStore:
        """Instruments and corporate actions."""
        return ReferenceStore(self.warehouse, self.kept)

    @cached_property
    def models(self) -> ModelStore:
        """Rows of fitted models."""
        return ModelStore(self.warehouse, self.kept)

    @cached_property
    def results(self) -> ResultStore:
        """Backtest results."""
        return ResultStore(self.warehouse, self.kept)

    @cached_property
    def trials(self) -> TrialLedger:
        """The ledger of trials."""
        return TrialLedger(self.warehouse, self.kept)

    @cached_property
    def frozen_studies(self) -> FrozenStudyStore:
        """What frozen studies said before their first trial."""
        return FrozenStudyStore(self.warehouse)

    @cached_property
    def audits(self) -> AuditStore:
        """Outcomes of audits of look-ahead."""
        return AuditStore(self.warehouse, self.run_id)

    @property
    def reports(self) -> Path:
        """Folder of HTML reports."""
        return self.settings.output / "reports"

    def source_of(self, instrument: Instrument) -> MarketDataSource:
        """Client of the instrument's source; `UnknownNameError` for an unknown one."""
        return (self.open_source or self.registries.sources.source)(instrument.source)

    def windows(self, keys: list[str] | None = None) -> list[Window]:
        """Windows by key in time order; all of them where `keys` is None."""
        grid, now = self.catalog.grid, self.clock()
        found = grid.windows(now)
        if keys is None:
            return found
        wanted = {grid.window(key, now) for key in keys}
        return [window for window in found if window in wanted]

    def windows_of(self, instrument_id: str) -> list[Window]:
        """Windows of the instrument's own span in time order; other spans may go beyond it.

        Raises `UnknownNameError` for an unknown instrument.
        """
        grid = self.catalog.universe.grid_of(self.catalog.instrument(instrument_id).id)
        return grid.windows(self.clock())


def open_workspace(settings: PipelineSettings | None = None, *, run_id: str = "local") -> Workspace:
    """The workspace of the environment's settings; wrong files are in its `catalog.wrong`.

    Raises `ConfigurationError` for a universe that cannot be read.
    """
    settings = settings or load_settings()
    keep_hashes_in(settings.cache / "code")
    warehouse = Warehouse(settings.warehouse_path, wait_seconds=settings.warehouse_wait_seconds)
    return Workspace(
        settings,
        load_catalog(settings.config, settings.default_costs, leave_out=True),
        warehouse,
        run_id,
    )
