"""The quality of feature windows as numbers and a line for the asset page."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.features.feature_quality import FeatureQuality, feature_quality
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["QualityOfWindows"]

_HORIZON = 5  # the one that is shown as a number of its own
_SHOWN = 5  # every event keeps its line


class QualityOfWindows:
    """Judges the windows of one stage, each against all rows of the earlier ones.

    The earlier windows are what a walk-forward fit of the window learned from. Each is read from
    its file once, unless it was judged here before.
    """

    def __init__(self, stage: SeriesStage) -> None:
        self._stage = stage
        self._seen: dict[str, pd.DataFrame] = {}

    def of(self, frame: pd.DataFrame) -> dict[str, Shown]:
        """Numbers that trend, and the best columns; one number for a window without rows."""
        if not len(frame):
            return {"missing_share": 0.0}
        start = pd.Timestamp(frame.index[0])
        values = frame.drop(columns="known_at", errors="ignore")
        first = self._stage.series.span(start.to_pydatetime(), None).start
        close = self._stage.series.adjusted["close"].iloc[first : first + len(frame)]
        quality = feature_quality(values, close, reference=self._before(start, values.columns))
        self._seen[self._key(start)] = values
        return _numbers(quality)

    def _before(self, start: pd.Timestamp, columns: pd.Index) -> pd.DataFrame | None:
        frames = []
        for key in sorted(self._stored.keys() | self._seen.keys()):
            if key < self._key(start):
                if key not in self._seen:
                    self._seen[key] = self._stage.workspace.artifacts.load(self._stored[key])
                earlier = self._seen[key]
                if len(earlier) and set(columns) <= set(earlier.columns):
                    frames.append(earlier[list(columns)])
        return pd.concat(frames) if frames else None

    def _key(self, moment: pd.Timestamp) -> str:
        for window in self._windows:
            if window.start <= moment < window.end:
                return window.key
        return str(moment.date())

    @cached_property
    def _windows(self) -> list[Window]:
        return self._stage.workspace.windows()

    @cached_property
    def _stored(self) -> dict[str, Artifact]:
        return {
            partition.partition("|")[2]: artifact
            for partition, artifact in self._stage.newest().items()
            if artifact.rows
        }


def _numbers(quality: FeatureQuality) -> dict[str, Shown]:
    table = quality.table
    score = (table[f"ic_{_HORIZON}"] / table[f"ic_{_HORIZON}_se"]).abs()
    numbers: dict[str, Shown] = {
        "missing_share": quality.missing_share,
        "constant_columns": len(quality.constant),
        "correlated_columns": sum(len(group) - 1 for group in quality.clusters),
    }
    if score.notna().any():
        numbers[f"best_ic_{_HORIZON}_in_errors"] = float(score.max())
    if "psi" in table.columns and table["psi"].notna().any():
        numbers["drifted_columns"] = int((table["psi"] > 0.25).sum())
        numbers["median_psi"] = float(np.nanmedian(table["psi"]))
    if quality.constant:
        numbers["constant"] = ", ".join(quality.constant[:_SHOWN])
    if quality.clusters:
        groups = ["(" + ", ".join(group) + ")" for group in quality.clusters[:_SHOWN]]
        numbers["clusters"] = "; ".join(groups)
    best = score.dropna().sort_values(ascending=False, kind="stable")[:_SHOWN]
    if len(best):
        told = (f"{name} {errors:.1f}" for name, errors in best.items())
        numbers[f"most_foresight_{_HORIZON}_in_errors"] = ", ".join(told)
    return numbers
