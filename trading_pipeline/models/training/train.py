"""Training and prediction: one purged, calibrated fit for each refit date.

Only rows whose label ended before the refit date are trained on, each weighted by how much of its
label's life it has for itself. With calibration, the later rows are held back in blocks as well:
`held_back` says how they calibrate the model and score it.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    ModelIntegrityError,
)
from trading_pipeline.models.cards.scores import (
    ProbabilityScores,
    reliability_table,
    score_probabilities,
)
from trading_pipeline.models.leakage_guard import ensure_no_overlap
from trading_pipeline.models.predictors.estimators import estimator, validate_parameters
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.training.calibration import (
    SigmoidCalibration,
    log_odds,
    shrunk_base_rate,
    sigmoid,
)
from trading_pipeline.models.training.effective_rows import label_clock, row_uniqueness
from trading_pipeline.models.training.estimator_fit import fit_estimator, margins_of
from trading_pipeline.models.training.held_back import (
    BLOCK_STARTS,
    ScoredRows,
    calibration_slope,
    hold_back,
    scored_rows,
)
from trading_pipeline.models.training.walk_forward_folds import Fold, make_fold
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = [
    "PREDICTION_COLUMNS",
    "check_model_spec",
    "fit_model",
    "library_versions",
    "predict_direction",
]

PREDICTION_COLUMNS = ("known_at", "model_id", "horizon", "p_up")


def check_model_spec(spec: ModelSpec) -> None:
    """Raise `ConfigurationError` for an estimator, parameter or label that cannot be trained."""
    validate_parameters(spec.estimator.type, spec.estimator.params)
    allowed = estimator(spec.estimator.type).label_types
    if spec.label.type not in allowed:
        raise ConfigurationError(
            f"The estimator {spec.estimator.type!r} of the model {spec.name!r} cannot be trained "
            f"on the label {spec.label.type!r}; it takes {', '.join(allowed)}.",
            estimator=spec.estimator.type,
            label=spec.label.type,
        )


def fit_model(
    spec: ModelSpec,
    features: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    instrument: str,
    refit_at: pd.Timestamp,
    test_end: pd.Timestamp,
    feature_set_hash: str,
) -> FittedModel | NoModel:
    """Fit the model of one refit date on what was known before it.

    Features and labels are joined on ts. They cover the training span; rows that reach beyond
    `refit_at` are purged. A labelled row without features, or with a NaN among them, is left out
    and counted. Fewer than `spec.training.minimum_rows` rows give a `NoModel`. Equal inputs give an
    equal model, bit for bit.

    Parameters
    ----------
    spec
        Estimator, label, training span and calibration.
    features
        Index ts, float64 columns, NaN in warm-up.
    labels
        Index ts, columns t0, t1 and label.
    instrument
        Instrument id, part of the model's id.
    refit_at
        The refit date, aware UTC.
    test_end
        The next refit date or the window's end; it is recorded in the fold and changes no fit.
    feature_set_hash
        Hash of the feature set, part of the model's id.

    Raises
    ------
    ModelTrainingError
        If all outcomes are equal or the estimator fails.
    DataQualityError
        For infinite features, unsorted rows, or outcomes other than 0.0 and 1.0.
    """
    check_model_spec(spec)
    usable = _usable_rows(features, labels)
    fold, kept = make_fold(
        labels.loc[usable],
        test_start=refit_at,
        test_end=test_end,
        embargo_bars=spec.training.embargo_bars,
    )
    left_out = int(len(labels) - len(usable))
    if fold.rows < spec.training.minimum_rows:
        reason = (
            f"{fold.rows} rows have features and a label that ended before "
            f"{refit_at:%Y-%m-%d}, {spec.training.minimum_rows} are needed."
        )
        return _no_model(spec, instrument, fold, left_out, reason)
    inputs = features.loc[kept.index]
    values = inputs.to_numpy(dtype="float64")
    outcomes = kept["label"].to_numpy(dtype="float64")
    clock = label_clock(labels)
    weights = row_uniqueness(kept, clock)
    fitted = fit_estimator(spec, values, outcomes, weights)
    blocks = [] if spec.calibration is None else hold_back(spec, values, kept, clock)
    if spec.calibration is not None and not blocks:
        reason = (
            f"No label of two outcomes ended before the rows held back for calibration begin, the "
            f"last {1.0 - BLOCK_STARTS[-1]:.0%} of {fold.rows}."
        )
        return _no_model(spec, instrument, fold, left_out, reason)

    margins = margins_of(fitted, values)
    base_rate = shrunk_base_rate(outcomes, weights)
    calibration: SigmoidCalibration | None = None
    if blocks:
        slope = calibration_slope(blocks, clock)
        usual_margin = float(np.average(margins, weights=weights))
        calibration = SigmoidCalibration(
            slope=slope, intercept=log_odds(base_rate) - slope * usual_margin
        )
    odds = sigmoid(margins) if calibration is None else calibration.probability(margins)
    scores = {"train": score_probabilities(outcomes, odds, uniqueness=weights)}
    reliability = reliability_table(outcomes, odds)
    held_back = scored_rows(blocks, clock, embargo_bars=spec.training.embargo_bars)
    if held_back is not None:
        scores |= _held_back_scores(held_back)
        reliability = reliability_table(held_back.outcomes, held_back.probabilities)
    versions = library_versions()
    return FittedModel(
        made_from={
            "name": spec.name,
            "instrument": instrument,
            "refit_at": fold.test_start.isoformat(),
            "spec_hash": spec.hash,
            "feature_set_hash": feature_set_hash,
            "features_hash": frame_hash(inputs),
            "labels_hash": frame_hash(kept),
            "code_hash": code_hash(fit_model, predict_direction),
            "libraries_hash": canonical_hash(versions),
            "seed": spec.seed,
        },
        spec=spec,
        instrument=instrument,
        estimator=fitted,
        calibration=calibration,
        columns=tuple(str(column) for column in features.columns),
        fold=fold,
        base_rate=base_rate,
        rows_fitted=fold.rows,
        rows_calibrated=sum(len(block.rows) for block in blocks),
        rows_scored=0 if held_back is None else len(held_back.outcomes),
        rows_purged_between=sum(block.purged for block in blocks),
        rows_without_features=left_out,
        effective_rows=float(weights.sum()),
        scores=scores,
        reliability=reliability,
        library_versions=versions,
    )


def predict_direction(
    fitted: FittedModel,
    features: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    *,
    feature_set_hash: str | None = None,
    allow_overlap: bool = False,
) -> pd.DataFrame:
    """Predictions for every row of `features`: index ts, columns known_at, model_id, horizon, p_up.

    `p_up` is NaN where a feature is NaN; nothing is filled, and no row is left out.

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

    Raises
    ------
    DataLeakageError
        If such a row is given without `allow_overlap`.
    ModelIntegrityError
        If the model was trained with another feature set.
    DataQualityError
        If `known_at` does not have one stamp for each row, or a feature is infinite.
    """
    trained_with = fitted.made_from["feature_set_hash"]
    if feature_set_hash is not None and feature_set_hash != trained_with:
        raise ModelIntegrityError(
            f"The model {fitted.model_id} was trained with feature set {str(trained_with)[:12]}, "
            f"the features at hand are of {feature_set_hash[:12]}. Train the model again.",
            model_id=fitted.model_id,
        )
    if len(known_at) != len(features):
        raise DataQualityError(
            f"There are {len(features)} rows of features and {len(known_at)} moments at which they "
            "are known; give one stamp for each row."
        )
    if len(features) and not allow_overlap:
        ensure_no_overlap(fitted.model_id, fitted.last_label_end, known_at.min())
    frame = pd.DataFrame(
        {
            "known_at": known_at,
            "model_id": [fitted.model_id] * len(features),
            "horizon": fitted.spec.label.horizon_bars,
            "p_up": fitted.p_up(features),
        },
        index=features.index.rename("ts"),
    )
    return frame.astype({"known_at": TS_DTYPE, "horizon": "int64", "p_up": "float64"})


@functools.cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries whose results a model depends on."""
    import sklearn
    import skops

    return {
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
    }


def _usable_rows(features: pd.DataFrame, labels: pd.DataFrame) -> pd.Index:
    for name, frame in (("features", features), ("labels", labels)):
        if not (frame.index.is_monotonic_increasing and frame.index.is_unique):
            raise DataQualityError(
                f"The {name} are not in increasing order of ts, or have a bar twice. Sort them "
                "and drop the copies before training."
            )
    values = features.to_numpy(dtype="float64")
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        raise DataQualityError(
            f"The feature {features.columns[column]!r} is {values[row, column]} at "
            f"{features.index[row]}; a model cannot be trained on an infinite value.",
            feature=features.columns[column],
            ts=features.index[row],
        )
    if not labels["label"].isin((0.0, 1.0)).all():
        raise DataQualityError(
            "The labels of a direction model must be 1.0 (up) or 0.0 (down); rows without a "
            "direction are left out of the frame."
        )
    complete = features.index[~np.isnan(values).any(axis=1)]
    return labels.index.intersection(complete)


def _held_back_scores(rows: ScoredRows) -> dict[str, ProbabilityScores]:
    return {
        name: score_probabilities(
            rows.outcomes, odds, uniqueness=rows.uniqueness, base_rates=rows.base_rates
        )
        for name, odds in (("tail", rows.probabilities), ("tail_uncalibrated", rows.uncalibrated))
    }


def _no_model(
    spec: ModelSpec, instrument: str, fold: Fold, rows_without_features: int, reason: str
) -> NoModel:
    return NoModel(
        name=spec.name,
        instrument=instrument,
        fold=fold,
        minimum_rows=spec.training.minimum_rows,
        rows_without_features=rows_without_features,
        reason=reason,
    )
