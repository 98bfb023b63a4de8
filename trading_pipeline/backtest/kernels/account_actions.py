"""This file holds what a split or dividend does to one instrument's state in an account."""

from __future__ import annotations

from typing import Any

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner

__all__ = ["apply_action"]

Array = Any


@inner
def apply_action(w: Array, a: Array, effect: Array, p: Array) -> None:
    """Turn quantities and levels into the new shares, then pay the dividend on them.

    `effect`: split ratio (1 for none) and dividend a share (0 for none).
    """
    split = effect[0]
    w[c.W_QUANTITY] *= split
    w[c.W_EXITED] *= split
    w[c.W_SCALE] *= split
    w[c.W_RATIO] *= split
    w[c.W_REST_RATIO] *= split
    w[c.W_REST_LEFT] *= split
    w[c.W_STOP] /= split
    w[c.W_TARGET] /= split
    w[c.W_REST_LIMIT] /= split
    w[c.W_REST_STOP] /= split
    w[c.W_MARK] /= split
    if p[c.P_TRAIL_IS_PRICE] > 0.0:
        w[c.W_TRAIL] /= split
    paid = w[c.W_QUANTITY] * effect[1] * p[c.P_POINT]
    a[c.A_CASH] += paid
    w[c.W_INCOME] += paid
