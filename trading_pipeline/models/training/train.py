"""Training: one purged fit for each refit date, by the predictor of the spec.

Only rows whose target ended before the refit date are trained on, each weighted by how much of its
target's life it has for itself. The predictor says what is learned, and how.
"""

from __future__ import annotations

import functools
import math
from importlib.metadata import version

import numpy as np
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    ModelTrainingError,
)
from trading_pipeline.models.predictors.calls import (
    calling,
    own_file,
    require_state,
    with_label_features,
)
from trading_pipeline.models.predictors.catalogue import (
    SHIPPED_PREDICTORS,
    Predictors,
    check_model_spec,
    params_of,
)
from trading_pipeline.models.predictors.estimators import estimator, require_installed
from trading_pipeline.models.predictors.prediction_audit import ensure_predictions_causal
from trading_pipeline.models.predictors.predictor import (
    Fit,
    History,
    PredictionRows,
    Predictor,
    Scores,
    TrainingRows,
)
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.training.effective_rows import (
    fit_weights,
    label_clock,
    row_uniqueness,
)
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.held_back import plain_fit
from trading_pipeline.models.training.training_spans import span_of, span_start
from trading_pipeline.models.training.tuning import tuned_rows
from trading_pipeline.models.training.walk_forward_folds import make_fold
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["fit_model", "library_versions"]

_AUDITED_ROWS = 500


def fit_model(
    spec: ModelSpec,
    features: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    instrument: str,
    refit_at: pd.Timestamp,
    test_end: pd.Timestamp,
    feature_set_hash: str,
    predictors: Predictors = SHIPPED_PREDICTORS,
    history: History | None = None,
) -> FittedModel | NoModel:
    """Fit the model of one refit date on what was known before it.

    Features and targets are joined on ts. They cover the training span; rows that reach beyond
    `refit_at` are purged, and those older than a span of time are left out. A row without features,
    or with a NaN among them, is left out and counted. Fewer than `spec.training.minimum_rows` rows
    give a `NoModel`. Equal inputs give an equal model, bit for bit.

    Parameters
    ----------
    spec
        Predictor, estimator, label, training span and calibration.
    features
        Index ts, float64 columns, NaN in warm-up.
    labels
        Index ts, columns t0, t1 and label.
    instrument
        Instrument id, part of the model's id; its timeframe chooses among spans by timeframe.
    refit_at
        The refit date, aware UTC.
    test_end
        The next refit date or the window's end; it is recorded in the fold and changes no fit.
    feature_set_hash
        Hash of the feature set, part of the model's id.
    predictors
        Where the predictor is looked up.
    history
        Bars, which a predictor with `needs_bars` must have; those known from `refit_at` on are cut.

    Raises
    ------
    ModelTrainingError
        If nothing can be learned (all outcomes equal), the estimator fails, or a user's predictor
        raises or gives what cannot be used.
    LookaheadError
        If what a user's predictor predicts for a row changes with later rows.
    DataQualityError
        For infinite features, unsorted rows, and outcomes that the predictor cannot learn.
    ConfigurationError
        For a spec that cannot be trained, and spans without one for the instrument's timeframe.
    """
    predictor = check_model_spec(spec, predictors)
    if predictor.needs_bars and history is None:
        raise ConfigurationError(
            f"The predictor {predictor.name!r} of the model {spec.name!r} needs bars, and none "
            "were given. Give their history."
        )
    known = history.before(refit_at) if predictor.needs_bars and history is not None else None
    labels = with_label_features(predictor, spec, labels, features)
    targets = _targets(predictor, spec, labels, known)
    start = span_start(span_of(spec.training, instrument), refit_at)
    if start is not None:
        targets = targets.loc[targets.index >= start]
    usable = _usable_rows(features, targets)
    fold, kept = make_fold(
        targets.loc[usable],
        test_start=refit_at,
        test_end=test_end,
        embargo_bars=spec.training.embargo_bars,
    )
    left_out = int(len(targets) - len(usable))

    def no_model(reason: str) -> NoModel:
        return NoModel(
            name=spec.name,
            instrument=instrument,
            fold=fold,
            minimum_rows=spec.training.minimum_rows,
            rows_without_features=left_out,
            reason=reason,
        )

    if fold.rows < spec.training.minimum_rows:
        return no_model(
            f"{fold.rows} rows have features and a label that ended before "
            f"{refit_at:%Y-%m-%d}, {spec.training.minimum_rows} are needed."
        )
    inputs = features.loc[kept.index]
    # targets of some bars alone do not tell when the others are known
    clock = label_clock(labels if predictor.label_features else targets)
    uniqueness = row_uniqueness(kept, clock)
    rows = TrainingRows(
        spec=spec,
        params=params_of(predictor, spec),
        features=inputs,
        targets=kept,
        weights=fit_weights(spec.training, kept, clock),
        uniqueness=uniqueness,
        clock=clock,
        history=known,
    )
    try:
        rows, tuning = tuned_rows(predictor, rows)
        fitted = _trained(predictor, rows)
    except InsufficientDataError as error:
        return no_model(str(error))
    details = dict(fitted.details)
    if tuning is not None:
        details["tuning"] = tuning.as_dict()
    if own_file(predictor) is not None:
        details["reads_outside"] = list(_audited(predictor, fitted, rows))
    versions = library_versions(spec.estimator.type)
    return FittedModel(
        made_from={
            "name": spec.name,
            "instrument": instrument,
            "refit_at": fold.test_start.isoformat(),
            "spec_hash": spec.hash,
            "feature_set_hash": feature_set_hash,
            "features_hash": frame_hash(inputs),
            "labels_hash": frame_hash(kept),
            **({} if known is None else {"bars_hash": frame_hash(known.bars)}),
            "code_hash": code_hash(fit_model, predict, predictor),
            "libraries_hash": canonical_hash(versions),
            "seed": spec.seed,
        },
        predictor=predictor,
        spec=spec,
        instrument=instrument,
        state=fitted.state,
        columns=tuple(str(column) for column in features.columns),
        fold=fold,
        rows_fitted=fold.rows,
        rows_scored=fitted.rows_scored,
        rows_without_features=left_out,
        effective_rows=float(uniqueness.sum()),
        scores={part: _plain(each) for part, each in fitted.scores.items()},
        details=details,
        library_versions=versions,
    )


@functools.cache
def library_versions(estimator_type: str) -> dict[str, str]:
    """Versions of the libraries whose results a model of that estimator depends on.

    Raises `ConfigurationError` where the one that the estimator needs is missing.
    """
    require_installed(estimator_type)
    extra = estimator(estimator_type).extra
    return {
        **({} if extra is None else {extra: version(extra)}),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": version("scikit-learn"),  # to import it takes a second
        "skops": version("skops"),
    }


def _targets(
    predictor: Predictor, spec: ModelSpec, labels: pd.DataFrame, history: History | None
) -> pd.DataFrame:
    with calling(predictor, "targets"):
        targets = predictor.targets(spec, labels, history)
    learned = [name for name in targets.columns if name not in ("t0", "t1")]
    if not learned or not {"t0", "t1"} <= set(targets.columns):
        raise ModelTrainingError(
            f"The targets of the predictor {predictor.name!r} have the columns "
            f"{', '.join(map(str, targets.columns)) or 'none'}; give t0, t1 and at least one "
            "target."
        )
    wrong = ~np.isfinite(targets[learned].to_numpy(dtype="float64"))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataQualityError(
            f"The target {learned[column]!r} of {targets.index[row]} is "
            f"{targets[learned].iloc[row, column]}; leave rows without an outcome out.",
            ts=targets.index[row],
        )
    return targets


def _trained(predictor: Predictor, rows: TrainingRows) -> Fit:
    with calling(predictor, "train"):
        fitted: object = predictor.train(rows)
    if fitted is None:
        return plain_fit(predictor, rows)
    if not isinstance(fitted, Fit):
        raise ModelTrainingError(
            f"train of the predictor {predictor.name!r} gave a {type(fitted).__name__}, and must "
            "give a Fit, or None for the default.",
            predictor=predictor.name,
        )
    require_state(predictor, fitted.state)
    return fitted


def _usable_rows(features: pd.DataFrame, targets: pd.DataFrame) -> pd.Index:
    for name, frame in (("features", features), ("labels", targets)):
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
    complete = features.index[~np.isnan(values).any(axis=1)]
    return targets.index.intersection(complete)


def _audited(predictor: Predictor, fitted: Fit, rows: TrainingRows) -> tuple[str, ...]:
    """What a user's predictor reads from outside; raises where its predictions look ahead."""
    last = slice(-_AUDITED_ROWS, None)
    asked = PredictionRows(
        spec=rows.spec,
        params=rows.params,
        features=rows.features.iloc[last],
        known_at=pd.DatetimeIndex(rows.targets["t0"].iloc[last]),
        history=rows.history,
    )
    return ensure_predictions_causal(predictor, fitted.state, asked)


def _plain(scores: Scores) -> dict[str, float | int | None]:
    """Scores as they can be written: None for NaN and infinity."""
    return {
        name: None if value is None or not math.isfinite(value) else value
        for name, value in scores.items()
    }
