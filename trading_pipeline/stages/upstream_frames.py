"""Reads an instrument's upstream partitions, each once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["UpstreamFrames"]


class UpstreamFrames:
    """Frames of an instrument's upstream partitions, each read once."""

    def __init__(self, workspace: Workspace, instrument_id: str, assets: Sequence[str]) -> None:
        self._workspace, self.instrument_id = workspace, instrument_id
        self._assets = tuple(assets)
        self._frames: dict[tuple[str, str], pd.DataFrame] = {}

    @cached_property
    def _rows(self) -> dict[tuple[str, str], Artifact]:
        return self._workspace.artifacts.newest(self._assets, f"{self.instrument_id}|")

    def artifact(self, asset: str, window: Window) -> Artifact:
        """Valid row; `InsufficientDataError` where the partition was never materialized."""
        partition = f"{self.instrument_id}|{window.key}"
        found = self._rows.get((asset, partition))
        if found is None:
            raise InsufficientDataError(
                f"The partition {partition} of '{asset}' has not been materialized. Materialize it "
                f"first: trading-pipeline run {self.instrument_id}.",
                asset=asset,
                partition=partition,
            )
        return found

    def has(self, asset: str, window: Window) -> bool:
        """Whether the partition was materialized."""
        return (asset, f"{self.instrument_id}|{window.key}") in self._rows

    def frame(self, asset: str, window: Window) -> pd.DataFrame:
        """The partition's frame."""
        artifact = self.artifact(asset, window)
        key = (asset, artifact.partition)
        if key not in self._frames:
            self._frames[key] = self._workspace.artifacts.load(artifact)
        return self._frames[key]

    def joined(self, asset: str, windows: Sequence[Window]) -> pd.DataFrame:
        """Frames of the windows one after the other, in the order given."""
        frames = [self.frame(asset, window) for window in windows]
        filled = [frame for frame in frames if len(frame)]
        return pd.concat(filled) if filled else frames[0]
