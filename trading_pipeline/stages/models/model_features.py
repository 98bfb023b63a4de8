"""The features that a model learns from: its set, and the cross features if its spec asks.

Those of a meta model have the side that its strategy opens as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.models.predictors.meta import SIDE
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.features.cross_features import ASSET as CROSS_FEATURES
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.features.known_findings import refuse_known_look_ahead_of_set
from trading_pipeline.stages.models.primary_signals import PrimarySignals, primary_of
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "ModelFeatures",
    "joined_labels",
    "model_feature_assets",
    "model_features_hash",
    "model_label_assets",
]

_PREFIX = "cross_"


def model_feature_assets(spec: ModelSpec, predictor: Predictor) -> list[str]:
    """Assets that the model's features are read from; none where it reads bars alone."""
    if predictor.bars_alone:
        return []
    return [f"features/{spec.features}", *([CROSS_FEATURES] if spec.cross_features else [])]


def model_label_assets(spec: ModelSpec, predictor: Predictor) -> list[str]:
    """The label that the model learns; none where its predictor makes its own targets."""
    return [] if predictor.bars_alone else [f"labels/{spec.label.name}"]


def joined_labels(
    upstream: UpstreamFrames, assets: Sequence[str], windows: Sequence[Window]
) -> pd.DataFrame:
    """Labels of the windows by `model_label_assets`; no rows where there is no such asset."""
    for asset in assets:
        return upstream.joined(asset, windows)
    return pd.DataFrame(index=pd.DatetimeIndex([], dtype=TS_DTYPE, name="ts"))


def model_features_hash(workspace: Workspace, spec: ModelSpec) -> str:
    """Hash of what the columns mean: of the set, and of the comparison where there is one."""
    if workspace.registries.predictors.get(spec.predictor.type).bars_alone:
        return canonical_hash([])
    own = workspace.registries.feature_sets.get(spec.features).hash
    more: list[object] = [workspace.catalog.cross.hash] if spec.cross_features else []
    primary = primary_of(spec, workspace.registries)
    if primary is not None:
        more += primary.described(workspace.registries.strategies)
    return canonical_hash([own, *more]) if more else own


class ModelFeatures:
    """Rows that a model reads, with `known_at`; columns of the comparison start with `cross_`.

    Of a model that reads bars alone there is a row for each bar, without any feature.
    """

    def __init__(self, workspace: Workspace, spec: ModelSpec, upstream: UpstreamFrames) -> None:
        self._workspace, self._spec, self._upstream = workspace, spec, upstream
        self.hash = model_features_hash(workspace, spec)
        predictor = workspace.registries.predictors.get(spec.predictor.type)
        self._assets = model_feature_assets(spec, predictor)
        primary = primary_of(spec, workspace.registries)
        self._signals = (
            None if primary is None else PrimarySignals(workspace, upstream.instrument_id, primary)
        )
        self._is_judged = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of the rows that were read: a strategy that could not be audited."""
        return () if self._signals is None else self._signals.warnings

    def file_hashes(self, windows: Sequence[Window]) -> list[str | None]:
        """sha256 of every file that is read, asset by asset.

        Raises `LookaheadError` for a set that was found to look ahead on any instrument.
        """
        hashes = [
            self._upstream.artifact(asset, window).sha256
            for asset in self._assets
            for window in windows
        ]
        if hashes and not self._is_judged:
            chosen = self._workspace.registries.feature_sets.get(self._spec.features)
            refuse_known_look_ahead_of_set(self._workspace, chosen, self._upstream.instrument_id)
            self._is_judged = True
        if self._signals is not None and windows:
            hashes += self._signals.inputs(windows[-1])
        return hashes

    def rows(self, windows: Sequence[Window]) -> pd.DataFrame:
        """Features of the windows; `DataQualityError` where the assets have different bars."""
        if not self._assets:
            return self._bars(windows)
        own, *others = self._assets
        features = self._upstream.joined(own, windows)
        for asset in others:
            compared = self._upstream.joined(asset, windows).drop(columns="known_at")
            if not compared.index.equals(features.index):
                raise DataQualityError(
                    f"'{asset}' has {len(compared)} rows and '{own}' has {len(features)} for the "
                    "same windows, so one of them is out of date. Bring both up to date with: "
                    "trading-pipeline run.",
                    rows=len(compared),
                    expected=len(features),
                )
            features = pd.concat([features, compared.add_prefix(_PREFIX)], axis=1)
        return features if self._signals is None else self._with_side(features, self._signals)

    def _with_side(self, features: pd.DataFrame, signals: PrimarySignals) -> pd.DataFrame:
        if SIDE in features.columns:
            raise ConfigurationError(
                f"The feature set '{self._spec.features}' has a column {SIDE!r}, which the model "
                f"{self._spec.name!r} needs for the side of its strategy. Rename it.",
                model=self._spec.name,
            )
        return features.assign(**{SIDE: signals.sides().reindex(features.index).to_numpy()})

    def _bars(self, windows: Sequence[Window]) -> pd.DataFrame:
        series = stored_series(self._workspace, self._upstream.instrument_id)
        rows = [series.span(window.start, window.end) for window in windows]
        index = pd.DatetimeIndex(series.raw.index)
        frames = [
            pd.DataFrame({"known_at": series.known_at[each]}, index=index[each]) for each in rows
        ]
        return pd.concat(frames)
