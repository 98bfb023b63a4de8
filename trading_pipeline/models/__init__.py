"""Models that predict, trained walk-forward on labels that ended before each refit date.

Read `training` (folds and purge, then the fit), `predictors` (estimators that a spec can name),
`registry` (a fitted model and its files), `cards` (scores), and `leakage_guard`, which rejects a
model on bars it was trained on. Features and labels are passed in as frames; nothing here computes
or stores them.
"""

from __future__ import annotations

from trading_pipeline.models.cards.scores import score_probabilities
from trading_pipeline.models.leakage_guard import ensure_no_overlap, ensure_predictions_clean
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.train import (
    check_model_spec,
    fit_model,
    predict_direction,
)

__all__ = [
    "FittedModel",
    "NoModel",
    "check_model_spec",
    "ensure_no_overlap",
    "ensure_predictions_clean",
    "fit_model",
    "load_model",
    "predict_direction",
    "save_model",
    "score_probabilities",
]
