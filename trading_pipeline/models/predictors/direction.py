"""The predictor of direction: the calibrated probability of a rise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.models.cards.evidence import auc_in_words, brier_in_words
from trading_pipeline.models.cards.scores import reliability_table, score_probabilities
from trading_pipeline.models.predictors.predictor import (
    Fit,
    FloatArray,
    History,
    PredictionRows,
    Predictor,
    ScoredAs,
    Scores,
    State,
    Task,
    TrainingRows,
)
from trading_pipeline.models.training.calibration import (
    SigmoidCalibration,
    log_odds,
    shrunk_base_rate,
    sigmoid,
)
from trading_pipeline.models.training.estimator_fit import fit_estimator, margins_of
from trading_pipeline.models.training.held_back import (
    BLOCK_STARTS,
    calibration_slope,
    hold_back,
    scored_rows,
)
from trading_pipeline.models.training.tuning import held_back_parameters
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["PROBABILITY_SCORES", "Direction", "check_probabilities"]

PROBABILITY_SCORES: Mapping[str, str] = {
    "train_auc": "in sample",
    "train_effective_rows": "what the overlapping training rows are worth",
    "tail_rows": "last rows of the training span, scored by what came before them",
    "tail_effective_rows": "what these overlapping rows are worth",
    "tail_auc": "on the scored rows",
    "tail_auc_error": "standard error from the effective rows",
    "tail_brier": "on the scored rows, calibrated",
    "tail_brier_error": "standard error from the effective rows",
    "tail_base_rate_brier": "Brier score of the base rate known before the rows",
    "tail_accuracy": "share of right forecasts at 0.5",
    "tail_accuracy_error": "standard error from the effective rows",
    "tail_base_rate": "share of up among the scored rows",
    "tail_base_rate_error": "standard error from the effective rows",
    "tail_log_loss": "on the scored rows, calibrated",
}


class Direction(Predictor):
    """The probability that the label is above 0: of a rise, or of a rise beyond the dead zone.

    With `calibration: sigmoid` the later training rows are held back in blocks: `held_back` says
    how they calibrate the model and score it. The state holds `estimator`, and `slope` and
    `intercept` of the sigmoid (None without calibration).
    """

    name: ClassVar[str] = "direction"
    column: ClassVar[str] = "p_up"
    columns: ClassVar[Mapping[str, str]] = {column: "probability of a rise, 0 to 1"}
    labels: ClassVar[tuple[str, ...]] = ("direction", "three_way", "triple_barrier")
    task: ClassVar[Task | None] = "classifier"
    score_columns: ClassVar[Mapping[str, str]] = PROBABILITY_SCORES
    scored_as: ClassVar[ScoredAs | None] = "probability"

    @property
    def forecast_column(self) -> str:
        """The probability."""
        return self.column

    def targets(
        self,
        spec: ModelSpec,
        labels: pd.DataFrame,
        history: History | None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """1.0 for a label above 0, else 0.0."""
        if spec.label.type != self.labels[0]:
            outcomes = (labels["label"] > 0.0).astype("float64")
            return labels[["t0", "t1"]].assign(label=outcomes)
        if not labels["label"].isin((0.0, 1.0)).all():
            raise DataQualityError(
                "The labels of a direction model must be 1.0 (up) or 0.0 (down); rows without a "
                "direction are left out of the frame."
            )
        return labels

    def fit(self, rows: TrainingRows) -> State:
        """The estimator and its calibration."""
        return self._calibrated(rows).state

    def train(self, rows: TrainingRows) -> Fit | None:
        """The calibrated fit and its scores on the rows that calibrate it."""
        return self._calibrated(rows)

    def _calibrated(self, rows: TrainingRows) -> Fit:
        """The calibrated fit; `InsufficientDataError` where no row can be held back."""
        spec, kept, clock = rows.spec, rows.targets, rows.clock
        values = rows.values
        outcomes = kept["label"].to_numpy(dtype="float64")
        weights = rows.uniqueness
        fitted = fit_estimator(spec, values, outcomes, rows.weights)
        blocks = [] if spec.calibration is None else hold_back(spec, values, kept, clock)
        if spec.calibration is not None and not blocks:
            raise InsufficientDataError(
                "No label of two outcomes ended before the rows held back for calibration begin, "
                f"the last {1.0 - BLOCK_STARTS[-1]:.0%} of {len(kept)}."
            )
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
        scores = {"train": score_probabilities(outcomes, odds, uniqueness=rows.uniqueness)}
        reliability = reliability_table(outcomes, odds)
        held_back = scored_rows(blocks, clock, embargo_bars=spec.training.embargo_bars)
        if held_back is not None:
            for part, each in (
                ("tail", held_back.probabilities),
                ("tail_uncalibrated", held_back.uncalibrated),
            ):
                scores[part] = score_probabilities(
                    held_back.outcomes,
                    each,
                    uniqueness=held_back.uniqueness,
                    base_rates=held_back.base_rates,
                )
            reliability = reliability_table(held_back.outcomes, held_back.probabilities)
        return Fit(
            state={
                "estimator": fitted,
                "slope": None if calibration is None else calibration.slope,
                "intercept": None if calibration is None else calibration.intercept,
            },
            scores={part: each.as_dict() for part, each in scores.items()},
            details={
                "base_rate": base_rate,
                "rows_calibrated": sum(len(block.rows) for block in blocks),
                "rows_purged_between": sum(block.purged for block in blocks),
                "reliability": [asdict(each) for each in reliability],
                **held_back_parameters([b.parameters for b in blocks if b.parameters is not None]),
            },
            rows_scored=0 if held_back is None else len(held_back.outcomes),
        )

    def predict(self, state: State, rows: PredictionRows) -> pd.DataFrame:
        """The probability of each row."""
        margins = margins_of(state["estimator"], rows.values)
        if state["slope"] is None:
            odds = sigmoid(margins)
        else:
            calibration = SigmoidCalibration(slope=state["slope"], intercept=state["intercept"])
            odds = calibration.probability(margins)
        return pd.DataFrame({self.column: odds}, index=rows.features.index)

    def check(self, predictions: pd.DataFrame) -> None:
        """Raise `DataQualityError` for a number that is no probability."""
        check_probabilities(predictions[self.column])

    def scores(
        self, predictions: pd.DataFrame, targets: pd.DataFrame, uniqueness: FloatArray
    ) -> Scores:
        """Those of `score_probabilities`."""
        return score_probabilities(
            targets["label"], predictions[self.column], uniqueness=uniqueness
        ).as_dict()

    def baselines(self, before: TrainingRows, targets: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """`base_rate`: the share of rises before, shrunk to one half; `coin`: one half."""
        outcomes = before.targets["label"].to_numpy(dtype="float64")
        rate = shrunk_base_rate(outcomes, before.uniqueness)
        index = targets.index
        return {
            "base_rate": pd.DataFrame({self.column: np.full(len(index), rate)}, index=index),
            "coin": pd.DataFrame({self.column: np.full(len(index), 0.5)}, index=index),
        }

    def in_words(self, scores: Mapping[str, Any]) -> str | None:
        """AUC and Brier score, and what they are worth."""
        # tables from before errors were computed have no tail_rows
        if not scores.get("tail_rows", 0.0) > 0.0:
            return None
        auc = auc_in_words(
            scores["tail_auc"],
            scores["tail_auc_error"],
            scores["tail_effective_rows"],
            int(scores["tail_rows"]),
        )
        brier = brier_in_words(
            scores["tail_brier"], scores["tail_brier_error"], scores["tail_base_rate_brier"]
        )
        return f"{auc}. {brier}."


def check_probabilities(values: pd.Series) -> None:
    """Raise `DataQualityError` for the first number that is not from 0 to 1; NaN passes."""
    wrong = (values < 0.0) | (values > 1.0)
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise DataQualityError(
            f"The prediction {values.name!r} at {values.index[row]} is {values.iloc[row]}; a "
            "probability lies from 0 to 1.",
            row=row,
        )
