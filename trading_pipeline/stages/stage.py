"""The shape of every stage: identity, pending, materialize, describe.

A `Stage` is one asset of one instrument (of none where the asset has no instrument). Its keys name
the partitions: windows, scenarios, studies, or `WHOLE` where there is only one. `StoredStage` is
for partitions that are rows of the table `artifacts`, `ComputedStage` computes those that are not
current, and `WindowStage` does so for frames cut by windows.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.stages.outcome import Outcome, Shown, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

if TYPE_CHECKING:
    from trading_pipeline.features.audits.causality import CausalityFinding

__all__ = [
    "WHOLE",
    "Built",
    "ByWindow",
    "ComputedStage",
    "Identity",
    "Stage",
    "StoredStage",
    "WindowStage",
]

WHOLE = ("",)
"""The only key of a stage with a single partition, such as the universe."""
_FLUSH_SECONDS = 2.0
Key = TypeVar("Key")
Product = TypeVar("Product")


@dataclass(frozen=True)
class Identity:
    """A partition and what its content follows from: all inputs, and the code that computes."""

    asset: str
    partition: str
    input_hash: str
    code_hash: str


@dataclass(frozen=True)
class Built:
    """A computed frame and its status; index `ts`."""

    frame: pd.DataFrame
    status: str = "ok"


class Stage(ABC, Generic[Key, Product]):
    """One asset of one instrument. Make a new object for each piece of work: it keeps what it read.

    `asset` is the asset's name with slashes; `code_hash` covers the code that computes.
    """

    asset: str
    code_hash: str = ""

    def __init__(self, workspace: Workspace, instrument_id: str = "") -> None:
        self.workspace = workspace
        self.instrument_id = instrument_id
        if instrument_id:
            workspace.catalog.instrument(instrument_id)  # refuses an unknown one

    def keys(self, names: Iterable[str]) -> list[Key]:
        """Keys by what partitions name behind the instrument; here the names themselves."""
        return cast("list[Key]", list(names))

    def partition(self, key: Key) -> str:
        """Name of the key's partition."""
        return "|".join(part for part in (self.instrument_id, str(key)) if part)

    @abstractmethod
    def identity(self, key: Key) -> Identity:
        """The partition with the hashes of inputs and code.

        Raises a typed error where an input is missing or may not be built on.
        """

    @abstractmethod
    def pending(self, keys: Iterable[Key]) -> list[Key]:
        """Keys that `materialize` would work on; their inputs must be there."""

    @abstractmethod
    def materialize(self, keys: Iterable[Key]) -> Sequence[Outcome]:
        """Bring the partitions up to date, in their order; equal inputs and code write nothing."""

    @abstractmethod
    def describe(self, product: Product) -> Mapping[str, Shown]:
        """Numbers of a partition's content for the asset page."""

    @abstractmethod
    def held(self, key: Key) -> tuple[int, str] | None:
        """Rows and content hash of a partition as it is stored; None where nothing is."""

    def audit(self, keys: Sequence[Key]) -> list[CausalityFinding]:  # noqa: ARG002
        """What in the partitions reads the future; nothing where an asset is not audited."""
        return []

    def read_outside(self) -> tuple[str, ...]:
        """What a user's code reads besides bars and declared inputs, of which no audit knows."""
        return ()


class ByWindow(Stage[Window, Product]):
    """A stage whose keys are windows."""

    def keys(self, names: Iterable[str]) -> list[Window]:
        """Windows by the keys of their partitions."""
        return self.workspace.windows(list(names))

    def partition(self, key: Window) -> str:
        """Instrument and window."""
        return f"{self.instrument_id}|{key.key}"


class StoredStage(Stage[Key, Product]):
    """A stage whose partitions are rows of the table `artifacts`."""

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the newest row was made from these inputs by this code."""
        return self.workspace.artifacts.is_current(artifact, identity.input_hash)

    def pending(self, keys: Iterable[Key]) -> list[Key]:
        """Keys without a current row; their inputs must be there."""
        with self.workspace.warehouse.read():  # one opening for all that is asked
            newest = self.newest()
            return [
                key
                for key in keys
                if not self.is_current(newest.get(self.partition(key)), self.identity(key))
            ]

    def newest(self) -> dict[str, Artifact]:
        """Valid row by partition."""
        found = self.workspace.artifacts.newest([self.asset], self.instrument_id)
        return {partition: artifact for (_, partition), artifact in found.items()}

    def held(self, key: Key) -> tuple[int, str] | None:
        """Rows and content hash of the newest row."""
        artifact = self.newest().get(self.partition(key))
        return None if artifact is None else (artifact.rows, artifact.sha256 or artifact.input_hash)

    def require(self, partition: str, missing: str) -> Artifact:
        """Valid row of a partition; `InsufficientDataError` that says `missing` without one."""
        found = self.newest().get(partition)
        if found is None:
            raise InsufficientDataError(missing, partition=partition)
        return found

    def artifact(
        self,
        identity: Identity,
        *,
        rows: int,
        status: str = "ok",
        columns: str = "",
        path: str | None = None,
        sha256: str | None = None,
    ) -> Artifact:
        """A row of this partition, of this run."""
        return Artifact(
            **vars(identity),
            status=status,
            run_id=self.workspace.run_id,
            rows=rows,
            columns=columns,
            path=path,
            sha256=sha256,
        )


class ComputedStage(StoredStage[Key, Product]):
    """A stored stage that computes what is not current and leaves the rest as it is."""

    @abstractmethod
    def produce(self, key: Key, identity: Identity) -> tuple[Artifact, Product]:
        """Compute and store the content; the row is recorded by the caller."""

    @abstractmethod
    def stored(self, key: Key, artifact: Artifact) -> Product:
        """The content as it is stored."""

    def content_hash(self, artifact: Artifact, product: Product) -> str:  # noqa: ARG002
        """Hash of the content; that of the file unless a stage has a better one."""
        return artifact.sha256 or ""

    def materialize(self, keys: Iterable[Key]) -> Sequence[Outcome]:
        """Compute what is not current; rows are saved every two seconds, after a failure too."""
        store, newest = self.workspace.artifacts, self.newest()
        outcomes: list[Outcome] = []
        unsaved: list[Artifact] = []
        saved_at = time.monotonic()
        try:
            for key in keys:
                tell_progress(self.asset, self.partition(key))
                identity = self.identity(key)
                artifact = newest.get(identity.partition)
                changed = artifact is None or not self.is_current(artifact, identity)
                if artifact is None or changed:
                    artifact, product = self.produce(key, identity)
                    unsaved.append(artifact)
                else:
                    product = self.stored(key, artifact)
                outcomes.append(self._outcome(artifact, product, changed=changed))
                if time.monotonic() - saved_at > _FLUSH_SECONDS:
                    self.workspace.write(partial(store.record, unsaved))
                    unsaved, saved_at = [], time.monotonic()
        finally:
            self.workspace.write(partial(store.record, unsaved))
        return outcomes

    def _outcome(self, artifact: Artifact, product: Product, *, changed: bool) -> Outcome:
        return Outcome(
            asset=self.asset,
            partition=artifact.partition,
            status=artifact.status,
            rows=artifact.rows,
            changed=changed,
            content_hash=self.content_hash(artifact, product),
            metadata=self.describe(product),
        )


class WindowStage(ByWindow[pd.DataFrame], ComputedStage[Window, pd.DataFrame]):
    """A stage of frames, one a window; windows are worked through oldest first."""

    @abstractmethod
    def inputs(self, window: Window) -> object:
        """Everything that the content depends on but the code, as values that can be hashed."""

    @abstractmethod
    def build(self, window: Window) -> Built:
        """Compute the window's frame."""

    def identity(self, key: Window) -> Identity:
        """The partition with the hash of inputs and code."""
        input_hash = canonical_hash([self.asset, self.code_hash, self.inputs(key)])
        return Identity(self.asset, self.partition(key), input_hash, self.code_hash)

    def pending(self, keys: Iterable[Window]) -> list[Window]:
        """Windows without a current file, oldest first; their inputs must be there."""
        return super().pending(sorted(keys))

    def materialize(self, keys: Iterable[Window]) -> Sequence[Outcome]:
        """Compute the windows that are not current, oldest first."""
        return super().materialize(sorted(keys))

    def produce(self, key: Window, identity: Identity) -> tuple[Artifact, pd.DataFrame]:
        """Build the frame and write it to a file."""
        built = self.build(key)
        artifact = self.workspace.artifacts.write(
            built.frame, **vars(identity), status=built.status, run_id=self.workspace.run_id
        )
        return artifact, built.frame

    def stored(self, key: Window, artifact: Artifact) -> pd.DataFrame:  # noqa: ARG002
        """The frame of the file."""
        return self.workspace.artifacts.load(artifact)

    def windows_up_to(self, window: Window, lookback: int) -> list[Window]:
        """The window, and before it up to `lookback` windows of the instrument's own span."""
        before = [each for each in self.own_windows if each < window]
        return [*(before[-lookback:] if lookback else []), window]

    @cached_property
    def own_windows(self) -> list[Window]:
        """Windows of the instrument's span; other instruments may go beyond it."""
        return self.workspace.windows_of(self.instrument_id)

    def _outcome(self, artifact: Artifact, product: pd.DataFrame, *, changed: bool) -> Outcome:
        outcome = super()._outcome(artifact, product, changed=changed)
        about_the_file: dict[str, Shown] = {
            "status": artifact.status,
            "columns": len(product.columns),
            "file": artifact.path or "",
            "input_hash": artifact.input_hash[:12],
            "content_hash": (artifact.sha256 or "")[:12],
        }
        return replace(outcome, metadata={**about_the_file, **outcome.metadata})
