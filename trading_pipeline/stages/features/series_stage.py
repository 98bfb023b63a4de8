"""What the stages of features, labels and patterns share: adjusted bars, read with a look-back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.stage import Built, WindowStage

__all__ = ["SeriesStage"]


class SeriesStage(WindowStage):
    """A window stage that reads the window's bars and those of `lookback` windows before it."""

    lookback: int

    @cached_property
    def series(self) -> InstrumentSeries:
        """The instrument's series as it was stored when the stage first asked for it."""
        return stored_series(self.workspace, self.instrument_id)

    def inputs(self, window: Window) -> object:
        """Hashes of the bars that are read, and of the adjustments known by the window's end."""
        return self.inputs_from(window, self.series.bars_hashes(self.read(window)))

    def inputs_from(self, window: Window, bars_hashes: list[str]) -> object:
        """The inputs of a window, were its bars those of these hashes."""
        return [bars_hashes, self.series.events_hash(window.end), self.clocks()]

    def read(self, window: Window) -> list[Window]:
        """Windows whose bars the window reads, oldest first."""
        return self.windows_up_to(window, self.lookback)

    def rows_of(self, windows: Sequence[Window]) -> slice:
        """Positions of all bars that these windows read."""
        ordered = sorted(windows)
        first, last = self.read(ordered[0])[0], self.read(ordered[-1])[-1]
        return self.series.span(first.start, last.end)

    def bars_of(self, windows: Sequence[Window]) -> pd.DataFrame:
        """Adjusted bars that these windows read; none for no windows."""
        return self.series.adjusted.iloc[self.rows_of(windows) if windows else slice(0)]

    def clocks(self) -> list[str]:
        """What the meaning of a bar's label depends on."""
        instrument = self.series.instrument
        return [instrument.timeframe.value, instrument.calendar]

    def built(self, frame: pd.DataFrame, window: Window) -> Built:
        """The frame with its status; without rows: `no_rows`, or `not_listed` without bars too."""
        own = self.series.span(window.start, window.end)
        status = "ok" if len(frame) else "no_rows" if own.stop > own.start else "not_listed"
        return Built(frame, status)
