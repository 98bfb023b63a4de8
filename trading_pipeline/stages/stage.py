"""This file holds how a stage works through windows: only what its input hash says has changed."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["Built", "WindowStage", "materialize_windows", "pending_windows"]

_FLUSH_SECONDS = 2.0


@dataclass(frozen=True)
class Built:
    """A frame that was computed and its status; index `ts`."""

    frame: pd.DataFrame
    status: str = "ok"


class WindowStage(ABC):
    """One asset of one instrument; a fresh object for each piece of work, since it keeps what it read.

    `asset` is the asset's name with slashes; `code_hash` covers the code that computes.
    """

    asset: str
    code_hash: str

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        self.workspace = workspace
        self.instrument_id = workspace.catalog.instrument(instrument_id).id

    @abstractmethod
    def inputs(self, window: Window) -> Any:
        """Everything the window's content depends on but its code, as values that can be hashed.

        Raises a typed error where an input is missing or may not be built on.
        """

    @abstractmethod
    def build(self, window: Window) -> Built:
        """Compute the window's frame."""

    @abstractmethod
    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """Numbers of a frame for the asset page."""

    def input_hash(self, window: Window) -> str:
        """Hash of inputs and code."""
        return canonical_hash([self.asset, self.code_hash, self.inputs(window)])

    def windows_up_to(self, window: Window, lookback: int) -> list[Window]:
        """The window, and before it so many of the instrument's own span (those that there are)."""
        before = [each for each in self.own_windows if each < window]
        return [*(before[-lookback:] if lookback else []), window]

    @cached_property
    def own_windows(self) -> list[Window]:
        """Windows of the instrument's span; those of others' spans beyond it are none of its inputs."""
        return self.workspace.windows_of(self.instrument_id)

    def partition(self, window: Window) -> str:
        """Key of the partition."""
        return f"{self.instrument_id}|{window.key}"


def materialize_windows(stage: WindowStage, windows: Sequence[Window]) -> list[Outcome]:
    """Bring the windows up to date, oldest first; equal inputs and code write nothing."""
    workspace, outcomes = stage.workspace, []
    newest = workspace.artifacts.newest([stage.asset], f"{stage.instrument_id}|")
    unsaved: list[Artifact] = []
    saved_at = time.monotonic()
    try:
        for window in sorted(windows):
            partition = stage.partition(window)
            tell_progress(stage.asset, partition)
            input_hash = stage.input_hash(window)
            artifact = newest.get((stage.asset, partition))
            changed = not workspace.artifacts.is_current(artifact, input_hash)
            if changed:
                built = stage.build(window)
                frame = built.frame
                artifact = workspace.artifacts.write(
                    frame,
                    asset=stage.asset,
                    partition=partition,
                    status=built.status,
                    input_hash=input_hash,
                    code_hash=stage.code_hash,
                    run_id=workspace.run_id,
                )
                unsaved.append(artifact)
            elif artifact is not None:
                frame = workspace.artifacts.load(artifact)
            outcomes.append(_outcome(stage, artifact, frame, changed))
            if time.monotonic() - saved_at > _FLUSH_SECONDS:
                workspace.artifacts.record(unsaved)
                unsaved, saved_at = [], time.monotonic()
    finally:
        workspace.artifacts.record(unsaved)
    return outcomes


def pending_windows(stage: WindowStage, windows: Sequence[Window]) -> list[Window]:
    """Windows that `materialize_windows` would compute; their inputs must be there."""
    newest = stage.workspace.artifacts.newest([stage.asset], f"{stage.instrument_id}|")
    return [
        window
        for window in sorted(windows)
        if not stage.workspace.artifacts.is_current(
            newest.get((stage.asset, stage.partition(window))), stage.input_hash(window)
        )
    ]


def _outcome(
    stage: WindowStage, artifact: Artifact | None, frame: pd.DataFrame, changed: bool
) -> Outcome:
    if artifact is None:  # not reached: a partition without a row is never current
        raise LookupError(stage.asset)
    metadata = {
        "status": artifact.status,
        "columns": len(frame.columns),
        "file": artifact.path or "",
        "input_hash": artifact.input_hash[:12],
        "content_hash": (artifact.sha256 or "")[:12],
        **stage.describe(frame),
    }
    return Outcome(
        asset=stage.asset,
        partition=artifact.partition,
        status=artifact.status,
        rows=artifact.rows,
        changed=changed,
        content_hash=artifact.sha256 or "",
        metadata=metadata,
    )
