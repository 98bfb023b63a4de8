"""Models that predict, trained walk-forward on labels that ended before each refit date.

Read `predictors` (`predictor.py`: what one is; `direction.py`: the first; estimators that a spec
can name), `training` (folds and purge, then the fit and its forecasts),
`registry` (a fitted model and its files), `cards` (scores), and `leakage_guard`, which rejects a
model on bars it was trained on. Features and labels are passed in as frames; nothing here computes
or stores them.
"""

from __future__ import annotations

from trading_pipeline.models.cards.scores import score_probabilities
from trading_pipeline.models.leakage_guard import ensure_no_overlap, ensure_predictions_clean
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.models.predictors.predictor import (
    Fit,
    History,
    PredictionRows,
    Predictor,
    PredictorParams,
    TrainingRows,
)
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.forecasting import forecast, predict
from trading_pipeline.models.training.train import fit_model

__all__ = [
    "Fit",
    "FittedModel",
    "History",
    "NoModel",
    "PredictionRows",
    "Predictor",
    "PredictorParams",
    "TrainingRows",
    "check_model_spec",
    "ensure_no_overlap",
    "ensure_predictions_clean",
    "fit_model",
    "forecast",
    "load_model",
    "predict",
    "save_model",
    "score_probabilities",
]
