"""Strategies that trade the predictions of a model."""

from __future__ import annotations

from trading_pipeline.strategies.ml.direction import MlDirection, MlDirectionParams
from trading_pipeline.strategies.ml.meta_labelled import MetaLabelled, MetaLabelledParams
from trading_pipeline.strategies.ml.predictive import MlPredictive, MlPredictiveParams

__all__ = [
    "MetaLabelled",
    "MetaLabelledParams",
    "MlDirection",
    "MlDirectionParams",
    "MlPredictive",
    "MlPredictiveParams",
]
