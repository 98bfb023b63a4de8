"""Predictors by name: the shipped ones, and one for each file of a user's folder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.cards.verdict import HEADLINES
from trading_pipeline.models.predictors.calls import calling
from trading_pipeline.models.predictors.direction import Direction
from trading_pipeline.models.predictors.estimators import (
    estimator,
    estimator_names,
    require_installed,
    validate_parameters,
)
from trading_pipeline.models.predictors.meta import Meta
from trading_pipeline.models.predictors.paths.autoregressive import Autoregressive
from trading_pipeline.models.predictors.paths.multi_ohlc import MultiOhlc
from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor
from trading_pipeline.models.predictors.predictor import Predictor, PredictorParams
from trading_pipeline.models.predictors.regression import ForwardReturn, Volatility
from trading_pipeline.own_code import OwnCode, Registry, load_own_code, only_class
from trading_pipeline.settings.model_spec import EstimatorSpec, ModelSpec
from trading_pipeline.settings.spec_model import explain_validation_error

__all__ = [
    "SHIPPED_PREDICTORS",
    "Predictors",
    "check_model_spec",
    "own_predictors",
    "params_of",
]

_PREDICTORS: dict[str, Predictor] = {
    each.name: each
    for each in (
        Direction(),
        ForwardReturn(),
        Volatility(),
        Autoregressive(),
        MultiOhlc(),
        Meta(),
    )
}
_KIND = "predictor"
_FIX = (
    "Write one class, such as class Mine(Predictor): with columns and the methods fit(self, rows) "
    "and predict(self, state, rows), where Predictor comes from trading_pipeline.models."
)


class Predictors(Registry[Predictor]):
    """The shipped predictors and those of a user's files.

    >>> SHIPPED_PREDICTORS.get("direction").columns
    {'p_up': 'probability of a rise, 0 to 1'}
    """

    def __init__(self, own: OwnCode[Predictor] | None = None) -> None:
        super().__init__(_KIND, _PREDICTORS, own)


SHIPPED_PREDICTORS = Predictors()
"""The predictors of the package alone; a workspace has those of the user's files too."""


def own_predictors(folder: Path | None) -> Predictors:
    """The shipped predictors, and one for each Python file of a folder."""
    return Predictors(load_own_code(folder, _KIND, _predictor_of, _PREDICTORS))


def check_model_spec(spec: ModelSpec, predictors: Predictors = SHIPPED_PREDICTORS) -> Predictor:
    """The predictor of a spec that can be trained.

    Raises `ConfigurationError` for an estimator, a parameter or a label that it cannot learn from,
    `UnknownNameError` for an unknown name, `OwnCodeError` for a broken file.
    """
    predictor = predictors.get(spec.predictor.type)
    params_of(predictor, spec)
    if spec.label.type not in predictor.labels:
        others = [
            name
            for name in predictors.names()
            if spec.label.type in predictors.get(name).labels
            and not predictors.get(name).bars_alone
            and name != predictor.name
        ]
        instead = f" Predictors that learn it: {', '.join(others)}." if others else ""
        raise ConfigurationError(
            f"The predictor {predictor.name!r} of the model {spec.name!r} cannot learn the label "
            f"{spec.label.type!r}; it takes {', '.join(predictor.labels)}.{instead}",
            predictor=predictor.name,
            label=spec.label.type,
        )
    _check_estimator(spec, predictor)
    _check_tuning(spec, predictor)
    if predictor.bars_alone:
        _check_bars_alone(spec, predictor)
    with calling(predictor, "the check of the model"):
        predictor.check_spec(spec)
    return predictor


def params_of(predictor: Predictor, spec: ModelSpec) -> PredictorParams:
    """Parameters of the predictor in a spec, defaults filled in; `ConfigurationError` for a wrong
    or unknown one."""
    wanted = predictor.params_type
    try:
        return wanted.model_validate(dict(spec.predictor.params))
    except ValidationError as error:
        raise ConfigurationError(
            f"The parameters of the predictor {predictor.name!r} of the model {spec.name!r} are "
            f"wrong. {explain_validation_error(error, wanted)}",
            predictor=predictor.name,
        ) from error


def _check_estimator(spec: ModelSpec, predictor: Predictor) -> None:
    validate_parameters(spec.estimator.type, spec.estimator.params)
    if predictor.task is None:
        if spec.estimator != EstimatorSpec():
            raise ConfigurationError(
                f"The predictor {predictor.name!r} brings its own method, so the 'estimator' of "
                f"the model {spec.name!r} would be ignored. Remove it.",
                predictor=predictor.name,
            )
        return
    tasks = estimator(spec.estimator.type).tasks
    if predictor.task not in tasks:
        raise ConfigurationError(
            f"The estimator {spec.estimator.type!r} of the model {spec.name!r} is a "
            f"{tasks[0]}, and the predictor {predictor.name!r} needs a {predictor.task}: "
            f"{', '.join(estimator_names(predictor.task))}.",
            estimator=spec.estimator.type,
            predictor=predictor.name,
        )
    require_installed(spec.estimator.type)


def _check_tuning(spec: ModelSpec, predictor: Predictor) -> None:
    if spec.tuning is None:
        return
    if predictor.task is None:
        raise ConfigurationError(
            f"The predictor {predictor.name!r} brings its own method, so the 'tuning' of the model "
            f"{spec.name!r} would be ignored. Remove it.",
            predictor=predictor.name,
        )
    for key in spec.tuning.params:
        if key in spec.estimator.params:
            raise ConfigurationError(
                f"The model {spec.name!r} gives the parameter {key!r} under 'estimator' and under "
                "'tuning'. Leave it out of one.",
                parameter=key,
            )
    for params in spec.tuning.combinations:
        validate_parameters(spec.estimator.type, {**spec.estimator.params, **params})
    fitting = {"classifier": ("log_loss", "brier"), "regressor": ("mse", "mae")}[predictor.task]
    if spec.tuning.metric not in (None, *fitting):
        raise ConfigurationError(
            f"The metric {spec.tuning.metric!r} under 'tuning' of the model {spec.name!r} is none "
            f"of a {predictor.task}: {', '.join(fitting)}.",
            metric=spec.tuning.metric,
        )


def _check_bars_alone(spec: ModelSpec, predictor: Predictor) -> None:
    """Refuse what such a predictor would ignore."""
    for key in ("features", "cross_features", "label"):
        if getattr(spec, key) != ModelSpec.model_fields[key].default:
            raise ConfigurationError(
                f"The predictor {predictor.name!r} reads bars alone and makes its own targets, so "
                f"the key {key!r} of the model {spec.name!r} would be ignored. Remove it.",
                predictor=predictor.name,
                key=key,
            )


def _predictor_of(module: ModuleType) -> tuple[str, Predictor]:
    found = only_class(module, _KIND, lambda each: issubclass(each, Predictor), _FIX)
    line = inspect.getsourcelines(found)[1]
    columns = getattr(found, "columns", None)
    if not _is_columns(columns):
        raise ConfigurationError(
            f"The columns of {found.__name__} are {columns!r}. Name each prediction column with "
            "its meaning, such as columns = {'yhat': 'expected return'}.",
            line=line,
        )
    taken = {"ts", "known_at", "model_id", "horizon"} & set(columns or ())
    if taken:
        raise ConfigurationError(
            f"The column {min(taken)!r} of {found.__name__} is one that every prediction has. Give "
            "it another name.",
            line=line,
        )
    params = found.params_type
    if not (isinstance(params, type) and issubclass(params, PredictorParams)):
        raise ConfigurationError(
            f"The params_type of {found.__name__} is {params!r}, which is no class of "
            "PredictorParams.",
            line=line,
        )
    _check_scoring(found, line)
    return found.name, found()


def _check_scoring(found: type[Predictor], line: int) -> None:
    """Refuse what a model card could not score."""
    if found.scored_as is None:
        return
    if found.scored_as not in HEADLINES:
        raise ConfigurationError(
            f"scored_as of {found.__name__} is {found.scored_as!r}; give one of "
            f"{', '.join(HEADLINES)}, or leave it out.",
            line=line,
        )
    needed = {"probability": "p_up", "number": "yhat"}.get(found.scored_as)
    if needed is None and not issubclass(found, PathPredictor):
        raise ConfigurationError(
            f"{found.__name__} is scored as a path and is no PathPredictor. Give scored_as = "
            "'number' or 'probability', or leave it out.",
            line=line,
        )
    if needed is not None and needed not in found.columns:
        raise ConfigurationError(
            f"{found.__name__} is scored as a {found.scored_as}, which is its column {needed!r}, "
            f"and its columns are {', '.join(found.columns)}. Name it among them, or leave "
            "scored_as out.",
            line=line,
        )
    if found.headline is not None and found.headline not in HEADLINES[found.scored_as]:
        raise ConfigurationError(
            f"The headline of {found.__name__} is {found.headline!r}; of a {found.scored_as} it is "
            f"one of {', '.join(HEADLINES[found.scored_as])}.",
            line=line,
        )


def _is_columns(given: Any) -> bool:
    return (
        isinstance(given, Mapping)
        and len(given) > 0
        and all(isinstance(part, str) and part for item in given.items() for part in item)
    )
