"""What a split or dividend does to one instrument's state in an account."""

from __future__ import annotations

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.state import Account, Instrument

__all__ = ["apply_action"]


@inner
def apply_action(w: Instrument, a: Account, effect: FloatArray, p: FloatArray) -> None:
    """Turn quantities and levels into the new shares, then pay the dividend on them.

    `effect`: split ratio (1 for none) and dividend a share (0 for none).
    """
    split = effect[0]
    w.quantity *= split
    w.exited *= split
    w.scale *= split
    w.ratio *= split
    w.rest_ratio *= split
    w.rest_left *= split
    w.stop /= split
    w.target /= split
    w.rest_limit /= split
    w.rest_stop /= split
    w.mark /= split
    if p[c.P_TRAIL_IS_PRICE] > 0.0:
        w.trail /= split
    paid = w.quantity * effect[1] * p[c.P_POINT]
    a.cash += paid
    w.income += paid
