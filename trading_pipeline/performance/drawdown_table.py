"""The drawdowns of an equity curve as a table. Depths are fractions, lengths in bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.performance.bar_returns import drawdowns, equity_array

__all__ = ["DRAWDOWN_COLUMNS", "drawdown_table"]

DRAWDOWN_COLUMNS = (
    "peak_ts",
    "start_ts",
    "trough_ts",
    "recovery_ts",
    "depth",
    "length_bars",
    "bars_to_trough",
    "bars_to_recovery",
)


def drawdown_table(
    equity: pd.Series, *, initial_equity: float | None = None, top: int | None = None
) -> pd.DataFrame:
    """One row a drawdown, the deepest first; `top` keeps that many.

    A drawdown is a stretch of bars that close below the highest equity before them. `equity` has an
    aware index. Columns:

    - peak_ts: bar of the peak, NaT where that is `initial_equity`; start_ts: first bar below it;
      trough_ts: the lowest bar, the first of equals; recovery_ts: first bar back at the peak, NaT
      while there is none.
    - depth: trough over peak less 1, negative.
    - length_bars: bars below the peak; bars_to_trough of them up to and with the trough;
      bars_to_recovery: bars from the trough to the recovery, NaN while there is none.

    A curve that never falls gives no row. Errors as in `equity_array`.
    """
    values = equity_array(equity.to_numpy(dtype=np.float64), initial_equity=initial_equity)
    shift = len(values) - len(equity)  # 1 where the initial equity comes first
    stamps = utc_index(equity.index)
    fall = drawdowns(values)
    below = np.concatenate(([False], fall < 0.0, [False]))
    starts = np.flatnonzero(below[1:] & ~below[:-1])
    ends = np.flatnonzero(below[:-1] & ~below[1:])
    # the first of equal lowest values in each stretch
    troughs = np.array(
        [start + int(np.argmin(fall[start:end])) for start, end in zip(starts, ends, strict=True)],
        dtype=np.int64,
    )
    recovered = ends < len(values)
    table = pd.DataFrame(
        {
            "peak_ts": _stamps(stamps, starts - 1 - shift),
            "start_ts": _stamps(stamps, starts - shift),
            "trough_ts": _stamps(stamps, troughs - shift),
            "recovery_ts": _stamps(stamps, np.where(recovered, ends - shift, -1)),
            "depth": fall[troughs],
            "length_bars": ends - starts,
            "bars_to_trough": troughs - starts + 1,
            "bars_to_recovery": np.where(recovered, ends - troughs, np.nan),
        }
    )
    ordered = table.sort_values("depth", kind="stable", ignore_index=True)
    return ordered if top is None else ordered.head(top)


def _stamps(stamps: pd.DatetimeIndex, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pd.Index:
    """Stamps of the rows; NaT for -1."""
    values = np.where(rows >= 0, stamps.asi8[np.maximum(rows, 0)], np.iinfo(np.int64).min)
    return pd.DatetimeIndex(values.view("datetime64[us]")).tz_localize("UTC").as_unit("us")
