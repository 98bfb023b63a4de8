"""The stages of models and predictions: walk-forward fits, and what they predicted.

The partition of `models/<name>` is its fold table, one row a fit, index `ts` the refit date; the
estimators themselves are in `runtime/models/<name>/<model_id>/`.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.models.predictors.calls import predicting_code, with_label_features
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.forecasting import no_predictions, predict
from trading_pipeline.models.training.train import fit_model, library_versions
from trading_pipeline.models.training.training_spans import training_span
from trading_pipeline.models.training.walk_forward_folds import refit_dates
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import (
    ModelFeatures,
    joined_labels,
    model_feature_assets,
    model_label_assets,
)
from trading_pipeline.stages.models.model_rows import (
    fold_table,
    folds_are_sound,
    model_row,
    no_model_row,
)
from trading_pipeline.stages.models.scored_predictions import card_fits, window_scores
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Built, Identity, WindowStage
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["ModelStage", "PredictionStage", "training_windows"]


def training_windows(
    workspace: Workspace, instrument_id: str, model_name: str, window: Window
) -> list[Window]:
    """Windows of the instrument's span whose features and labels the fits of a window may read."""
    spec = workspace.catalog.model(model_name)
    windows = {*workspace.windows_of(instrument_id), window}
    return training_span(sorted(windows), window.key, spec.training, instrument_id)


class _SpecStage(WindowStage):
    """What the stages of a model spec share: they read its features and one `upstream` asset."""

    kind: str

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.model(model_name)
        self.asset = f"{self.kind}/{model_name}"
        self.predictor = workspace.registries.predictors.get(self.spec.predictor.type)
        reads = (ModelFeatures, UpstreamFrames, *([ModelBars] if self.predictor.needs_bars else []))
        self.code_hash = code_hash(type(self).build, FittedModel, *self.predictor_code(), *reads)
        read = [*model_feature_assets(self.spec, self.predictor), *self.upstream]
        self._frames = UpstreamFrames(workspace, instrument_id, read)
        self._features = ModelFeatures(workspace, self.spec, self._frames)
        self._bars = ModelBars(workspace, instrument_id, self.predictor)

    @property
    @abstractmethod
    def upstream(self) -> list[str]:
        """The assets that are read beside the features, at most one."""

    def label_hashes(self, windows: Sequence[Window]) -> list[str | None]:
        """sha256 of every file of labels that is read."""
        return [
            self._frames.artifact(asset, window).sha256
            for asset in self.upstream
            for window in windows
        ]

    @abstractmethod
    def predictor_code(self) -> tuple[object, ...]:
        """The part of the predictor's code that the content follows from."""


class ModelStage(_SpecStage):
    """Fits of one model spec. `training_windows` and the purge alone decide what a fit reads."""

    kind = "models"

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id, model_name)
        self._outside: dict[str, None] = {}

    def read_outside(self) -> tuple[str, ...]:
        """What the user's predictor read besides what it was given, in the fits of this pass."""
        return tuple(self._outside)

    @property
    def upstream(self) -> list[str]:
        """The label that is learned."""
        return model_label_assets(self.spec, self.predictor)

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the fold table is current, and the models that it names are as saved."""
        if artifact is None or not super().is_current(artifact, identity):
            return False
        return folds_are_sound(self.workspace, self.instrument_id, artifact)

    def predictor_code(self) -> tuple[object, ...]:
        """All of it."""
        return (self.predictor,)

    def inputs(self, window: Window) -> object:
        """Spec, feature set, libraries, and the hash of every file in the training span."""
        read = self._training_windows(window)
        return [
            self.spec.hash,
            self._features.hash,
            library_versions(self.spec.estimator.type),
            self._features.file_hashes(read),
            self.label_hashes(read),
            *(self._bars.inputs(read[-1]) if read else []),
        ]

    def build(self, window: Window) -> Built:
        """Fit every refit date of the window, save the models, and give the fold table."""
        read = self._training_windows(window)
        dates = refit_dates(window.start, window.end, self.spec.training.refit)
        ends = [*dates[1:], pd.Timestamp(window.end)]
        if not read:
            rows = [no_model_row(date, "No window lies before this one.") for date in dates]
            return Built(fold_table(rows, self.predictor), "no_model")
        features = self._features.rows(read).drop(columns="known_at")
        labels = joined_labels(self._frames, self.upstream, read)
        history = self._bars.until(read[-1])
        rows, registered = [], []
        for refit_at, test_end in zip(dates, ends, strict=True):
            began = time.perf_counter()
            outcome = fit_model(
                self.spec,
                features,
                labels,
                instrument=self.instrument_id,
                refit_at=refit_at,
                test_end=test_end,
                feature_set_hash=self._features.hash,
                predictors=self.workspace.registries.predictors,
                history=history,
            )
            took = time.perf_counter() - began
            if isinstance(outcome, NoModel):
                rows.append(no_model_row(refit_at, outcome.reason, outcome.fold))
                continue
            self._outside |= dict.fromkeys(outcome.details.get("reads_outside", ()))
            path = save_model(self.workspace.settings.models / self.spec.name, outcome)
            stored = path.relative_to(self.workspace.settings.runtime).as_posix()
            row = model_row(outcome, window.key, stored, path, self.workspace, fit_seconds=took)
            rows.append(row.fold)
            registered.append(row.registry)
        self.workspace.write(partial(self.workspace.models.save, registered))
        status = "ok" if registered else "no_model"
        return Built(fold_table(rows, self.predictor), status)

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """Size and scores of the last fit of the window, and what the scores are worth."""
        last = product.iloc[-1]
        names = sorted(  # scores before counts and errors: the page plots the first numbers
            (*self.predictor.score_columns, "rows", "purged", "embargoed"),
            key=lambda name: name.endswith(("rows", "_error", "purged", "embargoed")),
        )
        numbers = {
            name: float(last[name])
            for name in names
            if name in product.columns and pd.notna(last[name])
        }
        return {
            "fits": len(product),
            "model_id": last["model_id"],
            "reason": last["reason"],
            "reads_outside": "; ".join((*self._outside, *self._features.warnings)) or None,
            "held_back": self.predictor.in_words({str(k): v for k, v in last.items()}),
            **numbers,
        }

    def _training_windows(self, window: Window) -> list[Window]:
        return training_windows(self.workspace, self.instrument_id, self.spec.name, window)


class PredictionStage(_SpecStage):
    """Out-of-sample predictions: every row by the newest fit made before it."""

    kind = "predictions"

    @property
    def upstream(self) -> list[str]:
        """The fits that predict."""
        return [f"models/{self.spec.name}"]

    def predictor_code(self) -> tuple[object, ...]:
        """What predicts."""
        return predicting_code(self.predictor)

    def inputs(self, window: Window) -> object:
        """The window's fold table and features."""
        return [
            self._frames.artifact(self.upstream[0], window).sha256,
            *self._features.file_hashes([window]),
            *self._bars.inputs(window),
        ]

    def build(self, window: Window) -> Built:
        """Predictions of the window; no rows where there is no model."""
        folds = self._frames.frame(self.upstream[0], window)
        features = self._features.rows([window])
        parts = []
        for refit_at, fold in folds.iterrows():
            rows = features.loc[(features.index >= refit_at) & (features.index < fold["test_end"])]
            if fold["model_id"] and len(rows):
                path = self.workspace.settings.runtime / fold["path"]
                predictors = self.workspace.registries.predictors
                fitted = load_model(path, predictors, sha256=fold["sha256"])
                parts.append(self._predict(fitted, rows, window))
        if parts:
            return Built(pd.concat(parts))
        has_model = bool((folds["model_id"] != "").any())
        return Built(no_predictions(self.predictor), "not_listed" if has_model else "no_model")

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """How sure the predictions are, and how good where their outcomes are known."""
        if not len(product):
            return {}
        missing = product[list(self.predictor.columns)].isna().any(axis=1)
        return {
            **self.predictor.summary(product),
            "missing_predictions": int(missing.sum()),
            **self._scores(product),
        }

    def _scores(self, product: pd.DataFrame) -> dict[str, float]:
        """Scores of the window by the labels that are stored; they are no input of predictions."""
        window = [each for each in self.own_windows if each.start <= product.index[0]][-1]
        assets = model_label_assets(self.spec, self.predictor)
        labels = UpstreamFrames(self.workspace, self.instrument_id, assets)
        if not all(labels.has(asset, window) for asset in assets):
            return {}
        folds = self._frames.frame(self.upstream[0], window)
        return window_scores(
            self.spec,
            self.predictor,
            self.instrument_id,
            card_fits(self.workspace, folds, product),
            with_label_features(
                self.predictor,
                self.spec,
                joined_labels(labels, assets, [window]),
                self._features.rows([window]) if self.predictor.label_features else pd.DataFrame(),
            ),
            self._bars.until(window),
        )

    def _predict(self, fitted: FittedModel, features: pd.DataFrame, window: Window) -> pd.DataFrame:
        known_at = pd.DatetimeIndex(features["known_at"])
        return predict(
            fitted,
            features.drop(columns="known_at"),
            known_at,
            feature_set_hash=self._features.hash,
            history=self._bars.until(window),
        )
