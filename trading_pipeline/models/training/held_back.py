"""Rows that are held back in time order: what calibrates a model, and what scores it.

The training rows are cut into a first part and three blocks. Each block is predicted by an
estimator of its own, trained on the rows before the block whose labels ended before it begins. The
margins of all blocks calibrate the model. The second and third block score it: each is calibrated
by the blocks before it. No row is scored by an estimator, a calibration or a base rate that saw it
or a label that overlaps it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import InsufficientDataError, ModelTrainingError
from trading_pipeline.models.predictors.calls import calling, learned, predicted
from trading_pipeline.models.predictors.predictor import (
    Fit,
    History,
    PredictionRows,
    Predictor,
    Scores,
    TrainingRows,
)
from trading_pipeline.models.training.calibration import (
    FloatArray,
    fit_slope,
    log_odds,
    shrunk_base_rate,
    sigmoid,
)
from trading_pipeline.models.training.effective_rows import fit_weights, row_uniqueness
from trading_pipeline.models.training.estimator_fit import fit_estimator, margins_of
from trading_pipeline.models.training.tuning import held_back_parameters, tuned, tuned_rows
from trading_pipeline.models.training.walk_forward_folds import purge
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = [
    "BLOCK_STARTS",
    "Forecasts",
    "HeldBackBlock",
    "ScoredRows",
    "calibration_slope",
    "held_back_forecasts",
    "hold_back",
    "plain_fit",
    "rows_at",
    "scored_rows",
]

BLOCK_STARTS = (0.4, 0.6, 0.8)
"""Where the blocks begin, as shares of the training rows; the last one ends with them."""


@dataclass(frozen=True, kw_only=True)
class HeldBackBlock:
    """A block of rows and the margins of an estimator that knew only what came before it.

    `rows`: labels with t0, t1 and label. `margins`: the estimator's own; `centred`: less its mean
    margin on the rows it was fitted to, so that blocks compare. `base_rate`: known before the
    block. `rows_before`: rows the estimator was fitted to; `purged`: rows before the block that
    were not, because their labels reach into it or the embargo drops them. `parameters`: what
    tuning chose by the rows before the block; None without tuning.
    """

    rows: pd.DataFrame
    margins: FloatArray
    centred: FloatArray
    base_rate: float
    rows_before: int
    purged: int
    parameters: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Forecasts of rows that nothing which made them has seen, in time order.

    `targets`, `uniqueness`: of these rows. `predictions`: the predictor's columns; `baselines`: the
    same columns by name of the baseline. `parameters`: what tuning chose for each block, by rows
    before it; empty without tuning.
    """

    targets: pd.DataFrame
    predictions: pd.DataFrame
    uniqueness: FloatArray
    baselines: Mapping[str, pd.DataFrame]
    parameters: Sequence[Mapping[str, Any]]

    def scores(self, predictor: Predictor) -> dict[str, Scores]:
        """The parts `tail` and `tail_<baseline>`; empty where the predictor has no scores."""
        parts = {"tail": self.predictions}
        parts |= {f"tail_{name}": frame for name, frame in self.baselines.items()}
        with calling(predictor, "scores"):
            scored = {
                part: predictor.scores(frame, self.targets, self.uniqueness)
                for part, frame in parts.items()
            }
        return {part: scores for part, scores in scored.items() if scores}


@dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """Forecasts of rows that nothing which made them has seen, one entry a row in time order.

    `base_rates`: the forecast of somebody who knows only the outcomes before the block.
    `uncalibrated`: the estimator's own odds. `uniqueness` sums to the effective rows.
    """

    outcomes: FloatArray
    probabilities: FloatArray
    uncalibrated: FloatArray
    base_rates: FloatArray
    uniqueness: FloatArray


def hold_back(
    spec: ModelSpec, values: FloatArray, rows: pd.DataFrame, clock: pd.DatetimeIndex
) -> list[HeldBackBlock]:
    """The blocks of `rows`, in time order.

    A block is left out if no row's label ended before it, or if all those labels are equal: no
    estimator can be fitted before it. So is one before which there are too few rows to tune on.

    Parameters
    ----------
    spec
        Estimator, seed, and the embargo, which holds between the parts too.
    values
        Features, one line for each of `rows`.
    rows
        Training labels in order of ts: columns t0, t1 and label.
    clock
        The bars, as `row_uniqueness` takes them.
    """
    edges = [*(round(share * len(rows)) for share in BLOCK_STARTS), len(rows)]
    positions = pd.Series(np.arange(len(rows)), index=rows.index)
    blocks = []
    for start, end in itertools.pairwise(edges):
        if start == end:
            continue
        block = rows.iloc[start:end]
        before = purge(rows.iloc[:start], block["t0"].min(), spec.training.embargo_bars).kept
        outcomes = before["label"].to_numpy(dtype="float64")
        if not len(before) or outcomes.min() == outcomes.max():
            continue
        seen, weights = values[positions[before.index]], row_uniqueness(before, clock)
        try:
            chosen, tuning = tuned(spec, "classifier", seen, outcomes, before, clock)
        except InsufficientDataError:
            continue
        fitted = fit_estimator(chosen, seen, outcomes, fit_weights(spec.training, before, clock))
        margins = margins_of(fitted, values[start:end])
        usual = float(np.average(margins_of(fitted, seen), weights=weights))
        blocks.append(
            HeldBackBlock(
                rows=block,
                margins=margins,
                centred=margins - usual,
                base_rate=shrunk_base_rate(outcomes, weights),
                rows_before=len(before),
                purged=start - len(before),
                parameters=None if tuning is None else tuning.chosen.params,
            )
        )
    return blocks


def calibration_slope(
    blocks: Sequence[HeldBackBlock],
    clock: pd.DatetimeIndex,
    *,
    before: pd.Timestamp | None = None,
    embargo_bars: int = 0,
) -> float:
    """Slope of centred margins that `blocks` support, 0 or more.

    `before`, `embargo_bars`: leave out the rows that `purge` does; without `before` none.
    """
    rows = pd.concat([block.rows for block in blocks])
    centred = np.concatenate([block.centred for block in blocks])
    base = np.concatenate([np.full(len(b.rows), log_odds(b.base_rate)) for b in blocks])
    if before is not None:
        known = rows.index.isin(purge(rows, before, embargo_bars).kept.index)
        rows, centred, base = rows.loc[known], centred[known], base[known]
    return fit_slope(
        centred,
        rows["label"].to_numpy(dtype="float64"),
        base_log_odds=base,
        weights=row_uniqueness(rows, clock),
    )


def scored_rows(
    blocks: Sequence[HeldBackBlock], clock: pd.DatetimeIndex, *, embargo_bars: int = 0
) -> ScoredRows | None:
    """Forecasts of every block but the first; None where fewer than two blocks are left."""
    scored = blocks[1:]
    if not scored:
        return None
    probabilities = []
    for number, block in enumerate(scored, start=1):
        begins = block.rows["t0"].min()
        slope = calibration_slope(blocks[:number], clock, before=begins, embargo_bars=embargo_bars)
        probabilities.append(sigmoid(slope * block.centred + log_odds(block.base_rate)))
    rows = pd.concat([block.rows for block in scored])
    return ScoredRows(
        outcomes=rows["label"].to_numpy(dtype="float64"),
        probabilities=np.concatenate(probabilities),
        uncalibrated=np.concatenate([sigmoid(block.margins) for block in scored]),
        base_rates=np.concatenate([np.full(len(b.rows), b.base_rate) for b in scored]),
        uniqueness=row_uniqueness(rows, clock),
    )


def held_back_forecasts(predictor: Predictor, rows: TrainingRows) -> Forecasts | None:
    """Forecasts of the last rows, each by a fit from before its block; None where none can be made.

    The blocks, their purge and the embargo are those of `hold_back`.
    """
    targets, predictions, parameters = [], [], []
    baselines: dict[str, list[pd.DataFrame]] = {}
    for before, block in _parts(rows):
        try:
            chosen, tuning = tuned_rows(predictor, before)
            state = learned(predictor, chosen)
        except (InsufficientDataError, ModelTrainingError):
            continue  # one outcome only before the block, or too few rows
        asked = PredictionRows(
            spec=rows.spec,
            params=rows.params,
            features=block.features,
            known_at=pd.DatetimeIndex(block.targets["t0"]),
            history=block.history,
        )
        predictions.append(predicted(predictor, state, asked))
        parameters += [] if tuning is None else [tuning.chosen.params]
        targets.append(block.targets)
        with calling(predictor, "baselines"):
            found = predictor.baselines(before, block.targets)
        for name, forecast in found.items():
            baselines.setdefault(name, []).append(forecast)
    if not targets:
        return None
    scored = pd.concat(targets)
    return Forecasts(
        targets=scored,
        predictions=pd.concat(predictions),
        uniqueness=row_uniqueness(scored, rows.clock),
        baselines={name: pd.concat(each) for name, each in baselines.items()},
        parameters=parameters,
    )


def plain_fit(predictor: Predictor, rows: TrainingRows) -> Fit:
    """`fit` on all rows, and the scores of `held_back_forecasts`."""
    state = learned(predictor, rows)
    forecasts = held_back_forecasts(predictor, rows)
    if forecasts is None:
        return Fit(state=state)
    return Fit(
        state=state,
        scores=forecasts.scores(predictor),
        details=held_back_parameters(forecasts.parameters),
        rows_scored=len(forecasts.targets),
    )


def rows_at(
    rows: TrainingRows, positions: npt.NDArray[np.int64], history: History | None
) -> TrainingRows:
    """Some of the rows, with a history of their own; uniqueness is that among them."""
    targets = rows.targets.iloc[positions]
    return replace(
        rows,
        features=rows.features.iloc[positions],
        targets=targets,
        uniqueness=row_uniqueness(targets, rows.clock),
        weights=fit_weights(rows.spec.training, targets, rows.clock),
        history=history,
    )


def _parts(rows: TrainingRows) -> Iterator[tuple[TrainingRows, TrainingRows]]:
    """Rows known before each block, purged, and the block."""
    edges = [*(round(share * len(rows)) for share in BLOCK_STARTS), len(rows)]
    positions = pd.Series(np.arange(len(rows)), index=rows.targets.index)
    for start, end in itertools.pairwise(edges):
        begins = rows.targets["t0"].iloc[start:end].min()
        if start == end:
            continue
        kept = purge(rows.targets.iloc[:start], begins, rows.spec.training.embargo_bars).kept
        if not len(kept):
            continue
        last = rows.targets["t0"].iloc[end - 1]
        history = rows.history
        yield (
            rows_at(
                rows,
                positions[kept.index].to_numpy(),
                None if history is None else history.before(begins),
            ),
            rows_at(rows, np.arange(start, end), None if history is None else history.until(last)),
        )
