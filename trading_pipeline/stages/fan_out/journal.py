"""What a stage wrote in a worker, in its order, and how it is written into the warehouse.

A worker's stores write into its private warehouse as always, so that the stage reads what it
wrote. Each write is noted as the call of a store with its arguments. The process that has the
warehouse makes the same calls again: numbers of rows, the chain of the ledger and hashes of rows
are given there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from trading_pipeline.domain.audit_records import AuditRecord
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.private_warehouse import PrivateWarehouse
from trading_pipeline.storage.stores.artifacts import Artifact, ArtifactStore
from trading_pipeline.storage.stores.audits import AuditStore
from trading_pipeline.storage.stores.frozen_studies import FrozenStudyStore
from trading_pipeline.storage.stores.models import ModelStore
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.row_tables import WarehouseStore
from trading_pipeline.storage.stores.trial_ledger import TrialLedger

__all__ = ["Note", "NotingWorkspace", "replay"]

Store = TypeVar("Store", bound=WarehouseStore)
_WRITES = {
    "artifacts": ("record",),
    "models": ("save",),
    "results": ("save",),
    "trials": ("append", "invalidate"),
    "frozen_studies": ("register",),
    "audits": ("keep",),
}
"""Methods that write, by the name of the store in a workspace."""


class Note(NamedTuple):
    """One write: a store of the workspace, its method, and the arguments."""

    store: str
    method: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]


@dataclass(frozen=True)
class NotingWorkspace(Workspace):
    """A workspace of a private warehouse whose stores note what they write in `notes`."""

    warehouse: PrivateWarehouse
    notes: list[Note] = field(default_factory=list)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """As in every workspace; rows have the moment at which they were noted."""
        store = ArtifactStore(self.warehouse, self.settings.runtime, self.kept)
        return self._noted("artifacts", store)

    @cached_property
    def models(self) -> ModelStore:
        """As in every workspace."""
        return self._noted("models", ModelStore(self.warehouse, self.kept))

    @cached_property
    def results(self) -> ResultStore:
        """As in every workspace."""
        return self._noted("results", ResultStore(self.warehouse, self.kept))

    @cached_property
    def trials(self) -> TrialLedger:
        """As in every workspace; only trials of this instrument are in it."""
        return self._noted("trials", _PartOfLedger(self.warehouse, self.kept))

    @cached_property
    def frozen_studies(self) -> FrozenStudyStore:
        """As in every workspace."""
        return self._noted("frozen_studies", FrozenStudyStore(self.warehouse))

    @cached_property
    def audits(self) -> AuditStore:
        """As in every workspace; findings are those of all instruments."""
        return self._noted("audits", AuditStore(self.warehouse, self.run_id))

    def _noted(self, name: str, store: Store) -> Store:
        for method in _WRITES[name]:
            setattr(store, method, self._noting(name, method, getattr(store, method)))
        return store

    def _noting(self, name: str, method: str, write: Any) -> Any:
        private = self.warehouse

        def noted(*arguments: Any, **named: Any) -> Any:
            if name == "artifacts":
                arguments = ([_stamped(each) for each in arguments[0]],)
            with private.noting():
                given = write(*arguments, **named)
            self.notes.append(Note(name, method, arguments, named))
            return given

        return noted


class _PartOfLedger(TrialLedger):
    """Some rows of the ledger, which cannot say whether the others are whole."""

    def require_whole(self) -> None:
        """Nothing: who sends the work asks the whole ledger."""


def replay(workspace: Workspace, notes: Sequence[Note]) -> None:
    """Write what was noted; inside the caller's transaction where there is one.

    The same notes again add nothing.
    """
    for note in notes:
        arguments = note.arguments
        if note.store == "artifacts":
            workspace.artifacts.record_missing(arguments[0])
        elif note.store == "audits":
            _keep_once(workspace, arguments[0])
        elif note.store == "results":  # its trial came before; only the whole ledger can be counted
            row = {**arguments[0], "trials_at_creation": workspace.trials.count()}
            workspace.results.save(row, *arguments[1:])
        else:
            getattr(getattr(workspace, note.store), note.method)(*arguments, **note.named)


def _keep_once(workspace: Workspace, record: AuditRecord) -> None:
    known = workspace.audits.of(record.subject, record.instrument)
    of_run = replace(record, run_id=record.run_id or workspace.run_id)
    if of_run not in known:
        workspace.audits.keep(record)


def _stamped(artifact: Artifact) -> Artifact:
    return replace(artifact, created_at=artifact.created_at or datetime.now(UTC))
