"""The compiled loop over the peers of an instrument."""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray

__all__ = ["peer_statistics"]


@njit(cache=True, nogil=True)
def peer_statistics(changes: FloatArray, skip: int, own: FloatArray, found: FloatArray) -> None:
    """Mean, count, deviation and rank of each column into the four rows of `found`, which are 0.

    `changes`: one row a peer; `skip`: a row that is none. Peers are added in their order, so that a
    sum does not depend on who else is computed.
    """
    peers, rows = changes.shape
    mean, count, spread, rank = found[0], found[1], found[2], found[3]
    for peer in range(peers):
        if peer == skip:
            continue
        for row in range(rows):
            value = changes[peer, row]
            if np.isfinite(value):
                count[row] += 1.0
                mean[row] += value
            if value < own[row]:
                rank[row] += 1.0
            elif value == own[row]:
                rank[row] += 0.5
    for row in range(rows):
        mean[row] = mean[row] / max(count[row], 1.0) if count[row] > 0.0 else np.nan
        usable = count[row] > 0.0 and np.isfinite(own[row])
        rank[row] = rank[row] / max(count[row], 1.0) if usable else np.nan
    for peer in range(peers):
        if peer == skip:
            continue
        for row in range(rows):
            value = changes[peer, row]
            if np.isfinite(value):
                apart = value - mean[row]
                spread[row] += apart * apart
    for row in range(rows):
        known = count[row] > 0.0
        spread[row] = np.sqrt(spread[row] / max(count[row], 1.0)) if known else np.nan
