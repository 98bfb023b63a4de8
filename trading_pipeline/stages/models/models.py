"""This file holds the stages of models and predictions: walk-forward fits and what they foresaw.

The partition of `models/<name>` is its fold table, one row a fit, index `ts` the refit date; the
estimators themselves lie in `runtime/models/<name>/<model_id>/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.train import (
    fit_model,
    library_versions,
    predict_direction,
)
from trading_pipeline.models.training.walk_forward_folds import refit_dates, training_span
from trading_pipeline.stages.models.model_features import ModelFeatures, model_feature_assets
from trading_pipeline.stages.models.model_rows import fold_table, model_row, no_model_row
from trading_pipeline.stages.stage import Built, WindowStage
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace

__all__ = ["ModelStage", "PredictionStage", "training_windows"]


def training_windows(
    workspace: Workspace, instrument_id: str, model_name: str, window: Window
) -> list[Window]:
    """Windows whose features and labels the fits of a window may read: of the instrument's span."""
    spec = workspace.catalog.model(model_name)
    windows = {*workspace.windows_of(instrument_id), window}
    return training_span(sorted(windows), window.key, spec.training)


class ModelStage(WindowStage):
    """Fits of one model spec. What a fit reads is given by `training_windows` and the purge alone."""

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.model(model_name)
        self.asset = f"models/{model_name}"
        self.code_hash = code_hash(ModelStage.build, ModelFeatures, UpstreamFrames)
        self._labels = f"labels/{self.spec.label.name}"
        read = [*model_feature_assets(self.spec), self._labels]
        self._upstream = UpstreamFrames(workspace, self.instrument_id, read)
        self._features = ModelFeatures(workspace, self.spec, self._upstream)

    def inputs(self, window: Window) -> Any:
        """Spec, feature set, libraries, and the hash of every file in the training span."""
        read = training_windows(self.workspace, self.instrument_id, self.spec.name, window)
        return [
            self.spec.hash,
            self._features.hash,
            library_versions(),
            self._features.file_hashes(read),
            [self._upstream.artifact(self._labels, each).sha256 for each in read],
        ]

    def build(self, window: Window) -> Built:
        """Fit every refit date of the window, save the models, and give the fold table."""
        read = training_windows(self.workspace, self.instrument_id, self.spec.name, window)
        dates = refit_dates(window.start, window.end, self.spec.training.refit)
        ends = [*dates[1:], pd.Timestamp(window.end)]
        if not read:
            rows = [no_model_row(date, "No window lies before this one.") for date in dates]
            return Built(fold_table(rows), "no_model")
        features = self._features.rows(read).drop(columns="known_at")
        labels = self._upstream.joined(self._labels, read)
        rows, registered = [], []
        for refit_at, test_end in zip(dates, ends, strict=True):
            outcome = fit_model(
                self.spec,
                features,
                labels,
                instrument=self.instrument_id,
                refit_at=refit_at,
                test_end=test_end,
                feature_set_hash=self._features.hash,
            )
            if isinstance(outcome, NoModel):
                rows.append(no_model_row(refit_at, outcome.reason, outcome.fold))
                continue
            path = save_model(self.workspace.settings.models / self.spec.name, outcome)
            stored = path.relative_to(self.workspace.settings.runtime).as_posix()
            row = model_row(outcome, window.key, stored, path, self.workspace)
            rows.append(row.fold)
            registered.append(row.registry)
        self.workspace.models.save(registered)
        return Built(fold_table(rows), "ok" if registered else "no_model")

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """Size and scores of the last fit of the window."""
        last = frame.iloc[-1]
        numbers = {
            name: float(last[name])
            for name in ("rows", "purged", "embargoed", "train_auc", "tail_auc", "tail_brier")
            if name in frame.columns and pd.notna(last[name])
        }
        return {
            "fits": len(frame),
            "model_id": last["model_id"],
            "reason": last["reason"],
            **numbers,
        }


class PredictionStage(WindowStage):
    """Out-of-sample predictions: every row by the newest fit made before it."""

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.model(model_name)
        self.asset = f"predictions/{model_name}"
        self.code_hash = code_hash(PredictionStage.build, FittedModel, ModelFeatures)
        self._models = f"models/{model_name}"
        read = [*model_feature_assets(self.spec), self._models]
        self._upstream = UpstreamFrames(workspace, self.instrument_id, read)
        self._features = ModelFeatures(workspace, self.spec, self._upstream)

    def inputs(self, window: Window) -> Any:
        """The window's fold table and features."""
        return [
            self._upstream.artifact(self._models, window).sha256,
            *self._features.file_hashes([window]),
        ]

    def build(self, window: Window) -> Built:
        """Predictions of the window; no rows where there is no model."""
        folds = self._upstream.frame(self._models, window)
        features = self._features.rows([window])
        parts = []
        for refit_at, fold in folds.iterrows():
            rows = features.loc[(features.index >= refit_at) & (features.index < fold["test_end"])]
            if fold["model_id"] and len(rows):
                parts.append(self._predict(self._load(fold["path"]), rows))
        if parts:
            return Built(pd.concat(parts))
        has_model = bool((folds["model_id"] != "").any())
        return Built(_no_predictions(), "not_listed" if has_model else "no_model")

    def describe(self, frame: pd.DataFrame) -> Mapping[str, Any]:
        """How sure the predictions are."""
        if not len(frame):
            return {}
        return {
            "mean_p_up": float(frame["p_up"].mean()),
            "missing_predictions": int(frame["p_up"].isna().sum()),
        }

    def _predict(self, fitted: FittedModel, features: pd.DataFrame) -> pd.DataFrame:
        known_at = pd.DatetimeIndex(features["known_at"])
        return predict_direction(
            fitted,
            features.drop(columns="known_at"),
            known_at,
            feature_set_hash=self._features.hash,
        )

    def _load(self, path: str) -> FittedModel:
        return load_model(self.workspace.settings.runtime / path)


def _no_predictions() -> pd.DataFrame:
    stamps = pd.DatetimeIndex([], dtype="datetime64[us, UTC]", name="ts")
    return pd.DataFrame(
        {
            "known_at": pd.DatetimeIndex([], dtype="datetime64[us, UTC]"),
            "model_id": pd.Series([], dtype=object).to_numpy(),
            "horizon": pd.Series([], dtype="int64").to_numpy(),
            "p_up": pd.Series([], dtype="float64").to_numpy(),
        },
        index=stamps,
    )
