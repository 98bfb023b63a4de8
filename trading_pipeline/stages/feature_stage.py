"""This file holds the stages of features and labels: adjusted bars in, one Parquet file a window out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.features import labels as labels_module
from trading_pipeline.features.causality_audit import CausalityFinding, audit_prefix_truncation
from trading_pipeline.features.feature_context import FeatureContext
from trading_pipeline.features.feature_sets import FeatureSet, compute_features, feature_set
from trading_pipeline.features.labels import compute_labels
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.model_spec import LabelSpec
from trading_pipeline.stages.code_hash import module_hash
from trading_pipeline.stages.feature_quality_numbers import QualityOfWindows
from trading_pipeline.stages.instrument_series import InstrumentSeries
from trading_pipeline.stages.window_stage import Built, WindowStage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["FeatureStage", "LabelStage", "feature_lookback_windows", "label_specs"]

_YEARS_OF_A_WINDOW = {"year": 1.0, "quarter": 0.25, "month": 1.0 / 12.0}
_SPARE = 1.1  # windows differ in length, and holidays are not spread evenly


def feature_lookback_windows(chosen: FeatureSet, catalog: Catalog) -> int:
    """Windows before its own that a feature window reads, enough for the set's longest warm-up."""
    found = 1
    for instrument in catalog.instruments.values():
        a_year = periods_per_year(instrument.timeframe, instrument.calendar)
        a_window = a_year * _YEARS_OF_A_WINDOW[catalog.grid.cadence]
        context = FeatureContext(instrument.timeframe, instrument.calendar)
        found = max(found, math.ceil(chosen.warmup_in(context) * _SPARE / a_window))
    return found


def label_specs(catalog: Catalog) -> dict[str, LabelSpec]:
    """Label of each model, by the label's name; models that agree share one asset."""
    specs = (model.label for model in catalog.models.values())
    return {spec.name: spec for spec in specs}


class FeatureStage(WindowStage):
    """Features of one set. A window reads its own bars and those of the look-back windows."""

    def __init__(self, workspace: Workspace, instrument_id: str, set_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.set = feature_set(set_name)
        self.asset = f"features/{set_name}"
        self.code_hash = self.set.hash
        self.series = InstrumentSeries(workspace, instrument_id)
        instrument = self.series.instrument
        self.context = FeatureContext(instrument.timeframe, instrument.calendar)
        self._lookback = feature_lookback_windows(self.set, workspace.catalog)
        self._quality = QualityOfWindows(self)

    def inputs(self, window: Window) -> Any:
        """Hashes of the bars that are read, and of the adjustments known by the window's end."""
        read = self._read(window)
        instrument = self.series.instrument
        return [
            self.series.bars_hashes(read),
            self.series.events_hash(window.end),
            [instrument.timeframe.value, instrument.calendar],
        ]

    def build(self, window: Window) -> Built:
        """Rows of the window; NaN where the warm-up reaches before the first bar."""
        read = self._read(window)
        rows = self.series.span(read[0].start, window.end)
        own = self.series.span(window.start, window.end)
        features = self.compute(self.series.adjusted.iloc[rows])
        features.insert(0, "known_at", self.series.known_at[rows])
        features = features.iloc[own.start - rows.start :]
        return Built(features, "ok" if len(features) else "not_listed")

    def compute(self, adjusted: pd.DataFrame) -> pd.DataFrame:
        """The set's columns over adjusted bars."""
        if adjusted.empty:
            return pd.DataFrame(
                {name: np.empty(0) for name in self.set.columns}, index=adjusted.index
            )
        return compute_features(self.set, adjusted, context=self.context)

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """Rows with and without a gap, and the quality of the columns against the windows before."""
        values = frame.drop(columns="known_at", errors="ignore")
        complete = int(values.notna().all(axis=1).sum())
        return {
            "complete_rows": complete,
            "warmup_rows": len(values) - complete,
            **self._quality.of(frame),
        }

    def audit(self, windows: Sequence[Window]) -> list[CausalityFinding]:
        """Prefix truncation over the bars of the windows and of their look-back."""
        if not windows:
            return []
        ordered = sorted(windows)
        rows = self.series.span(self._read(ordered[0])[0].start, ordered[-1].end)
        bars = self.series.adjusted.iloc[rows]
        return audit_prefix_truncation(self._unchecked, bars) if len(bars) > 1 else []

    def _unchecked(self, adjusted: pd.DataFrame) -> pd.DataFrame:
        """As `compute`, but what looks ahead and has no value at the end is there to be found."""
        return compute_features(self.set, adjusted, context=self.context, complete=False)

    def _read(self, window: Window) -> list[Window]:
        every = self._windows
        own = every.index(window)
        return every[max(0, own - self._lookback) : own + 1]

    @cached_property
    def _windows(self) -> list[Window]:
        return self.workspace.windows()


class LabelStage(WindowStage):
    """Labels of one kind. A window reads its own bars and those of the next window."""

    def __init__(self, workspace: Workspace, instrument_id: str, label_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = label_specs(workspace.catalog)[label_name]
        self.asset = f"labels/{label_name}"
        self.code_hash = module_hash(labels_module)
        self.series = InstrumentSeries(workspace, instrument_id)

    def inputs(self, window: Window) -> Any:
        """Hashes of the bars that are read, the adjustments, and the label's definition."""
        read = self._read(window)
        return [
            self.spec.hash,
            self.series.bars_hashes(read),
            self.series.events_hash(read[-1].end),
            [self.series.instrument.timeframe.value, self.series.instrument.calendar],
        ]

    def build(self, window: Window) -> Built:
        """Rows of the window whose outcome is known."""
        rows = self.series.span(window.start, self._read(window)[-1].end)
        bars = self.series.adjusted.iloc[rows]
        found = compute_labels(self.spec, bars, self.series.known_at[rows])
        frame = found.frame.loc[found.frame.index < pd.Timestamp(window.end)]
        own = self.series.span(window.start, window.end)
        status = "ok" if len(frame) else "no_rows" if own.stop > own.start else "not_listed"
        return Built(frame, status)

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """Balance of the outcomes."""
        return {"mean_label": float(frame["label"].mean()) if len(frame) else 0.0}

    def _read(self, window: Window) -> list[Window]:
        """The window and the next one; a next one that was never fetched only leaves rows out."""
        every = self._windows
        own = every.index(window)
        following = [w for w in every[own + 1 : own + 2] if w.key in self.series.attempts]
        return [window, *following]

    @cached_property
    def _windows(self) -> list[Window]:
        return self.workspace.windows()
