"""The outcome of a fit: a model with everything that made it, or the reason there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from trading_pipeline.domain.hashing import short_hash
from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.predictors.predictor import Predictor, Scores, State
from trading_pipeline.models.training.walk_forward_folds import Fold
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["FittedModel", "NoModel", "model_id"]


MadeFrom: TypeAlias = Mapping[str, str | int]


def model_id(made_from: MadeFrom) -> str:
    """`{name}-{instrument}-{refit date YYYYMMDD}-{hash12}`; the hash covers all of `made_from`.

    `made_from` has at least name, instrument and refit_at (ISO text).
    """
    day = pd.Timestamp(made_from["refit_at"]).strftime("%Y%m%d")
    return f"{made_from['name']}-{made_from['instrument']}-{day}-{short_hash(dict(made_from))}"


@dataclass(frozen=True, kw_only=True)
class NoModel:
    """A refit date with too few rows to train on; `reason` says why in a sentence."""

    name: str
    instrument: str
    fold: Fold
    minimum_rows: int
    rows_without_features: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """A fitted model.

    `made_from`: names, stamps and hashes of all inputs; its hash ends the id. `predictor`: what
    made it and predicts with it. `state`: what it learned. `columns`: features in the order the
    predictor takes them. `rows_fitted` rows trained it, with `effective_rows` as the sum of their
    uniqueness; `rows_scored` of them were held back from other fits and scored.
    `rows_without_features`: labelled rows left out for a NaN feature. `scores`: by part, see
    `Fit`. `details`: further numbers and tables of the predictor.
    """

    made_from: MadeFrom
    predictor: Predictor
    spec: ModelSpec
    instrument: str
    state: State
    columns: tuple[str, ...]
    fold: Fold
    rows_fitted: int
    rows_scored: int
    rows_without_features: int
    effective_rows: float | None
    scores: Mapping[str, Scores]
    details: Mapping[str, Any]
    library_versions: Mapping[str, str]

    @property
    def model_id(self) -> str:
        """Id of the model; equal for equal inputs, code and libraries."""
        return model_id(self.made_from)

    @property
    def last_label_end(self) -> pd.Timestamp:
        """Latest `t1` of the training rows; a backtest may not use predictions up to it."""
        if self.fold.last_label_end is None:
            raise DataQualityError(f"The model {self.model_id} has a fold without rows.")
        return self.fold.last_label_end

    def metrics(self) -> dict[str, float | int | None]:
        """Scores as one flat mapping, `tail_brier` and so on."""
        return {
            f"{part}_{name}": value
            for part, scores in self.scores.items()
            for name, value in scores.items()
        }
