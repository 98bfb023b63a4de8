"""Predictions of a fitted model: what its predictor answers, checked, with the common columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    ModelIntegrityError,
    did_you_mean,
)
from trading_pipeline.models.leakage_guard import ensure_no_overlap
from trading_pipeline.models.predictors.calls import own_file, predicted
from trading_pipeline.models.predictors.catalogue import params_of
from trading_pipeline.models.predictors.prediction_audit import ensure_predictions_causal
from trading_pipeline.models.predictors.predictor import (
    FloatArray,
    History,
    PredictionRows,
    Predictor,
)
from trading_pipeline.models.registry.fitted_model import FittedModel

__all__ = ["COMMON_COLUMNS", "ensure_same_features", "forecast", "no_predictions", "predict"]

COMMON_COLUMNS = ("known_at", "model_id", "horizon")
"""Columns of every prediction, before those of its predictor."""


def predict(
    fitted: FittedModel,
    features: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    *,
    feature_set_hash: str | None = None,
    allow_overlap: bool = False,
    history: History | None = None,
) -> pd.DataFrame:
    """Predictions for every row of `features`: `COMMON_COLUMNS` and the predictor's, index ts.

    The predictor's columns are NaN where a feature is NaN; nothing is filled, and no row is left
    out. A predictor of several steps has a line for each.

    Parameters
    ----------
    fitted
        The model that predicts.
    features
        Index ts, at least the model's columns.
    known_at
        When each row becomes known, one aware stamp for each.
    feature_set_hash
        Hash of the feature set of `features`; None skips the comparison with the model's own.
    allow_overlap
        Whether rows that were known before the model's last label ended may be predicted.
    history
        Bars, which a predictor with `needs_bars` must have.

    Raises
    ------
    DataLeakageError
        If such a row is given without `allow_overlap`.
    ModelIntegrityError
        If the model was trained with another feature set.
    DataQualityError
        If `known_at` does not have one stamp for each row, or a feature is infinite.
    ModelTrainingError
        If a user's predictor raises or gives what cannot be used.
    """
    if feature_set_hash is not None:
        ensure_same_features(fitted, feature_set_hash)
    if len(known_at) != len(features):
        raise DataQualityError(
            f"There are {len(features)} rows of features and {len(known_at)} moments at which they "
            "are known; give one stamp for each row."
        )
    if len(features) and not allow_overlap:
        ensure_no_overlap(fitted.model_id, fitted.last_label_end, known_at.min())
    found = forecast(fitted, features, known_at, history=history)
    stamps = pd.Series(known_at, index=features.index)
    common = {
        "known_at": stamps.reindex(found.index).to_numpy(),
        "model_id": [fitted.model_id] * len(found),
        "horizon": found["horizon"].to_numpy(),
    }
    frame = pd.DataFrame(common, index=found.index.rename("ts")).assign(
        **{name: found[name].to_numpy() for name in fitted.predictor.columns}
    )
    return frame.astype(_types(fitted.predictor))


def forecast(
    fitted: FittedModel,
    features: pd.DataFrame,
    known_at: pd.DatetimeIndex | None = None,
    *,
    history: History | None = None,
    whole_path: bool = False,
) -> pd.DataFrame:
    """The predictor's columns and `horizon`, a line for each row and step, checked; index ts.

    Columns are matched by name, and extra columns are ignored; rows with a NaN feature get NaN.
    `known_at`: of each row, which a predictor may use. `whole_path`: every step of the predictor's
    path, and not only those that predictions hold. Raises `ConfigurationError` for a missing
    column, `DataQualityError` for an infinite feature, `ModelTrainingError` for an answer of the
    predictor that cannot be used, `LookaheadError` for a user's predictor whose answer for a row
    changes with later rows.
    """
    predictor, spec = fitted.predictor, fitted.spec
    known_at = pd.DatetimeIndex(features.index) if known_at is None else known_at
    values = _checked_features(fitted, features)
    complete = np.flatnonzero(~np.isnan(values).any(axis=1))
    steps = (predictor.path if whole_path else predictor.steps)(spec, history)
    lines = pd.DataFrame(
        {"horizon": np.tile(np.asarray(steps, dtype="int64"), len(values))},
        index=features.index.repeat(len(steps)),
    )
    for name in predictor.columns:
        lines[name] = np.nan
    if not len(complete):
        return lines
    rows = PredictionRows(
        spec=spec,
        params=params_of(predictor, spec),
        features=pd.DataFrame(
            values[complete], index=features.index[complete], columns=list(fitted.columns)
        ),
        known_at=known_at[complete],
        history=history,
        steps=steps,
    )
    found = predicted(predictor, fitted.state, rows)[list(predictor.columns)]
    if own_file(predictor) is not None:
        ensure_predictions_causal(predictor, fitted.state, rows)
    at = (complete[:, None] * len(steps) + np.arange(len(steps))).ravel()
    lines.iloc[at, 1:] = found.to_numpy()
    return lines


def ensure_same_features(fitted: FittedModel, feature_set_hash: str) -> None:
    """Raise `ModelIntegrityError` where the model was trained with another feature set."""
    trained_with = fitted.made_from["feature_set_hash"]
    if feature_set_hash != trained_with:
        raise ModelIntegrityError(
            f"The model {fitted.model_id} was trained with feature set {str(trained_with)[:12]}, "
            f"the features at hand are of {feature_set_hash[:12]}. Train the model again.",
            model_id=fitted.model_id,
        )


def no_predictions(predictor: Predictor) -> pd.DataFrame:
    """The columns of predictions without a row."""
    stamps = pd.DatetimeIndex([], dtype=TS_DTYPE, name="ts")
    columns = (*COMMON_COLUMNS, *predictor.columns)
    return pd.DataFrame({name: np.empty(0) for name in columns}, index=stamps).astype(
        _types(predictor) | {"model_id": object}
    )


def _types(predictor: Predictor) -> dict[str, str]:
    own = dict.fromkeys(predictor.columns, "float64")
    return {"known_at": TS_DTYPE, "horizon": "int64", **own}


def _checked_features(fitted: FittedModel, features: pd.DataFrame) -> FloatArray:
    """The model's columns in their order, shape (rows, columns)."""
    missing = [column for column in fitted.columns if column not in features.columns]
    if missing:
        raise ConfigurationError(
            f"The model {fitted.model_id} needs the feature {missing[0]!r}, which is not there. "
            f"{did_you_mean(missing[0], map(str, features.columns))}",
            missing=missing,
        )
    values: FloatArray = features.loc[:, list(fitted.columns)].to_numpy(dtype="float64")
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        raise DataQualityError(
            f"The feature {fitted.columns[column]!r} is {values[row, column]} at "
            f"{features.index[row]}; an infinite value cannot be predicted from.",
            feature=fitted.columns[column],
            ts=features.index[row],
        )
    return values
