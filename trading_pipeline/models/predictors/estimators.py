"""Estimators by name: their allowed parameters, and how each is built.

Their libraries are imported when the first one is built, because that takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.models.predictors.boosted_trees import BoostedTrees

__all__ = [
    "Classifier",
    "EstimatorDefinition",
    "Parameter",
    "Task",
    "build_estimator",
    "estimator",
    "estimator_names",
    "is_installed",
    "require_installed",
    "validate_parameters",
]


FloatArray = npt.NDArray[np.float64]
Task = Literal["classifier", "regressor"]


class Classifier(Protocol):
    """What is used of a scikit-learn classifier of two outcomes."""

    def fit(
        self, values: FloatArray, outcomes: npt.NDArray[np.int64], **weights: FloatArray
    ) -> Self:
        """Train on rows of features and their outcomes, 0 or 1."""

    def decision_function(self, values: FloatArray) -> FloatArray:
        """Margin of each row, above 0 for the outcome 1."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter: its default and the values it may have.

    Without choices `kind` is int or float: an int is accepted as a float, a bool as neither, and
    None only if the default is None. `least` and `most` are inclusive, `above` is not. `choices`,
    if not empty, are the only allowed values.
    """

    default: object
    kind: type
    least: float | None = None
    above: float | None = None
    most: float | None = None
    choices: tuple[object, ...] = ()

    def problem(self, value: object) -> str | None:
        """What is wrong with `value`, as the end of a sentence; None where it is allowed."""
        if self.choices:
            return None if value in self.choices else f"must be one of {list(self.choices)}"
        if value is None and self.default is None:
            return None
        allowed = int if self.kind is int else (int, float)
        if not isinstance(value, allowed) or isinstance(value, bool):
            return f"must be of type {self.kind.__name__}"
        return self._out_of_bounds(value)

    def _out_of_bounds(self, value: float) -> str | None:
        if self.least is not None and not value >= self.least:
            return f"must be {self.least:g} or more"
        if self.above is not None and not value > self.above:
            return f"must be above {self.above:g}"
        if self.most is not None and not value <= self.most:
            return f"must be {self.most:g} or less"
        return None


@dataclass(frozen=True, kw_only=True)
class EstimatorDefinition:
    """A kind of estimator and the parameters it takes.

    `build(parameters, seed, task)` returns an unfitted one; a classifier must have a
    `decision_function` or `predict_proba`. `tasks`: what it can be trained for. `weight_argument`:
    the argument of `fit` that takes one weight a row. `most_distinct_values`: to how many values a
    column is reduced for a fit with weights; None for no limit. `extra`: the package that must be
    installed beside this one, which the extra of the same name brings; None for none.
    """

    name: str
    tasks: tuple[Task, ...]
    parameters: Mapping[str, Parameter]
    build: Callable[[Mapping[str, object], int, Task], Any]
    weight_argument: str = "sample_weight"
    most_distinct_values: int | None = None
    extra: str | None = None


def estimator_names(task: Task | None = None) -> tuple[str, ...]:
    """Names of all estimators, or of those that can be trained for a task."""
    return tuple(
        sorted(name for name, each in _ESTIMATORS.items() if task is None or task in each.tasks)
    )


def estimator(name: str) -> EstimatorDefinition:
    """The estimator of that name; `UnknownNameError` offers close ones.

    >>> estimator("logistic").tasks
    ('classifier',)
    """
    if name not in _ESTIMATORS:
        raise UnknownNameError(
            f"There is no estimator {name!r}. {did_you_mean(name, _ESTIMATORS)}",
            name=name,
            kind="estimator",
        )
    return _ESTIMATORS[name]


def is_installed(name: str) -> bool:
    """Whether the package that the estimator needs is there."""
    extra = estimator(name).extra
    return extra is None or find_spec(extra) is not None


def require_installed(name: str) -> None:
    """Raise `ConfigurationError` where the package that the estimator needs is missing."""
    extra = estimator(name).extra
    if not is_installed(name):
        raise ConfigurationError(
            f"The estimator {name!r} needs the package {extra!r}, which is not installed. Install "
            f"the extra of that name: uv sync --extra {extra}, or pip install "
            f"'trading-pipeline[{extra}]'.",
            estimator=name,
            extra=extra,
        )


def validate_parameters(name: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """All parameters of the estimator, defaults filled in; does not import scikit-learn.

    Raises `UnknownNameError` for an unknown estimator or parameter, and `ConfigurationError` for a
    value that is not allowed.

    >>> validate_parameters("logistic", {"C": 0.1})
    {'C': 0.1, 'class_weight': None, 'max_iter': 1000}
    """
    definition = estimator(name)
    for key, value in parameters.items():
        if key not in definition.parameters:
            raise UnknownNameError(
                f"The estimator {name!r} has no parameter {key!r}. "
                f"{did_you_mean(key, definition.parameters)}",
                name=key,
                kind="parameter",
            )
        problem = definition.parameters[key].problem(value)
        if problem is not None:
            raise ConfigurationError(
                f"The parameter {key!r} of the estimator {name!r} {problem}, was {value!r}.",
                parameter=key,
                value=value,
            )
    return {key: parameters.get(key, known.default) for key, known in definition.parameters.items()}


def build_estimator(
    name: str, parameters: Mapping[str, object], *, seed: int, task: Task = "classifier"
) -> Any:
    """An unfitted estimator that gives equal results for equal input and `seed`.

    Raises `ConfigurationError` where the package that it needs is missing.
    """
    require_installed(name)
    return estimator(name).build(validate_parameters(name, parameters), seed, task)


def _logistic(parameters: Mapping[str, object], seed: int, task: Task) -> Any:  # noqa: ARG001
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(**parameters, random_state=seed)
    return Pipeline([("scale", StandardScaler()), ("regression", regression)])


def _ridge(parameters: Mapping[str, object], seed: int, task: Task) -> Any:  # noqa: ARG001
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    regression = Ridge(**parameters, random_state=seed)
    return Pipeline([("scale", StandardScaler()), ("regression", regression)])


def _hist_gradient_boosting(parameters: Mapping[str, object], seed: int, task: Task) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    given = _of_task(parameters, task)
    # scikit-learn's early stopping holds out random rows, and overlapping labels leak into them
    if task == "classifier":
        return HistGradientBoostingClassifier(**given, early_stopping=False, random_state=seed)
    return HistGradientBoostingRegressor(**given, early_stopping=False, random_state=seed)


def _random_forest(parameters: Mapping[str, object], seed: int, task: Task) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    given = _of_task(parameters, task)
    kind = RandomForestClassifier if task == "classifier" else RandomForestRegressor
    return kind(**given, n_jobs=1, random_state=seed)


def _lightgbm(parameters: Mapping[str, object], seed: int, task: Task) -> Any:
    given = {"max_depth": -1, **{k: v for k, v in parameters.items() if v is not None}}
    trees = int(str(given.pop("n_estimators")))
    objective = "binary" if task == "classifier" else "regression"
    return BoostedTrees({"objective": objective, **given}, trees=trees, seed=seed)


def _of_task(parameters: Mapping[str, object], task: Task) -> dict[str, Any]:
    """Without the weights of classes, which a regressor does not have."""
    return {
        name: value
        for name, value in parameters.items()
        if task == "classifier" or name != "class_weight"
    }


_CLASS_WEIGHT = Parameter(default=None, kind=str, choices=(None, "balanced"))
_ESTIMATORS = {
    definition.name: definition
    for definition in (
        EstimatorDefinition(
            name="logistic",
            tasks=("classifier",),
            parameters={
                "C": Parameter(default=1.0, kind=float, above=0.0),
                "class_weight": _CLASS_WEIGHT,
                "max_iter": Parameter(default=1000, kind=int, least=1),
            },
            build=_logistic,
            weight_argument="regression__sample_weight",
        ),
        EstimatorDefinition(
            name="ridge",
            tasks=("regressor",),
            parameters={"alpha": Parameter(default=1.0, kind=float, above=0.0)},
            build=_ridge,
            weight_argument="regression__sample_weight",
        ),
        EstimatorDefinition(
            name="random_forest",
            tasks=("classifier", "regressor"),
            parameters={
                "n_estimators": Parameter(default=100, kind=int, least=1, most=500),
                "max_depth": Parameter(default=6, kind=int, least=1, most=20),
                "min_samples_leaf": Parameter(default=50, kind=int, least=1),
                "max_features": Parameter(default=0.3, kind=float, above=0.0, most=1.0),
                "class_weight": _CLASS_WEIGHT,
            },
            build=_random_forest,
        ),
        EstimatorDefinition(
            name="hist_gradient_boosting",
            tasks=("classifier", "regressor"),
            parameters={
                "learning_rate": Parameter(default=0.05, kind=float, above=0.0),
                "max_iter": Parameter(default=100, kind=int, least=1),
                "max_leaf_nodes": Parameter(default=15, kind=int, least=2),
                "max_depth": Parameter(default=None, kind=int, least=1),
                "min_samples_leaf": Parameter(default=50, kind=int, least=1),
                "l2_regularization": Parameter(default=1.0, kind=float, least=0.0),
                "max_features": Parameter(default=1.0, kind=float, above=0.0, most=1.0),
                "class_weight": _CLASS_WEIGHT,
            },
            build=_hist_gradient_boosting,
            # it has 255 bins; weighted quantiles for them take scikit-learn 1.8 seconds for 1,000
            # rows of 42 columns, and it skips them where the values are no more than the bins
            most_distinct_values=255,
        ),
        EstimatorDefinition(
            name="lightgbm",
            tasks=("classifier", "regressor"),
            parameters={
                "learning_rate": Parameter(default=0.05, kind=float, above=0.0),
                "n_estimators": Parameter(default=100, kind=int, least=1, most=10_000),
                "num_leaves": Parameter(default=15, kind=int, least=2, most=4_096),
                "max_depth": Parameter(default=None, kind=int, least=1),
                "min_data_in_leaf": Parameter(default=50, kind=int, least=1),
                "lambda_l2": Parameter(default=1.0, kind=float, least=0.0),
                "feature_fraction": Parameter(default=1.0, kind=float, above=0.0, most=1.0),
            },
            build=_lightgbm,
            extra="lightgbm",
        ),
    )
}
