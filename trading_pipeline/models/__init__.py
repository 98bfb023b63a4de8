"""Models that predict, trained walk-forward on labels that had ended before each refit date.

Read `training` (folds and purge, then the fit), `predictors` (estimators that a spec can name),
`registry` (a fitted model and its files), `cards` (scores), and `leakage_guard`, which refuses a
model on bars it has seen. Features and labels come in as frames: nothing here computes or stores
them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "FittedModel": "registry.fitted_model",
    "NoModel": "registry.fitted_model",
    "check_model_spec": "training.train",
    "ensure_no_overlap": "leakage_guard",
    "ensure_predictions_clean": "leakage_guard",
    "fit_model": "training.train",
    "load_model": "registry.model_files",
    "predict_direction": "training.train",
    "save_model": "registry.model_files",
    "score_probabilities": "cards.scores",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pandas and its like take long to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
