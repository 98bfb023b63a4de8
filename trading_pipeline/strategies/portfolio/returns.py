"""Returns of the instruments that can be held, and what is estimated from them.

Variances are those of a row of the panel; times `panel.periods_per_year` they are annual.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trading_pipeline.strategies.portfolio.panel import Panel

__all__ = ["by_inverse_volatility", "known_returns", "shrunk_covariance", "weighted_covariance"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def known_returns(panel: Panel, row: int, bars: int) -> tuple[IntArray, FloatArray]:
    """Columns of the instruments to choose among, and their last `bars` returns up to `row`.

    An instrument is left out where it cannot be held or where one of these returns is unknown; no
    column is left on rows with fewer returns before them. The returns are (bars, columns left).
    """
    if row < bars:
        return np.empty(0, dtype=np.int64), np.empty((0, 0))
    window = panel.returns[row - bars + 1 : row + 1]
    columns = np.flatnonzero(panel.available[row] & np.isfinite(window).all(axis=0))
    return columns, window[:, columns]


def weighted_covariance(returns: FloatArray, decay: float | None) -> FloatArray:
    """Covariance of the columns.

    With `decay` None the sample covariance, whose divisor is one less than the rows. Otherwise
    returns count from 0, and weights fall by `decay` from each row to the one before it and add up
    to 1. Source: J.P. Morgan, RiskMetrics Technical Document (1996), section 5.2.

    >>> weighted_covariance(np.array([[0.1], [0.3]]), 0.5).round(6).tolist()
    [[0.063333]]
    """
    if decay is None:
        return np.atleast_2d(np.cov(returns, rowvar=False))
    ages = np.arange(len(returns))[::-1]
    shares = decay**ages / (decay**ages).sum()
    found: FloatArray = (returns * shares[:, None]).T @ returns
    return found


def shrunk_covariance(returns: FloatArray) -> FloatArray:
    """Covariance of the columns, drawn towards equal variances without correlation.

    S is the covariance with the number of rows as divisor, m the mean of its variances. Of S and
    m I it is the mix whose expected squared error is least. Zeros where nothing moves. Source:
    Ledoit and Wolf, A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices (2004),
    section 3.3.

    >>> shrunk_covariance(np.array([[1.0, 1.0], [-1.0, -1.0]])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    rows, count = returns.shape
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / rows
    mean = float(np.trace(sample)) / count
    spread = float((sample**2).sum()) / count - mean**2
    if not spread > 0.0:
        return np.asarray(mean * np.eye(count), dtype=np.float64)
    lengths = (centred**2).sum(axis=1)
    error = float((lengths**2).mean() - (sample**2).sum()) / (rows * count)
    share = min(max(error, 0.0), spread) / spread
    found: FloatArray = (1.0 - share) * sample
    found[np.diag_indices(count)] += share * mean
    return found


def by_inverse_volatility(variances: FloatArray) -> FloatArray:
    """Shares that add up to 1, each in proportion to 1 / standard deviation.

    What did not move has no finite share: it gets 0, and all get 0 where nothing moved.
    """
    deviations = np.sqrt(variances)
    moves = deviations > 0.0
    inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=moves)
    total = inverse.sum()
    shares: FloatArray = inverse / total if total > 0.0 else inverse
    return shares
