"""Declared external inputs of a stage: read once, as known at the bars of one instrument."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from trading_pipeline.domain.as_known import InputsAsKnown, rows_as_known
from trading_pipeline.market_data.external_inputs import ExternalInput, read_external_input
from trading_pipeline.settings.external_input import ExternalInputSpec
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.workspace import Workspace

__all__ = ["ExternalInputs"]


class ExternalInputs:
    """The inputs that a feature set or strategy declares; nothing is read before it is needed."""

    def __init__(self, workspace: Workspace, specs: Sequence[ExternalInputSpec]) -> None:
        self._workspace, self.specs = workspace, tuple(specs)

    @cached_property
    def read(self) -> tuple[ExternalInput, ...]:
        """What is in the files now."""
        folder = self._workspace.settings.config
        return tuple(read_external_input(spec, folder) for spec in self.specs)

    def hashes_until(self, moment: pd.Timestamp | None) -> list[str]:
        """Hash of each declaration and of the rows known by then; none without inputs."""
        return [each.hash_until(moment) for each in self.read]

    def as_known(self, series: InstrumentSeries) -> InputsAsKnown:
        """By name, one row for each bar of the series."""
        index = pd.DatetimeIndex(series.raw.index)
        return InputsAsKnown(
            {
                each.spec.name: rows_as_known(each.frame, series.known_at, index)
                for each in self.read
            }
        )

    @property
    def shown(self) -> dict[str, str]:
        """Metadata of what declares inputs; empty where nothing does."""
        return {"inputs": "; ".join(each.shown for each in self.read)} if self.specs else {}
