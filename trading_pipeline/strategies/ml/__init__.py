"""Strategies that trade the predictions of a model."""

from __future__ import annotations

from trading_pipeline.strategies.ml.direction import MlDirection, MlDirectionParams

__all__ = ["MlDirection", "MlDirectionParams"]
