"""The outcome of a fit: a model with everything that made it, or the reason there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.hashing import short_hash
from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean
from trading_pipeline.models.cards.scores import ProbabilityScores, ReliabilityBin
from trading_pipeline.models.predictors.estimators import Classifier
from trading_pipeline.models.training.calibration import SigmoidCalibration, sigmoid
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
    """A fitted direction model.

    `made_from`: names, stamps and hashes of all inputs; its hash ends the id. `columns`: features
    in the order the estimator takes them. `base_rate`: share of up among the training rows, shrunk
    towards one half where the effective rows are few; the probability where no skill was found.
    `rows_fitted` rows trained the estimator, with `effective_rows` as the sum of their uniqueness.
    `rows_calibrated`: the later ones of them, whose margins by estimators that had not seen them
    fitted the calibration; `rows_scored`: the last of these, whose forecasts were scored as well.
    `rows_purged_between`: rows that those estimators left out, because labels reached from one
    block into the next. `rows_without_features`: labelled rows left out for a NaN feature. `scores`
    has the keys `train` (the rows the estimator was fitted on), `tail` (the scored rows, each by an
    estimator, a calibration and a base rate from before it) and `tail_uncalibrated`. `reliability`:
    table of the scored rows, or of the training rows where none are.
    """

    made_from: MadeFrom
    spec: ModelSpec
    instrument: str
    estimator: Classifier
    calibration: SigmoidCalibration | None
    columns: tuple[str, ...]
    fold: Fold
    base_rate: float | None
    rows_fitted: int
    rows_calibrated: int
    rows_scored: int
    rows_purged_between: int
    rows_without_features: int
    effective_rows: float | None
    scores: Mapping[str, ProbabilityScores]
    reliability: tuple[ReliabilityBin, ...]
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
            for name, value in scores.as_dict().items()
        }

    def p_up(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probability of an up move for each row; NaN for a row in which any feature is NaN.

        Columns are matched by name, and extra columns are ignored. Raises `ConfigurationError` for
        a missing column and `DataQualityError` for an infinite feature.
        """
        missing = [column for column in self.columns if column not in features.columns]
        if missing:
            raise ConfigurationError(
                f"The model {self.model_id} needs the feature {missing[0]!r}, which is not there. "
                f"{did_you_mean(missing[0], map(str, features.columns))}",
                missing=missing,
            )
        values = features.loc[:, list(self.columns)].to_numpy(dtype="float64")
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise DataQualityError(
                f"The feature {self.columns[column]!r} is {values[row, column]} at "
                f"{features.index[row]}; an infinite value cannot be predicted from.",
                feature=self.columns[column],
                ts=features.index[row],
            )
        complete = ~np.isnan(values).any(axis=1)
        result = np.full(len(values), np.nan)
        if complete.any():
            margins = np.asarray(self.estimator.decision_function(values[complete]), "float64")
            calibrated = self.calibration
            result[complete] = (
                sigmoid(margins) if calibrated is None else calibrated.probability(margins)
            )
        return result
