"""Calls of a predictor, with its answers checked and a user's errors explained."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.errors import (
    ConfigurationError,
    InsufficientDataError,
    LookaheadError,
    ModelTrainingError,
)
from trading_pipeline.models.predictors.predictor import (
    PredictionRows,
    Predictor,
    State,
    TrainingRows,
)
from trading_pipeline.own_code import explained
from trading_pipeline.own_code.finder import is_own_module
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = [
    "calling",
    "learned",
    "own_file",
    "predicted",
    "predicting_code",
    "require_state",
    "with_label_features",
]


def own_file(predictor: Predictor) -> Path | None:
    """The user's file that the predictor is from; None for one of the package."""
    if not is_own_module(type(predictor).__module__):
        return None
    return Path(inspect.getsourcefile(type(predictor)) or "")


def predicting_code(predictor: Predictor) -> tuple[object, ...]:
    """What `code_identity.code_hash` takes for the predictions of a fitted model.

    Of a shipped predictor these are the methods that predict, so that a change of how it is trained
    makes no prediction of an existing model stale; of a user's, and of one that reads bars alone,
    it is the whole class.
    """
    if own_file(predictor) is not None or predictor.bars_alone:
        return (predictor,)
    kind = type(predictor)
    return (kind.predict, kind.check, kind.steps)


@contextmanager
def calling(predictor: Predictor, doing: str) -> Iterator[None]:
    """Turn what a user's predictor raises in the block into a `ModelTrainingError` with its line.

    `InsufficientDataError` (no model), and what the package itself found, pass as they are.
    """
    passing = (InsufficientDataError, LookaheadError)
    path = own_file(predictor)
    with explained(path, ModelTrainingError, f"{doing} of '{predictor.name}'", *passing):
        yield


def learned(predictor: Predictor, rows: TrainingRows) -> State:
    """The state that `fit` gives; `ModelTrainingError` where it raises or gives something else."""
    with calling(predictor, "fit"):
        state: object = predictor.fit(rows)
    return require_state(predictor, state)


def with_label_features(
    predictor: Predictor, spec: ModelSpec, labels: pd.DataFrame, features: pd.DataFrame
) -> pd.DataFrame:
    """Labels with the features that the predictor's `targets` reads beside them.

    Raises `ConfigurationError` where the features have no such column.
    """
    wanted = [name for name in predictor.label_features if name not in labels.columns]
    if not wanted:
        return labels
    missing = [name for name in wanted if name not in features.columns]
    if missing:
        raise ConfigurationError(
            f"The predictor {predictor.name!r} of the model {spec.name!r} needs the feature "
            f"{missing[0]!r} beside those of its set, and it was not given.",
            predictor=predictor.name,
            feature=missing[0],
        )
    return labels.join(features[wanted], how="inner")


def require_state(predictor: Predictor, state: object) -> State:
    """The state, which holds what was learned by name."""
    if isinstance(state, Mapping):
        return state
    raise ModelTrainingError(
        f"fit of the predictor {predictor.name!r} gave a {type(state).__name__}, and must give "
        "what was learned by name, such as {'estimator': estimator}.",
        predictor=predictor.name,
    )


def predicted(predictor: Predictor, state: State, rows: PredictionRows) -> pd.DataFrame:
    """The predictor's columns in their order, one line for each row and step, and `horizon`.

    Raises `ModelTrainingError` where a user's predictor raises, or where the answer has another
    length, other stamps or a number that is not finite; what its `check` raises.
    """
    steps = rows.steps or predictor.steps(rows.spec, rows.history)
    with calling(predictor, "predict"):
        answer: object = predictor.predict(state, rows)
    wanted = list(predictor.columns)
    if not isinstance(answer, pd.DataFrame):
        raise _unusable(predictor, f"gave a {type(answer).__name__} in place of a DataFrame")
    missing = [name for name in wanted if name not in answer.columns]
    if missing:
        raise _unusable(predictor, f"gave no column {missing[0]!r}")
    if len(answer) != len(rows) * len(steps):
        raise _unusable(
            predictor,
            f"gave {len(answer)} lines for {len(rows)} rows and {len(steps)} step(s), which are "
            f"{len(rows) * len(steps)}",
        )
    expected = rows.features.index.repeat(len(steps))
    if not answer.index.equals(expected):
        raise _unusable(predictor, "gave lines with other stamps than the rows it was asked for")
    if len(steps) > 1 and not np.array_equal(answer["horizon"], np.tile(steps, len(rows))):
        raise _unusable(predictor, "gave a column 'horizon' that does not repeat its steps")
    found = answer[wanted].astype("float64")
    wrong = ~np.isfinite(found.to_numpy())
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise _unusable(
            predictor, f"gave {found.iloc[row, column]} as {wanted[column]!r} of {found.index[row]}"
        )
    with calling(predictor, "check"):
        predictor.check(answer)
    return found.assign(horizon=np.tile(np.asarray(steps, dtype="int64"), len(rows)))


def _unusable(predictor: Predictor, what: str) -> ModelTrainingError:
    return ModelTrainingError(
        f"predict of the predictor {predictor.name!r} {what}. Give a DataFrame with the index of "
        f"rows.features and the finite column(s) {', '.join(predictor.columns)}.",
        predictor=predictor.name,
    )
