"""Predictors of a number with an interval: the forward return, and the volatility to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.models.cards.number_scores import NUMBER_SCORES, score_numbers
from trading_pipeline.models.predictors.predictor import (
    FloatArray,
    PredictionRows,
    Predictor,
    ScoredAs,
    Scores,
    State,
    Task,
    TrainingRows,
)
from trading_pipeline.models.training.estimator_fit import fit_regressor
from trading_pipeline.models.training.held_back import rows_at
from trading_pipeline.models.training.walk_forward_folds import purge
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["ForwardReturn", "Regression", "Volatility"]

QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
_FIRST_PART = 0.7  # of the rows; what comes after it tells how far forecasts miss


class Regression(Predictor):
    """A number and the 90 % interval around it.

    The interval is that of split conformal prediction with blocks in order of time: an estimator
    fitted to the first 70 % of the rows, purged, forecasts the others, and the quantiles of its
    misses are laid around the forecast of the one fitted to all rows. The state holds `estimator`
    and `misses` (three quantiles). Lei et al. (2018), Journal of the American Statistical
    Association 113.
    """

    task: ClassVar[Task | None] = "regressor"
    score_columns: ClassVar[Mapping[str, str]] = NUMBER_SCORES
    scored_as: ClassVar[ScoredAs | None] = "number"

    def check_spec(self, spec: ModelSpec) -> None:
        """Refuse a calibration of probabilities, which is the default of a spec."""
        if spec.calibration is not None and "calibration" in spec.model_fields_set:
            raise ConfigurationError(
                f"The predictor {self.name!r} of the model {spec.name!r} gives no probability, so "
                f"'calibration: {spec.calibration}' means nothing. Remove it.",
                predictor=self.name,
            )

    def fit(self, rows: TrainingRows) -> State:
        """The estimator, and quantiles of its misses; `InsufficientDataError` for too few rows."""
        targets = self.estimator_targets(rows.targets)
        estimator = fit_regressor(rows.spec, rows.values, targets, rows.weights)
        return {"estimator": estimator, "misses": self._misses(rows)}

    def predict(self, state: State, rows: PredictionRows) -> pd.DataFrame:
        """Forecast and interval of each row."""
        found = np.asarray(state["estimator"].predict(rows.values), dtype="float64")
        columns = {"yhat": self._outer(found)}
        for name, miss in zip(QUANTILES, state["misses"], strict=True):
            columns[name] = self._outer(found + miss)
        return pd.DataFrame(columns, index=rows.features.index)

    def check(self, predictions: pd.DataFrame) -> None:
        """Raise `DataQualityError` for quantiles that are not in order."""
        wrong = (predictions["q05"] > predictions["q50"]) | (
            predictions["q50"] > predictions["q95"]
        )
        if wrong.any():
            raise DataQualityError(
                f"The quantiles at {predictions.index[wrong][0]} are not in order."
            )

    def scores(
        self, predictions: pd.DataFrame, targets: pd.DataFrame, uniqueness: FloatArray
    ) -> Scores:
        """Those of `score_numbers`."""
        return score_numbers(predictions, targets["label"], uniqueness)

    def in_words(self, scores: Mapping[str, Any]) -> str | None:
        """Rank correlation and coverage of the held-back rows."""
        rows, rank_ic = scores.get("tail_rows"), scores.get("tail_rank_ic")
        if rows is None or rank_ic is None or not rows > 0.0 or np.isnan(rank_ic):
            return None
        error = scores["tail_rank_ic_error"]
        effective = scores["tail_effective_rows"]
        away = abs(rank_ic) / error
        verdict = "no evidence of skill" if away <= 2.0 else f"{away:.1f} errors from 0"
        return (
            f"Rank IC {rank_ic:.3f} ± {error:.3f} ({effective:,.0f} effective rows of "
            f"{rows:,.0f}): {verdict}. {scores['tail_coverage_90']:.0%} inside the 90 % interval."
        )

    def _misses(self, rows: TrainingRows) -> FloatArray:
        start = round(_FIRST_PART * len(rows))
        later = rows.targets.iloc[start:]
        kept = purge(
            rows.targets.iloc[:start], later["t0"].min(), rows.spec.training.embargo_bars
        ).kept
        if len(kept) < 2 or not len(later):
            raise InsufficientDataError(
                f"{len(kept)} of {len(rows)} rows are left to learn how far forecasts miss, after "
                "those whose label reaches into the later rows were purged."
            )
        first = rows_at(rows, rows.targets.index.get_indexer(kept.index), None)
        targets = self.estimator_targets(first.targets)
        estimator = fit_regressor(rows.spec, first.values, targets, first.weights)
        actual = self.estimator_targets(later)
        misses = actual - estimator.predict(rows.values[start:])
        found: FloatArray = np.quantile(misses, list(QUANTILES.values()))
        return found

    def _outer(self, learned: FloatArray) -> FloatArray:
        """Back from what the estimator learns."""
        return learned

    def _constant(self, value: float, before: TrainingRows, index: pd.Index) -> pd.DataFrame:
        """The same forecast for all rows, with the quantiles of the labels before."""
        known = before.targets["label"].to_numpy(dtype="float64")
        columns = {"yhat": value} | {
            name: float(np.quantile(known, share)) for name, share in QUANTILES.items()
        }
        return pd.DataFrame(columns, index=index, dtype="float64")


class ForwardReturn(Regression):
    """The return to come, as a fraction (in volatilities for the label `scaled_return`)."""

    name: ClassVar[str] = "forward_return"
    columns: ClassVar[Mapping[str, str]] = {
        "yhat": "expected return",
        "q05": "5 % quantile of the return",
        "q50": "its median",
        "q95": "its 95 % quantile",
    }
    labels: ClassVar[tuple[str, ...]] = ("forward_return", "scaled_return")

    def baselines(self, before: TrainingRows, targets: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """`zero`; `drift`, the mean return before; `last`, the newest return known at each row."""
        known = before.targets["label"].to_numpy(dtype="float64")
        drift = float(np.average(known, weights=before.uniqueness))
        around = self._constant(0.0, before, targets.index)
        return {
            "zero": around,
            "drift": self._constant(drift, before, targets.index),
            "last": around.assign(yhat=_newest_known(before.targets, targets, drift)),
        }


class Volatility(Regression):
    """The volatility of the bars to come: root of their mean squared log return, of one bar."""

    name: ClassVar[str] = "volatility"
    columns: ClassVar[Mapping[str, str]] = {
        "yhat": "expected volatility of one bar",
        "q05": "5 % quantile of the volatility",
        "q50": "its median",
        "q95": "its 95 % quantile",
    }
    labels: ClassVar[tuple[str, ...]] = ("volatility",)
    headline: ClassVar[str | None] = "mae_skill"  # its forecast is a median
    score_columns: ClassVar[Mapping[str, str]] = {
        name: meaning for name, meaning in NUMBER_SCORES.items() if "accuracy" not in name
    }

    def scores(
        self, predictions: pd.DataFrame, targets: pd.DataFrame, uniqueness: FloatArray
    ) -> Scores:
        """As for other numbers, without the sign, which is always right."""
        found = super().scores(predictions, targets, uniqueness)
        return {name: value for name, value in found.items() if "accuracy" not in name}

    def baselines(self, before: TrainingRows, targets: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """`mean` of the volatilities before; `last`, the newest one known at each row."""
        known = before.targets["label"].to_numpy(dtype="float64")
        mean = float(np.average(known, weights=before.uniqueness))
        around = self._constant(mean, before, targets.index)
        return {
            "mean": around,
            "last": around.assign(yhat=_newest_known(before.targets, targets, mean)),
        }

    def estimator_targets(self, targets: pd.DataFrame) -> FloatArray:
        """The logarithm of the volatility."""
        return np.log(super().estimator_targets(targets))

    def _outer(self, learned: FloatArray) -> FloatArray:
        return np.exp(learned)


def _newest_known(before: pd.DataFrame, targets: pd.DataFrame, otherwise: float) -> FloatArray:
    """For each row of `targets` the label that ended last at its t0."""
    ended = pd.concat([before, targets])[["t1", "label"]].sort_values("t1", kind="stable")
    at = pd.DatetimeIndex(ended["t1"]).searchsorted(pd.DatetimeIndex(targets["t0"]), side="right")
    labels = ended["label"].to_numpy(dtype="float64")
    found: FloatArray = np.where(at > 0, labels[np.maximum(at - 1, 0)], otherwise)
    return found
