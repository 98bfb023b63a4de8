"""The oracle of cross features: each series alone, by numpy tables of its own peers.


A peer's price at bar t is the close of its newest bar with `known_at <= known_at(t)`. Returns are
log returns from own bar to own bar; fractions. Windows count own bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.errors import DataQualityError, UnknownNameError, did_you_mean
from trading_pipeline.features.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.features.rolling.windows import (
    lagged,
    rolling_mean,
    rolling_sum,
)

__all__ = ["KnownCloses", "aligned_closes", "compute_cross_features", "cross_columns"]

_MICROSECONDS_A_DAY = 86_400_000_000
_ROUNDING = 1e-24  # of the sum of squares: less than this about the mean is no movement


@dataclass(frozen=True)
class KnownCloses:
    """Forward-adjusted closes of a series and when each is known: microseconds UTC, not falling."""

    known_at: IntArray
    close: FloatArray

    @classmethod
    def of(cls, close: pd.Series, known_at: pd.DatetimeIndex) -> KnownCloses:
        """From a series and its clock; `DataQualityError` if that falls or a price is not > 0."""
        moments = np.asarray(known_at.as_unit("us").asi8, dtype=np.int64)
        values = close.to_numpy(dtype="float64")
        falls = np.flatnonzero(np.diff(moments) < 0)
        wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if len(values) != len(moments) or falls.size or wrong.size:
            row = int(falls[0] + 1 if falls.size else wrong[0] if wrong.size else 0)
            shown = values[row] if len(values) > row else "missing"
            raise DataQualityError(
                f"The closes to compare with are not usable at row {row} (close {shown}): each "
                "needs a price above 0 and a clock that does not fall.",
                row=row,
            )
        return cls(moments, values)

    def until(self, moment: int) -> KnownCloses:
        """What is known at a moment, microseconds UTC."""
        rows = int(np.searchsorted(self.known_at, moment, side="right"))
        return KnownCloses(self.known_at[:rows], self.close[:rows])


def aligned_closes(moments: IntArray, peer: KnownCloses, longest_age_days: float) -> FloatArray:
    """The peer's newest known close at each moment; NaN before its first or where it is too old.

    >>> peer = KnownCloses(np.array([10, 20]), np.array([1.0, 2.0]))
    >>> aligned_closes(np.array([9, 10, 25]), peer, 1.0)
    array([nan,  1.,  2.])
    """
    row = np.searchsorted(peer.known_at, moments, side="right") - 1
    result = np.full(len(moments), np.nan)
    found = row >= 0
    age = moments[found] - peer.known_at[row[found]]
    fresh = age <= longest_age_days * _MICROSECONDS_A_DAY
    result[found] = np.where(fresh, peer.close[row[found]], np.nan)
    return result


def cross_columns(windows: Sequence[int], references: Sequence[str]) -> dict[str, str]:
    """Names of the columns in order, each with its meaning."""
    columns = {"peers": "Number of peers with a known return at the bar."}
    for d in windows:
        columns |= {
            f"relative_strength_{d}": f"Log return over {d} bars less the peers' mean.",
            f"return_rank_{d}": f"Share of peers whose return over {d} bars is lower, 0 to 1.",
            f"dispersion_{d}": f"Standard deviation of the peers' returns over {d} bars.",
            f"correlation_{d}": f"Correlation of returns with the peers' mean, {d} bars.",
            f"beta_{d}": f"Slope of the return on the peers' mean return, {d} bars.",
        }
    for name in references:
        for d in windows:
            columns |= {
                f"relative_strength_{d}_{name}": f"Log return over {d} bars less that of {name}.",
                f"correlation_{d}_{name}": f"Correlation of returns with {name}, {d} bars.",
                f"beta_{d}_{name}": f"Slope of the return on that of {name}, {d} bars.",
            }
    return columns


def compute_cross_features(
    own: KnownCloses,
    peers: Mapping[str, KnownCloses],
    *,
    windows: Sequence[int] = (20, 60),
    references: Sequence[str] = (),
    longest_age_days: float = 7.0,
    members: Mapping[str, BoolArray] | None = None,
    is_member: BoolArray | None = None,
) -> dict[str, FloatArray]:
    """Columns of `cross_columns`, each as long as `own`.

    NaN where there are fewer own bars before, or where no peer (or the reference) has known returns
    throughout the window; nothing is filled. A window in which either side does not move has
    correlation and beta 0. References are looked up in `peers`; a missing one raises
    `UnknownNameError` that names the feature. A peer's close counts for `longest_age_days`.

    `members`: by peer, whether it belonged to the universe at each own bar; a peer that is not
    named always did. Where it did not belong it is no peer: it enters no count, mean, rank or
    deviation of that bar. Its columns as a reference stay. `is_member`: the same of the own series;
    where it did not belong every column is NaN.
    """
    for name in references:
        if name not in peers:
            raise UnknownNameError(
                f"The feature relative_strength_{windows[0]}_{name} compares with {name}, of which "
                f"there are no bars here. {did_you_mean(name, peers)} Add the instrument to the "
                "universe, or take it out of 'references' in cross_features.yaml.",
                name=name,
                kind="instrument",
            )
    own_log = np.log(own.close)
    logs = {
        name: np.log(aligned_closes(own.known_at, peer, longest_age_days))
        for name, peer in peers.items()
    }
    table = np.array(list(logs.values())).reshape(len(logs), len(own.close))
    own_step = _change(own_log, 1)
    left = np.zeros(table.shape, dtype=np.bool_)
    for row, name in enumerate(logs):
        if members is not None and name in members:
            left[row] = ~members[name]
    market, count = _mean_over_peers(_changes(table, 1, left))
    columns: dict[str, FloatArray] = {"peers": count}
    for window in windows:
        change, moved = _change(own_log, window), _changes(table, window, left)
        mean, known = _mean_over_peers(moved)
        correlation, beta = _correlation_and_beta(own_step, market, window)
        columns |= {
            f"relative_strength_{window}": change - mean,
            f"return_rank_{window}": _rank(change, moved, known),
            f"dispersion_{window}": _deviation_over_peers(moved, mean, known),
            f"correlation_{window}": correlation,
            f"beta_{window}": beta,
        }
    for name in references:
        step = _change(logs[name], 1)
        for window in windows:
            correlation, beta = _correlation_and_beta(own_step, step, window)
            apart = _change(own_log, window) - _change(logs[name], window)
            columns |= {
                f"relative_strength_{window}_{name}": apart,
                f"correlation_{window}_{name}": correlation,
                f"beta_{window}_{name}": beta,
            }
    if is_member is not None:
        columns = {name: np.where(is_member, each, np.nan) for name, each in columns.items()}
    return columns


def _change(logs: FloatArray, bars: int) -> FloatArray:
    change: FloatArray = logs - lagged(logs, bars)
    return change


def _changes(table: FloatArray, bars: int, left: BoolArray) -> FloatArray:
    """`_change` of each row, a row a peer; NaN where the peer has `left` or not joined yet.

    A member's change reaches back to bars before it joined: its price was known then too.
    """
    changes = np.array([_change(row, bars) for row in table]).reshape(table.shape)
    return np.where(left, np.nan, changes)


def _mean_over_peers(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(mean of what is known, NaN where nothing is; how many are known)."""
    known = np.isfinite(table)
    count = known.sum(axis=0).astype("float64")
    total = np.where(known, table, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan), count


def _deviation_over_peers(table: FloatArray, mean: FloatArray, count: FloatArray) -> FloatArray:
    """Population standard deviation; NaN where nothing is known."""
    apart = np.where(np.isfinite(table), table - mean, 0.0)
    spread = np.sqrt((apart * apart).sum(axis=0) / np.maximum(count, 1.0))
    return np.where(count > 0, spread, np.nan)


def _rank(own: FloatArray, table: FloatArray, count: FloatArray) -> FloatArray:
    """Share of known peers that are lower, equal ones counted half."""
    with np.errstate(invalid="ignore"):
        lower = (table < own).sum(axis=0) + 0.5 * (table == own).sum(axis=0)
    usable = (count > 0) & np.isfinite(own)
    return np.where(usable, lower / np.maximum(count, 1.0), np.nan)


def _correlation_and_beta(
    y: FloatArray, x: FloatArray, window: int
) -> tuple[FloatArray, FloatArray]:
    """Computed from each window's values anew, in two passes, so that a value has no memory."""
    correlation, beta = np.full(len(y), np.nan), np.full(len(y), np.nan)
    rows = len(y) - window + 1
    if rows <= 0:
        return correlation, beta
    mean_x, mean_y = (rolling_mean(values, window)[window - 1 :] for values in (x, y))
    xx, yy, xy = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for offset in range(window):
        dx, dy = x[offset : offset + rows] - mean_x, y[offset : offset + rows] - mean_y
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
    size_x, size_y = (rolling_sum(v * v, window)[window - 1 :] for v in (x, y))
    moves = (xx > _ROUNDING * size_x) & (yy > _ROUNDING * size_y)
    constant = np.where(np.isfinite(xy), 0.0, np.nan)
    product = np.sqrt(np.where(moves, xx, 1.0)) * np.sqrt(np.where(moves, yy, 1.0))
    correlation[window - 1 :] = np.where(moves, xy / product, constant)
    beta[window - 1 :] = np.where(moves, xy / np.where(moves, xx, 1.0), constant)
    return np.clip(correlation, -1.0, 1.0), beta
