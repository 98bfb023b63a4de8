"""Reports on labels: balance, overlap, uniqueness and sample weights.

After Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 4. A label lives on the
bars after its own up to the one that ends it. All sums are cumulative: linear in the bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["LabelReport", "label_report", "label_spans", "sample_weights", "uniqueness"]

_MOST_CLASSES = 4


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """Numbers of one frame of labels.

    `rows`; `balance`: share of each outcome, where there are at most four, else empty; `mean` and
    `sd` of the label (NaN for a path or without rows); `mean_bars`: bars a label lives;
    `mean_overlap`: labels alive on a bar, over the bars with any; `average_uniqueness`: mean share
    of its bars that a label has for itself (1.0: no overlap); `effective_rows`: sum of the
    uniqueness, what the rows are worth as independent ones; `ambiguous`: rows whose bar touched
    both barriers.
    """

    rows: int
    balance: dict[float, float]
    mean: float
    sd: float
    mean_bars: float
    mean_overlap: float
    average_uniqueness: float
    effective_rows: float
    ambiguous: int


def label_report(labels: pd.DataFrame, known_at: pd.DatetimeIndex) -> LabelReport:
    """The report of a frame of `compute_labels`; `known_at`: of all bars, sorted.

    Raises `DataQualityError` for a t0 or t1 that is the `known_at` of no bar.
    """
    first, last, alive = _lives(labels, known_at)
    unique = uniqueness(labels, known_at)
    values = labels["label"].to_numpy() if "label" in labels.columns else np.empty(0)
    outcomes, counts = np.unique(values, return_counts=True)
    few = 0 < len(outcomes) <= _MOST_CLASSES
    shares = (counts / max(len(values), 1)).tolist()
    return LabelReport(
        rows=len(labels),
        balance=dict(zip(outcomes.tolist(), shares, strict=True)) if few else {},
        mean=float(values.mean()) if len(values) else np.nan,
        sd=float(values.std(ddof=1)) if len(values) > 1 else np.nan,
        mean_bars=float((last - first + 1).mean()) if len(labels) else np.nan,
        mean_overlap=float(alive[alive > 0].mean()) if len(labels) else np.nan,
        average_uniqueness=float(unique.mean()) if len(labels) else np.nan,
        effective_rows=float(unique.sum()),
        ambiguous=int(labels["ambiguous"].sum()) if "ambiguous" in labels.columns else 0,
    )


def label_spans(labels: pd.DataFrame, known_at: pd.DatetimeIndex) -> tuple[IntArray, IntArray]:
    """Positions of the first and the last bar on which each label lives, both inclusive."""
    begins = known_at.get_indexer(pd.DatetimeIndex(labels["t0"]))
    ends = known_at.get_indexer(pd.DatetimeIndex(labels["t1"]))
    wrong = np.flatnonzero((begins < 0) | (ends <= begins))
    if wrong.size:
        row = labels.iloc[int(wrong[0])]
        raise DataQualityError(
            f"The label of {labels.index[wrong[0]]} lives from {row['t0']} to {row['t1']}, which "
            "are not the closes of two bars in turn. Give known_at of all bars that were labelled.",
            ts=labels.index[wrong[0]],
        )
    return begins.astype("int64") + 1, ends.astype("int64")


def uniqueness(labels: pd.DataFrame, known_at: pd.DatetimeIndex) -> FloatArray:
    """Mean over a label's bars of one over the labels alive on it (section 4.4), one a label."""
    first, last, alive = _lives(labels, known_at)
    share = np.where(alive > 0, 1.0 / np.maximum(alive, 1), 0.0)
    return _sums(share, first, last) / (last - first + 1)


def sample_weights(
    labels: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    close: pd.Series,
    *,
    oldest_weight: float = 1.0,
) -> FloatArray:
    """Weights by attributed return (section 4.6) with time decay (4.7); they sum to the row count.

    A label's weight is the absolute sum over its bars of the bar's log return over the number of
    labels alive; weights are equal where all returns are 0.

    Parameters
    ----------
    close
        Forward-adjusted closes of the bars of `known_at`.
    oldest_weight
        Share of its weight that the oldest row keeps, falling linearly with cumulated uniqueness;
        1.0 is no decay, 0.0 decays to nothing.

    Raises
    ------
    ConfigurationError
        For an `oldest_weight` outside 0 to 1.
    DataQualityError
        Where bars and stamps do not match.
    """
    if not 0.0 <= oldest_weight <= 1.0:
        raise ConfigurationError(
            f"The oldest row cannot keep {oldest_weight} of its weight; give 0 to 1.",
            oldest_weight=oldest_weight,
        )
    if len(close) != len(known_at):
        raise DataQualityError(
            f"There are {len(close)} closes and {len(known_at)} moments at which bars are known; "
            "give one for each bar."
        )
    if not len(labels):
        return np.empty(0)
    first, last, alive = _lives(labels, known_at)
    moved = np.diff(np.log(close.to_numpy(dtype="float64")), prepend=np.nan)
    moved[0] = 0.0
    weights = np.abs(_sums(np.where(alive > 0, moved / np.maximum(alive, 1), 0.0), first, last))
    if not weights.any():
        weights = np.ones(len(labels))
    seen = np.cumsum(uniqueness(labels, known_at))
    weights = weights * (oldest_weight + (1.0 - oldest_weight) * seen / seen[-1])
    result: FloatArray = weights * len(weights) / weights.sum()
    return result


def _lives(labels: pd.DataFrame, known_at: pd.DatetimeIndex) -> tuple[IntArray, IntArray, IntArray]:
    """`label_spans`, and how many labels are alive on each bar (section 4.3)."""
    first, last = label_spans(labels, known_at)
    bars = len(known_at)
    steps = np.bincount(first, minlength=bars + 1) - np.bincount(last + 1, minlength=bars + 1)
    return first, last, np.cumsum(steps[: bars + 1])[:bars]


def _sums(values: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    before = np.concatenate(([0.0], np.cumsum(values)))
    sums: FloatArray = before[last + 1] - before[first]
    return sums
