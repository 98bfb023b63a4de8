"""How long a live model may forecast, and what speaks for a new fit: age, drift, a lost score.

Pure functions; a trigger that retrains, the asset checks and the command line ask the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe

__all__ = [
    "AGE_LIMIT_DAYS",
    "LARGE_DRIFT",
    "FeatureDrift",
    "ModelHealth",
    "ScoreDecay",
    "age_limit_days",
    "feature_drift",
]

AGE_LIMIT_DAYS: Mapping[Timeframe, float] = {
    Timeframe.M1: 7.0,
    Timeframe.M5: 7.0,
    Timeframe.M15: 7.0,
    Timeframe.M30: 7.0,
    Timeframe.H1: 30.0,
    Timeframe.H4: 30.0,
    Timeframe.D1: 90.0,
    Timeframe.W1: 365.0,
}
"""Days after which a live model is called old, where its file does not say."""
LARGE_DRIFT = 0.25
"""Stability index that is usually called a large change."""
DECAY_ERRORS = 2.0
"""Standard errors that a score must have lost to be called decayed."""
_BINS = 10
_FEWEST_ROWS = 20
_SPANS = 10
_LEAST_SHARE = 1e-4


@dataclass(frozen=True, kw_only=True)
class FeatureDrift:
    """How far the features of the newest rows are from those that were learned from.

    `value`: median over the features of their population stability index. `usual`: the largest
    value among the spans of as many rows that the training rows can be cut into. `changed`:
    features with the largest index, largest first.
    """

    rows: int
    value: float
    usual: float
    changed: tuple[str, ...]

    @property
    def is_large(self) -> bool:
        """Whether it is large, and larger than training ever saw."""
        return self.value > max(LARGE_DRIFT, self.usual)


@dataclass(frozen=True, kw_only=True)
class ScoreDecay:
    """A score on the rows since the fit beside the held-back one; larger is better."""

    name: str
    held_back: float
    held_back_error: float
    since: float
    since_error: float
    effective_rows: float

    @property
    def is_large(self) -> bool:
        """Whether the score fell by more than two errors of the difference."""
        error = float(np.hypot(self.held_back_error, self.since_error))
        return self.held_back - self.since > DECAY_ERRORS * error


@dataclass(frozen=True, kw_only=True)
class ModelHealth:
    """Age, drift and decay of a live model; None where they cannot be measured.

    `unmeasured`: the error that kept drift and decay from being measured; empty without one.
    """

    age_days: float
    limit_days: float
    drift: FeatureDrift | None = None
    decay: ScoreDecay | None = None
    unmeasured: str = ""

    def reasons_to_refit(self) -> dict[str, str]:
        """What speaks for a new fit, in words by kind; empty where nothing does."""
        reasons = {}
        if self.age_days > self.limit_days:
            reasons["age"] = (
                f"It is {self.age_days:,.0f} days older than the newest bar; the limit is "
                f"{self.limit_days:g}."
            )
        if self.drift is not None and self.drift.is_large:
            reasons["drift"] = (
                f"The features of the last {self.drift.rows:,} rows are not those that it learned "
                f"from: stability index {self.drift.value:.2f}, at most {self.drift.usual:.2f} in "
                f"training. Most changed: {', '.join(self.drift.changed)}."
            )
        if self.decay is not None and self.decay.is_large:
            each = self.decay
            reasons["decay"] = (
                f"Its {each.name} fell from {each.held_back:.3f} ± {each.held_back_error:.3f} held "
                f"back to {each.since:.3f} ± {each.since_error:.3f} since "
                f"({each.effective_rows:,.0f} effective rows)."
            )
        return reasons


def age_limit_days(timeframe: Timeframe, chosen: float | None = None) -> float:
    """The limit of the model's file, or that of the timeframe.

    >>> age_limit_days(Timeframe.D1), age_limit_days(Timeframe.D1, 14.0)
    (90.0, 14.0)
    """
    return AGE_LIMIT_DAYS[timeframe] if chosen is None else chosen


def feature_drift(training: pd.DataFrame, recent: pd.DataFrame) -> FeatureDrift | None:
    """Drift of the newest rows; None with fewer than 20 of them, or 200 training rows.

    The population stability index of a feature is the sum over the deciles of the training rows of
    (q - p) log(q / p), with the shares p of the training rows and q of the newest. Features of
    markets are persistent: 60 daily bars differ from ten years by an index of 0.3 to 1.5 without
    any break. So the same is computed for every span of the same length in training, against the
    rest of it, and drift is large only beyond all of them. Of more newest rows than a tenth of the
    training rows the last ones count. NaN is left out; the frames have the same columns, in order
    of time.
    """
    length = min(len(recent), len(training) // _SPANS)
    if length < _FEWEST_ROWS or not len(training.columns):
        return None
    known, newest = training.to_numpy("float64"), recent.iloc[-length:].to_numpy("float64")
    first = len(known) % length
    spans = [known[at : at + length] for at in range(first, len(known), length)]
    indices = np.empty((len(spans) + 1, known.shape[1]))
    for column in range(known.shape[1]):
        edges = np.unique(np.nanquantile(known[:, column], np.arange(1, _BINS) / _BINS))
        usual = _counts(known[:, column], edges)
        for number, span in enumerate(spans):
            counts = _counts(span[:, column], edges)
            indices[number, column] = _stability_index(usual - counts, counts)
        indices[-1, column] = _stability_index(usual, _counts(newest[:, column], edges))
    medians = np.median(indices, axis=1)
    largest = np.argsort(-indices[-1], kind="stable")[:3]
    return FeatureDrift(
        rows=length,
        value=float(medians[-1]),
        usual=float(medians[:-1].max()),
        changed=tuple(str(training.columns[at]) for at in largest),
    )


def _counts(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    finite = values[np.isfinite(values)]
    at = np.searchsorted(edges, finite, side="right")
    return np.bincount(at, minlength=len(edges) + 1)


def _stability_index(usual: npt.NDArray[np.int64], newest: npt.NDArray[np.int64]) -> float:
    p, q = (np.maximum(each / max(each.sum(), 1), _LEAST_SHARE) for each in (usual, newest))
    return float(((q - p) * np.log(q / p)).sum())
