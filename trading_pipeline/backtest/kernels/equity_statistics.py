"""Compiled statistics of an equity curve, bar by bar as every loop counts them."""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import add_powers, follow_peak, write_moments

__all__ = ["equity_statistics"]


@inner
def equity_statistics(
    equity: FloatArray, main: FloatArray, sums: FloatArray, stats: FloatArray
) -> None:
    """Final equity, deepest drawdown, first bar of ruin and the moments of the returns, into `stats`.

    `equity`: at each close, one bar or more. `main`: the account's settings vector; the first return
    and the first peak are counted from its starting cash. `sums`: four times `LANES` zeros to add
    powers up in. After ruin returns are NaN.
    """
    keep_apart()
    n, previous = equity.shape[0], main[c.P_INITIAL_CASH]
    peak, trough, drawdown, ruin = previous, previous, 0.0, -1
    for i in range(n):
        value = equity[i]
        if value <= 0.0 and ruin < 0:
            ruin = i
        add_powers(sums, i, value / previous - 1.0 if ruin < 0 or ruin == i else np.nan)
        previous = value
        peak, trough, drawdown = follow_peak(value, peak, trough, drawdown)
    stats[c.S_FINAL_EQUITY], stats[c.S_FIRST_RUIN] = previous, ruin
    stats[c.S_MAX_DRAWDOWN] = min(drawdown, trough / peak - 1.0)
    write_moments(n, sums, main[c.P_PERIODS], stats)
