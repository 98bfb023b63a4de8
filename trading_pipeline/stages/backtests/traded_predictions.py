"""Predictions that a scenario trades, checked against what their models saw."""

from __future__ import annotations

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.models.leakage_guard import ensure_predictions_clean
from trading_pipeline.models.predictors.calls import predicting_code
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.model_files import load_model
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import ModelFeatures, model_feature_assets
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace

__all__ = ["TradedPredictions"]


class TradedPredictions:
    """Predictions of one model for one scenario, checked against what their models saw."""

    def __init__(
        self,
        workspace: Workspace,
        instrument_id: str,
        scenario: ScenarioSpec,
        model_name: str,
        windows: list[Window],
    ) -> None:
        self._workspace, self._scenario, self._windows = workspace, scenario, windows
        self.name = model_name
        self._spec = workspace.catalog.model(model_name)
        self._assets = {
            "models": f"models/{model_name}",
            "predictions": f"predictions/{model_name}",
        }
        predictor = workspace.registries.predictors.get(self._spec.predictor.type)
        read = [*model_feature_assets(self._spec, predictor), *self._assets.values()]
        self._upstream = UpstreamFrames(workspace, instrument_id, read)
        self._features = ModelFeatures(workspace, self._spec, self._upstream)
        self.warnings: list[str] = []

    @property
    def feature_set(self) -> str:
        """Name of the set that the model learns from."""
        return self._spec.features

    def frame(self) -> pd.DataFrame:
        """Predictions of the traded windows, by the walk-forward models or by the pinned one."""
        if self._scenario.model_window is not None:
            return self._by_pinned_model()
        frame = self._upstream.joined(self._assets["predictions"], self._windows)
        if frame.empty:
            self.warnings.append(
                f"The model '{self._spec.name}' made no prediction on the traded bars: it had too "
                "little to learn from. Nothing was traded."
            )
        ends = self._workspace.models.by_id(sorted(set(frame["model_id"])))
        last_label_ends = {
            name: pd.Timestamp(row["last_label_end"]).as_unit("us") for name, row in ends.items()
        }
        ensure_predictions_clean(frame, last_label_ends)
        return frame

    def features_hash(self) -> str:
        """Hash of the feature files that were predicted from."""
        return canonical_hash(self._features.file_hashes(self._windows))

    def predictions_hash(self) -> str:
        """Hash of the prediction files, or of the pinned model."""
        if self._scenario.model_window is not None:
            predictor = self._workspace.registries.predictors.get(self._spec.predictor.type)
            bars = self._bars(predictor).inputs(self._windows[-1]) if self._windows else []
            sha256 = self._pinned_fold()["sha256"]
            code = code_hash(*predicting_code(predictor))
            return canonical_hash(["pinned", sha256, self.features_hash(), code, *bars])
        asset = self._assets["predictions"]
        return canonical_hash(
            [self._upstream.artifact(asset, window).sha256 for window in self._windows]
        )

    def _bars(self, predictor: Predictor) -> ModelBars:
        return ModelBars(self._workspace, self._upstream.instrument_id, predictor)

    def _pinned_fold(self) -> pd.Series:
        key = str(self._scenario.model_window)
        window = self._workspace.catalog.grid.window(key, self._workspace.clock())
        folds = self._upstream.frame(self._assets["models"], window)
        fitted = folds.loc[folds["model_id"] != ""]
        if fitted.empty:
            raise InsufficientDataError(
                f"The model '{self._spec.name}' has no fit in the window {key}: "
                f"{folds['reason'].iloc[0]} Choose a later 'model_window'.",
                model=self._spec.name,
                window=key,
            )
        return fitted.iloc[0]

    def _by_pinned_model(self) -> pd.DataFrame:
        predictors = self._workspace.registries.predictors
        fold = self._pinned_fold()
        path = self._workspace.settings.runtime / fold["path"]
        fitted = load_model(path, predictors, sha256=fold["sha256"])
        features = self._features.rows(self._windows)
        start = self._scenario.dates.bounds[0]
        if start is not None:
            features = features.loc[features.index >= pd.Timestamp(start)]
        overlap = self._scenario.allow_overlap
        known_at = pd.DatetimeIndex(features["known_at"])
        if overlap and len(known_at) and known_at[0] <= fitted.last_label_end:
            self.warnings.append(
                f"Leakage allowed by 'allow_overlap': model {fitted.model_id} was trained on "
                f"labels that end at {fitted.last_label_end:%Y-%m-%d}, after the first traded bar. "
                "The result is worthless as evidence."
            )
        return predict(
            fitted,
            features.drop(columns="known_at"),
            known_at,
            feature_set_hash=self._features.hash,
            allow_overlap=overlap,
            history=self._bars(fitted.predictor).until(self._windows[-1]),
        )
