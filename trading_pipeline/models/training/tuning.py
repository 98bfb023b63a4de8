"""Parameters of an estimator, chosen by purged k-fold among the rows of one fit.

Whoever fits an estimator for a date tunes on the rows known before that date: the fit of a refit
date on all of its training rows, the fits behind held-back scores each on the rows before its
block. So no score comes from parameters that were chosen with the rows that it scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.models.predictors.calls import calling
from trading_pipeline.models.predictors.predictor import (
    FloatArray,
    Predictor,
    Task,
    TrainingRows,
)
from trading_pipeline.models.training.calibration import sigmoid
from trading_pipeline.models.training.effective_rows import fit_weights
from trading_pipeline.models.training.estimator_fit import (
    fit_estimator,
    fit_regressor,
    margins_of,
)
from trading_pipeline.models.training.splitters import label_splitter
from trading_pipeline.settings.model_spec import ModelSpec, TuningMetric

__all__ = ["Candidate", "Tuning", "held_back_parameters", "tuned", "tuned_rows"]

_METRICS: Mapping[Task, TuningMetric] = {"classifier": "log_loss", "regressor": "mse"}
_SMALLEST = 1e-12  # probability of what happened, so that one surprise is not infinitely bad


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A combination, its mean score over the splits, and the standard error of that mean.

    The error takes the splits as independent; None with one split.
    """

    params: Mapping[str, Any]
    mean: float
    error: float | None


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The candidates in the order written; the chosen one is the first with the smallest mean.

    `splits`: those whose training rows had more than one outcome.
    """

    metric: TuningMetric
    splits: int
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate:
        """The first candidate with the smallest mean."""
        return min(self.candidates, key=lambda candidate: candidate.mean)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "metric": self.metric,
            "splits": self.splits,
            "chosen": dict(self.chosen.params),
            "candidates": [asdict(each) for each in self.candidates],
        }


def tuned(
    spec: ModelSpec,
    task: Task,
    values: FloatArray,
    wanted: FloatArray,
    targets: pd.DataFrame,
    clock: pd.DatetimeIndex,
) -> tuple[ModelSpec, Tuning | None]:
    """The spec with the parameters that forecast best among these rows, and how all did.

    The spec as it is, and None, where it has no `tuning`.

    Parameters
    ----------
    values, wanted
        Features, shape (rows, features), and what the estimator learns, one a row.
    targets
        Of the same rows in order of t0: columns t0 and t1, by which the splits are purged.
    clock
        The bars, as `row_uniqueness` takes them.

    Raises
    ------
    InsufficientDataError
        For too few rows, and where no split has more than one outcome to learn from.
    ModelTrainingError
        Where the estimator fails with one of the combinations.
    """
    given = spec.tuning
    if given is None:
        return spec, None
    metric = given.metric or _METRICS[task]
    specs = [_with_parameters(spec, params) for params in given.combinations]
    embargo = spec.training.embargo_bars
    splitter = label_splitter(targets, "purged_k_fold", splits=given.splits, embargo_bars=embargo)
    scores = []
    for train, test in splitter.split():
        learned = wanted[train]
        if learned.min() == learned.max():
            continue
        weights = fit_weights(spec.training, targets.iloc[train], clock)
        told = (_forecast(s, task, values[train], learned, weights, values[test]) for s in specs)
        scores.append([_score(metric, forecast, wanted[test]) for forecast in told])
    if not scores:
        raise InsufficientDataError(
            f"None of the {given.splits} splits of {len(targets)} rows has more than one outcome "
            "to learn from, so parameters cannot be tuned. Train on a longer span.",
            rows=len(targets),
        )
    table = np.array(scores)
    means = table.mean(axis=0)
    errors = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else None
    tuning = Tuning(
        metric=metric,
        splits=len(table),
        candidates=tuple(
            Candidate(
                params=params,
                mean=float(means[number]),
                error=None if errors is None else float(errors[number]),
            )
            for number, params in enumerate(given.combinations)
        ),
    )
    return _with_parameters(spec, tuning.chosen.params), tuning


def tuned_rows(predictor: Predictor, rows: TrainingRows) -> tuple[TrainingRows, Tuning | None]:
    """The rows with a spec whose parameters `tuned` chose among them, and how all did."""
    if rows.spec.tuning is None or predictor.task is None:
        return rows, None
    with calling(predictor, "estimator_targets"):
        wanted = predictor.estimator_targets(rows.targets)
    spec, tuning = tuned(rows.spec, predictor.task, rows.values, wanted, rows.targets, rows.clock)
    return replace(rows, spec=spec), tuning


def held_back_parameters(parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What tuning chose for each block that calibrates or scores, as details of a fit."""
    return {"held_back_parameters": [dict(each) for each in parameters]} if parameters else {}


def _with_parameters(spec: ModelSpec, params: Mapping[str, Any]) -> ModelSpec:
    """The spec with these parameters of its estimator; the others stay."""
    chosen = spec.estimator.model_copy(update={"params": {**spec.estimator.params, **params}})
    return spec.model_copy(update={"estimator": chosen})


def _forecast(
    spec: ModelSpec,
    task: Task,
    values: FloatArray,
    wanted: FloatArray,
    weights: FloatArray,
    asked: FloatArray,
) -> FloatArray:
    if task == "classifier":
        return sigmoid(margins_of(fit_estimator(spec, values, wanted, weights), asked))
    fitted = fit_regressor(spec, values, wanted, weights)
    return np.asarray(fitted.predict(asked), dtype="float64")


def _score(metric: TuningMetric, forecast: FloatArray, outcome: FloatArray) -> float:
    """Mean over the rows; smaller is better."""
    if metric == "log_loss":
        happened = np.where(outcome > 0.0, forecast, 1.0 - forecast)
        return float(-np.log(np.maximum(happened, _SMALLEST)).mean())
    misses = forecast - outcome
    return float(np.abs(misses).mean() if metric == "mae" else (misses**2).mean())
