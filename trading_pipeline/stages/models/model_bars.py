"""The bars that a model's predictor reads beside features and labels, where it needs any."""

from __future__ import annotations

from functools import cached_property

from trading_pipeline.domain.windows import Window
from trading_pipeline.models.predictors.predictor import History, Predictor
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.workspace import Workspace

__all__ = ["ModelBars"]


class ModelBars:
    """Forward-adjusted bars of an instrument up to a window; none for most predictors."""

    def __init__(self, workspace: Workspace, instrument_id: str, predictor: Predictor) -> None:
        self._workspace, self._instrument_id = workspace, instrument_id
        self._predictor = predictor

    @cached_property
    def _series(self) -> InstrumentSeries:
        return stored_series(self._workspace, self._instrument_id)

    def until(self, last: Window) -> History | None:
        """Bars up to the end of a window."""
        if not self._predictor.needs_bars:
            return None
        series, rows = self._series, self._series.span(None, last.end)
        return History(
            bars=series.adjusted.iloc[rows],
            known_at=series.known_at[rows],
            timeframe=series.instrument.timeframe,
            calendar=series.instrument.calendar,
        )

    def inputs(self, last: Window) -> list[object]:
        """What these bars follow from, as values that can be hashed."""
        if not self._predictor.needs_bars:
            return []
        series = self._series
        read = [each for each in self._workspace.windows_of(self._instrument_id) if each <= last]
        instrument = series.instrument
        return [
            series.bars_hashes(read),
            series.events_hash(last.end),
            [instrument.timeframe.value, instrument.calendar],
        ]
