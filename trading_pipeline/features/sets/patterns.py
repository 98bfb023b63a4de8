"""The feature set `patterns`: the swings and chart patterns that were known at a bar.

Distances are in ATRs of the bar, ages as a share of the 60 bars for which a pattern counts. Without
a pattern in that time the age is 1 and the other columns are 0, so nothing is NaN after the
warm-up.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pandas as pd

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.patterns import kinds as pattern_kinds
from trading_pipeline.features.patterns.break_kernels import WAIT, fill_columns
from trading_pipeline.features.patterns.search import search
from trading_pipeline.features.patterns.zigzag import average_true_range_14, find_pivots
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec

__all__ = ["PATTERNS", "WARMUP_BARS", "pattern_column", "pattern_table"]

WARMUP_BARS = 500
"""250 bars of the longest pattern, 60 for which it counts, and 190 until two zigzags agree."""
_FAMILIES = pattern_kinds.FAMILIES  # by its module, so that the set's hash covers that file
_SWINGS = {
    "swing_direction": "1 after a confirmed low, -1 after a confirmed high.",
    "swing_age": "Bars since the last swing point, as a share of 60, at most 1.",
    "swing_distance": "Close above (positive) or below the last swing point in ATRs, within 10.",
    "swing_retraced": "Share of the swing before last that the last one took back, at most 3.",
}
_OF_FAMILY = {
    "age": "bars since the newest {} was known, as a share of 60; 1 without one.",
    "direction": (
        "direction of the newest {}: its breakout's, before it the expected one, 1, 0, -1."
    ),
    "quality": "quality of the newest {}, 0 to 1; 0 without one.",
    "distance": "ATRs of the close beyond the newest {}'s line in that direction, within 10.",
}
_MEANINGS = _SWINGS | {
    f"{family}_{name}": text.format(family.replace("_", " "))[0].upper()
    + text.format(family.replace("_", " "))[1:]
    for family in _FAMILIES
    for name, text in _OF_FAMILY.items()
}
_COLUMNS = {name: column for column, name in enumerate(_MEANINGS)}
_FAMILY_CODES = np.array(
    [_FAMILIES.index(kind.family) for kind in pattern_kinds.KINDS], dtype="int64"
)
_DIRECTIONS = np.array([kind.direction for kind in pattern_kinds.KINDS], dtype="int64")
_last = threading.local()


def pattern_table(bars: pd.DataFrame) -> pd.DataFrame:
    """All columns of the set over forward-adjusted bars, warm-up included: same index, float64.

    The first 14 rows are NaN; on the rows up to `WARMUP_BARS` the values depend on where the bars
    begin. Each row uses what was known at its close.
    """
    atr = average_true_range_14(bars)
    table = np.zeros((len(bars), len(_COLUMNS)))
    _fill_swings(bars, atr, table[:, : len(_SWINGS)])
    patterns = np.zeros((len(bars), 4 * len(_FAMILIES)))
    patterns[:, ::4] = 1.0
    found = search(bars, atr=atr)
    whole = np.zeros((len(found), 4), dtype="int64")
    whole[:, 0], whole[:, 3] = found.codes, found.known_rows
    parts = np.column_stack([found.quality, found.lines, found.heights])
    fill_columns(
        whole,
        parts,
        found.break_rows,
        found.break_directions,
        _FAMILY_CODES,
        _DIRECTIONS,
        np.ascontiguousarray(bars["close"], dtype="float64"),
        atr,
        patterns,
    )
    table[:, len(_SWINGS) :] = patterns
    table[np.isnan(atr)] = np.nan
    return pd.DataFrame(table, index=bars.index, columns=list(_COLUMNS))


def pattern_column(bars: pd.DataFrame, *, column: int) -> FloatArray:
    """One column of `pattern_table` by its number; the table of the same bars is made once."""
    return _table_of(bars)[:, int(column)]


def _fill_swings(bars: pd.DataFrame, atr: FloatArray, table: FloatArray) -> None:
    zigzag = find_pivots(bars, atr=atr)
    rows = np.arange(len(bars))
    newest = np.searchsorted(zigzag.known_rows, rows, side="right") - 1
    table[:, 1] = 1.0
    if not len(zigzag):
        return
    close = bars["close"].to_numpy(dtype="float64")
    there, last = newest >= 0, np.maximum(newest, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.clip((close - zigzag.prices[last]) / atr, -10.0, 10.0)
    table[:, 0] = np.where(there, -zigzag.kinds[last], 0)
    table[:, 1] = np.where(there, np.minimum((rows - zigzag.rows[last]) / WAIT, 1.0), 1.0)
    table[:, 2] = np.where(there & (atr > 0.0), distance, 0.0)
    legs = np.abs(np.diff(zigzag.prices))
    retraced = np.zeros(len(zigzag))
    retraced[2:] = np.minimum(legs[1:] / legs[:-1], 3.0)
    table[:, 3] = np.where(there, retraced[last], 0.0)


def _table_of(bars: pd.DataFrame) -> FloatArray:
    """The table of the bars that this thread asked for last.

    A set is computed column by column from one frame. The sums notice a frame that was changed in
    between.
    """
    content = (len(bars), *(float(bars[name].sum()) for name in ("high", "low", "close")))
    known = getattr(_last, "known", None)
    if known is not None and known[0]() is bars and known[1] == content:
        table: FloatArray = known[2]
        return table
    table = pattern_table(bars).to_numpy()
    _last.known = (weakref.ref(bars, _forget), content, table)
    return table


def _forget(_: object) -> None:
    _last.known = None


PATTERNS = FeatureSet(
    name="patterns",
    version=1,
    specs=tuple(
        FeatureSpec(
            name=name,
            version=1,
            inputs=("high", "low", "close"),
            lookback=14,
            warmup=WARMUP_BARS,
            compute=pattern_column,
            parameters={"column": float(column)},
            meaning=_MEANINGS[name],
        )
        for name, column in _COLUMNS.items()
    ),
)
"""Swings and chart patterns of one series, as columns for a model."""
