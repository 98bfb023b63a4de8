"""The search for chart patterns: one row a pattern, known at its last confirmation.

Prices in the unit of the bars. Head and shoulders, tops, bottoms, rectangles and broadening follow
the inequalities of Lo, Mamaysky and Wang, Foundations of Technical Analysis (2000), section II.A,
with their bands in ATRs instead of per cent, so that they suit any timeframe; the others are lines
through pivots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.features.arrays import FloatArray, IntArray
from trading_pipeline.features.patterns.break_kernels import first_breaks
from trading_pipeline.features.patterns.kernels import search_flags, search_swings
from trading_pipeline.features.patterns.kinds import KINDS
from trading_pipeline.features.patterns.zigzag import (
    REVERSAL_ATRS,
    average_true_range_14,
    find_pivots,
)

__all__ = ["FLAG_REVERSAL_ATRS", "PATTERN_COLUMNS", "FoundPatterns", "find_patterns", "search"]

FLAG_REVERSAL_ATRS = 1.5
"""Flags and pennants are small: their swings come from a finer zigzag."""
PATTERN_COLUMNS = (
    "kind",
    "direction",
    "known_ts",
    "pivot_ts",
    "pivot_prices",
    "upper_start_ts",
    "upper_start",
    "upper_end_ts",
    "upper_end",
    "lower_start_ts",
    "lower_start",
    "lower_end_ts",
    "lower_end",
    "height",
    "target",
    "quality",
    "breakout_ts",
    "breakout_known_ts",
    "breakout_direction",
    "breakout_target",
)
_DIRECTIONS = np.array([kind.direction for kind in KINDS], dtype="int64")
_NAMES = np.array([kind.name for kind in KINDS], dtype=object)


@dataclass(frozen=True, kw_only=True)
class FoundPatterns:
    """Patterns as arrays in the order in which they were known; rows are positions in the bars.

    `codes` index `KINDS`. `known_rows`: confirmation of the last pivot. `pivot_rows` and
    `pivot_prices`: one array a pattern. `lines`: row, price and slope of the upper, then of the
    lower line. Where there is no breakout yet, `break_rows` is -1 and `break_directions` 0.
    """

    codes: IntArray
    known_rows: IntArray
    pivot_rows: list[IntArray]
    pivot_prices: list[FloatArray]
    quality: FloatArray
    lines: FloatArray
    heights: FloatArray
    break_rows: IntArray
    break_directions: IntArray

    def __len__(self) -> int:
        return len(self.codes)


def search(bars: pd.DataFrame, *, atr: FloatArray | None = None) -> FoundPatterns:
    """All patterns of forward-adjusted bars; none depends on bars after the one it is known at.

    A breakout is the first close beyond one of the lines, within 60 bars and before the lines meet;
    it is known at that close. `atr`: as `average_true_range_14` gives it, where the caller has it.
    """
    ranges = average_true_range_14(bars) if atr is None else atr
    close = np.ascontiguousarray(bars["close"], dtype="float64")
    swings = find_pivots(bars, reversal_atrs=REVERSAL_ATRS, atr=ranges)
    fine = find_pivots(bars, reversal_atrs=FLAG_REVERSAL_ATRS, atr=ranges)
    whole, parts = search_swings(
        swings.rows, swings.kinds, swings.prices, swings.known_rows, ranges, close
    )
    flags, flag_parts = search_flags(fine.rows, fine.kinds, fine.prices, fine.known_rows, ranges)
    zigzags = [swings] * len(whole) + [fine] * len(flags)
    whole, parts = np.concatenate([whole, flags]), np.concatenate([parts, flag_parts])
    order = np.lexsort((whole[:, 0], whole[:, 3]))
    break_rows, break_directions = first_breaks(whole, parts, close)
    spans = [(zigzags[i], slice(whole[i, 1], whole[i, 2] + 1)) for i in order]
    return FoundPatterns(
        codes=whole[order, 0],
        known_rows=whole[order, 3],
        pivot_rows=[zigzag.rows[span] for zigzag, span in spans],
        pivot_prices=[zigzag.prices[span] for zigzag, span in spans],
        quality=parts[order, 0],
        lines=parts[order, 1:7],
        heights=parts[order, 7],
        break_rows=break_rows[order],
        break_directions=break_directions[order],
    )


def find_patterns(bars: pd.DataFrame) -> pd.DataFrame:
    """One row a chart pattern, in the order in which they were known; columns `PATTERN_COLUMNS`.

    - `direction`: of the expected breakout; +1, -1, 0 either.
    - `known_ts`: the pattern may be used from that bar's close on.
    - `pivot_ts`, `pivot_prices`: lists.
    - `upper_*`, `lower_*`: each line runs from its first pivot to the known bar.
    - `height`: how far a breakout is expected to travel; `target`: `height` beyond the line of the
      expected direction at the known bar, NaN where the direction is 0.
    - `quality`: 0 to 1, how even, parallel, round or symmetrical the pattern is within its limits.
    - `breakout_*`: NaT, 0 and NaN until a close outside the lines.

    Fewer than 15 bars give no row. Raises `DataQualityError` for bars with NaN. A row's columns up
    to `quality` never change once it is known, and those of its breakout once that is known.
    """
    found = search(bars)
    index = pd.DatetimeIndex(bars.index)
    known = found.known_rows
    lines = found.lines
    upper = lines[:, 1] + lines[:, 2] * (known - lines[:, 0])
    lower = lines[:, 4] + lines[:, 5] * (known - lines[:, 3])
    directions = _DIRECTIONS[found.codes]
    broken = found.break_rows >= 0
    at = np.where(broken, found.break_rows, 0)
    beyond_upper = lines[:, 1] + lines[:, 2] * (at - lines[:, 0]) + found.heights
    beyond_lower = lines[:, 4] + lines[:, 5] * (at - lines[:, 3]) - found.heights
    breakout_ts = _stamps(index, at).where(broken)
    sizes = [len(rows) for rows in found.pivot_rows]
    pivots = index[np.concatenate([*found.pivot_rows, np.empty(0, "int64")])].to_numpy(dtype=object)
    ends = np.cumsum(sizes)
    return pd.DataFrame(
        {
            "kind": pd.array(_NAMES[found.codes], dtype="str"),
            "direction": directions,
            "known_ts": _stamps(index, known),
            "pivot_ts": [pivots[e - n : e] for e, n in zip(ends, sizes, strict=True)],
            "pivot_prices": found.pivot_prices,
            "upper_start_ts": _stamps(index, lines[:, 0].astype("int64")),
            "upper_start": lines[:, 1],
            "upper_end_ts": _stamps(index, known),
            "upper_end": upper,
            "lower_start_ts": _stamps(index, lines[:, 3].astype("int64")),
            "lower_start": lines[:, 4],
            "lower_end_ts": _stamps(index, known),
            "lower_end": lower,
            "height": found.heights,
            "target": np.select(
                [directions > 0, directions < 0],
                [upper + found.heights, lower - found.heights],
                np.nan,
            ),
            "quality": found.quality,
            "breakout_ts": breakout_ts,
            "breakout_known_ts": breakout_ts,
            "breakout_direction": found.break_directions,
            "breakout_target": np.select(
                [found.break_directions > 0, found.break_directions < 0],
                [beyond_upper, beyond_lower],
                np.nan,
            ),
        },
        columns=list(PATTERN_COLUMNS),
    )


def _stamps(index: pd.DatetimeIndex, rows: IntArray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(index[rows], dtype=TS_DTYPE, name=None)
