"""This file holds the stage of features: adjusted bars in, one Parquet file a window out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.causality_audit import CausalityFinding
from trading_pipeline.features.feature_audit import audit_feature_set
from trading_pipeline.features.feature_sets import FeatureSet, compute_features, feature_set
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.instrument_series import InstrumentSeries
from trading_pipeline.stages.window_stage import Built, WindowStage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["FeatureStage", "feature_lookback_windows", "windows_of_bars"]

_YEARS_OF_A_WINDOW = {"year": 1.0, "quarter": 0.25, "month": 1.0 / 12.0}
_CUTS_OF_A_RUN = 12  # the command `audit` takes more
_SPARE = 1.1  # windows differ in length, and holidays are not spread evenly


def feature_lookback_windows(chosen: FeatureSet, catalog: Catalog) -> int:
    """Windows before its own that a feature window reads, enough for the set's longest warm-up."""
    return windows_of_bars(chosen.warmup_bars, catalog)


def windows_of_bars(bars: int, catalog: Catalog) -> int:
    """Windows that hold at least so many bars of every instrument, 1 or more."""
    found = 1
    for instrument in catalog.instruments.values():
        a_year = periods_per_year(instrument.timeframe, instrument.calendar)
        a_window = a_year * _YEARS_OF_A_WINDOW[catalog.grid.cadence]
        found = max(found, math.ceil(bars * _SPARE / a_window))
    return found


class FeatureStage(WindowStage):
    """Features of one set. A window reads its own bars and those of the look-back windows."""

    def __init__(self, workspace: Workspace, instrument_id: str, set_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.set = feature_set(set_name)
        self.asset = f"features/{set_name}"
        self.code_hash = self.set.hash
        self.series = InstrumentSeries(workspace, instrument_id)
        self._lookback = feature_lookback_windows(self.set, workspace.catalog)

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
        return compute_features(self.set, adjusted)

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """Share of missing values, all of them from the warm-up."""
        values = frame.drop(columns="known_at", errors="ignore")
        complete = int(values.notna().all(axis=1).sum())
        missing = float(values.isna().to_numpy().mean()) if values.size else 0.0
        return {"complete_rows": complete, "missing_share": missing}

    def audit(self, windows: Sequence[Window]) -> list[CausalityFinding]:
        """Every audit over the bars of the windows and of their look-back.

        Where these do not reach beyond any warm-up there is no value to audit, and no finding.
        """
        if not windows:
            return []
        ordered = sorted(windows)
        rows = self.series.span(self._read(ordered[0])[0].start, ordered[-1].end)
        bars = self.series.adjusted.iloc[rows]
        if len(bars) < min(spec.warmup for spec in self.set.specs) + 2:
            return []
        # other bars for each instrument, so that few cuts in each run are many in a pass
        seed = int(canonical_hash([self.asset, self.instrument_id])[:8], 16)
        return audit_feature_set(self.set, bars, cuts=_CUTS_OF_A_RUN, seed=seed)

    def _read(self, window: Window) -> list[Window]:
        every = self._windows
        own = every.index(window)
        return every[max(0, own - self._lookback) : own + 1]

    @cached_property
    def _windows(self) -> list[Window]:
        return self.workspace.windows()
