"""Whether features are worth learning from: gaps, duplicates, predictive power, drift.

Shares and correlations are fractions. The information coefficient looks forward on purpose, so
no model or strategy may read anything from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.arrays import BoolArray, FloatArray

__all__ = [
    "FeatureQuality",
    "correlation_clusters",
    "feature_quality",
    "information_coefficient",
    "kolmogorov_smirnov",
    "population_stability",
]

_BINS = 10
_SMALLEST_SHARE = 1e-4  # an empty bin would make the index infinite
_REFERENCE_ROWS = 20_000  # evenly spaced: the statistics hardly change, the time is bounded
_CLUSTER_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class FeatureQuality:
    """Quality of the columns of one frame.

    `missing_share`: of all cells. `constant`: columns with a single value. `clusters`: groups of
    two or more columns that say nearly the same. `table`: index the column's name; columns
    missing_share, ic_<h> and ic_<h>_se for each horizon, and psi and ks where there is a reference.
    """

    rows: int
    missing_share: float
    constant: tuple[str, ...]
    clusters: tuple[tuple[str, ...], ...]
    table: pd.DataFrame


def feature_quality(
    features: pd.DataFrame,
    close: pd.Series,
    *,
    horizons: Sequence[int] = (1, 5, 20),
    reference: pd.DataFrame | None = None,
    cluster_correlation: float = 0.95,
) -> FeatureQuality:
    """Judge the columns of `features`, one row a bar, against the `close` of the same bars.

    `reference`: earlier rows that models learned from; drift is measured against it. Rows with NaN
    in a column are left out for that column; a statistic without enough rows is NaN.
    """
    if len(close) != len(features):
        raise ConfigurationError(
            f"There are {len(features)} rows of features and {len(close)} closes; give one close "
            "for each row.",
            rows=len(features),
            closes=len(close),
        )
    values = features.to_numpy(dtype="float64")
    finite = np.isfinite(values)
    constant = _constant(values, finite)
    table = pd.DataFrame(index=pd.Index([str(n) for n in features.columns], name="feature"))
    table["missing_share"] = 1.0 - finite.mean(axis=0) if len(values) else np.nan
    log_close = np.log(close.to_numpy(dtype="float64"))
    for horizon in horizons:
        forward = np.full(len(values), np.nan)
        forward[: max(len(values) - horizon, 0)] = log_close[horizon:] - log_close[:-horizon]
        pairs = [information_coefficient(column, forward, horizon) for column in values.T]
        table[f"ic_{horizon}"] = [ic for ic, _ in pairs]
        table[f"ic_{horizon}_se"] = [error for _, error in pairs]
    if reference is not None and len(reference) and len(values):
        step = max(1, -(-len(reference) // _REFERENCE_ROWS))
        known = reference[list(features.columns)].to_numpy(dtype="float64")[::step]
        both = range(len(table))
        table["psi"] = [population_stability(known[:, k], values[:, k]) for k in both]
        table["ks"] = [kolmogorov_smirnov(known[:, k], values[:, k]) for k in both]
    names = [str(name) for name in features.columns]
    return FeatureQuality(
        rows=len(values),
        missing_share=float(1.0 - finite.mean()) if values.size else 0.0,
        constant=tuple(n for n, same in zip(names, constant, strict=True) if same),
        clusters=correlation_clusters(features.loc[:, ~constant], cluster_correlation),
        table=table,
    )


def information_coefficient(
    feature: FloatArray, forward_return: FloatArray, horizon: int
) -> tuple[float, float]:
    """(Spearman rank correlation with the forward return, its standard error under no relation).

    The error is 1/sqrt(n/h - 1): forward returns over h bars overlap, so n rows are worth n/h. NaN
    for under 3 such rows or a side that does not vary.

    >>> information_coefficient(np.arange(9.0), np.arange(9.0) ** 3, 1)
    (1.0, 0.3535533905932738)
    """
    from scipy.stats import rankdata  # late: it takes a second to load

    both = np.isfinite(feature) & np.isfinite(forward_return)
    worth = both.sum() / horizon
    if worth < 3:
        return np.nan, np.nan
    x, y = rankdata(feature[both]), rankdata(forward_return[both])
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x * x).sum() * (y * y).sum())
    if size == 0:
        return np.nan, np.nan
    return float((x * y).sum() / size), float(1.0 / np.sqrt(worth - 1.0))


def population_stability(reference: FloatArray, now: FloatArray) -> float:
    """Population stability index over the deciles of the reference; 0 is no drift.

    The usual reading: below 0.1 little, above 0.25 much. NaN where a side has no finite value.
    """
    reference, now = reference[np.isfinite(reference)], now[np.isfinite(now)]
    if not len(reference) or not len(now):
        return np.nan
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    before, after = (
        np.bincount(np.searchsorted(edges, side, side="left"), minlength=len(edges) + 1) / len(side)
        for side in (reference, now)
    )
    before, after = (np.maximum(share, _SMALLEST_SHARE) for share in (before, after))
    return float(((after - before) * np.log(after / before)).sum())


def kolmogorov_smirnov(reference: FloatArray, now: FloatArray) -> float:
    """Greatest distance of the distribution functions, 0 to 1; NaN where a side has no value."""
    reference, now = (np.sort(side[np.isfinite(side)]) for side in (reference, now))
    if not len(reference) or not len(now):
        return np.nan
    points = np.concatenate((reference, now))
    before, after = (
        np.searchsorted(side, points, side="right") / len(side) for side in (reference, now)
    )
    return float(np.abs(before - after).max())


def correlation_clusters(features: pd.DataFrame, above: float) -> tuple[tuple[str, ...], ...]:
    """Groups of columns linked by an absolute rank correlation of `above` or more, largest first.

    Rows with a NaN in any column are left out; fewer than 30 others give no group.
    """
    from scipy.stats import rankdata

    complete = features.to_numpy(dtype="float64")
    complete = complete[np.isfinite(complete).all(axis=1)]
    complete = complete[:: max(1, -(-len(complete) // _CLUSTER_ROWS))]
    if len(complete) < 30 or complete.shape[1] < 2:
        return ()
    ranks = rankdata(complete, axis=0)
    spread = ranks.std(axis=0)
    varies = np.flatnonzero(spread > 0)
    scaled = (ranks[:, varies] - ranks[:, varies].mean(axis=0)) / spread[varies]
    linked = np.abs(scaled.T @ scaled) / len(scaled) >= above
    groups: list[list[int]] = []
    waiting = set(range(len(varies)))
    while waiting:
        group, edge = set(), {min(waiting)}
        while edge:
            group |= edge
            edge = {int(k) for row in edge for k in np.flatnonzero(linked[row])} - group
        waiting -= group
        groups.append(sorted(group))
    names = [str(features.columns[int(k)]) for k in varies]
    found = [tuple(names[k] for k in group) for group in groups if len(group) > 1]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def _constant(values: FloatArray, finite: BoolArray) -> BoolArray:
    if not len(values):
        return np.zeros(values.shape[1], dtype=np.bool_)
    low = np.where(finite, values, np.inf).min(axis=0)
    high = np.where(finite, values, -np.inf).max(axis=0)
    return np.asarray(low == high)
