"""The stationary bootstrap: blocks of random length that keep the dependence of neighbouring bars.

Sources: Politis and Romano (1994), "The stationary bootstrap"; block length by Politis and White
(2004) with the correction of Patton, Politis and White (2009).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.return_metrics import ROUNDING_DEVIATION

__all__ = ["bootstrap_returns", "optimal_block_bars", "stationary_bootstrap_rows"]

IntArray = npt.NDArray[np.int64]


def stationary_bootstrap_rows(
    rows: int, samples: int, average_block_bars: float, generator: np.random.Generator
) -> IntArray:
    """Resampled row numbers, (samples, rows): blocks from random starts, joined end to start.

    Each row begins a new block with probability `1 / average_block_bars`, else it follows the one
    before. Raises `ConfigurationError` for a mean block below 1 bar.
    """
    if not (math.isfinite(average_block_bars) and average_block_bars >= 1.0):
        raise ConfigurationError(
            f"The mean block is {average_block_bars} bars; it must be 1 or more.",
            average_block_bars=average_block_bars,
        )
    from trading_pipeline.performance.resampling_kernel import follow_blocks  # late: loads numba

    draws = generator.random((samples, rows))
    found: IntArray = generator.integers(0, rows, (samples, rows))
    follow_blocks(draws, found, 1.0 / average_block_bars)
    return found


def optimal_block_bars(returns: npt.ArrayLike) -> float:
    """Mean block length that makes the stationary bootstrap of the mean most exact, at least 1.0.

    Flat-top lag window over the autocovariances, twice as wide as the last lag before correlations
    stay within `2 sqrt(log10(n) / n)`. The result is at most `min(3 sqrt(n), n / 3)`, rounded up.
    Errors as in
    `bootstrap_returns`.
    """
    values = bootstrap_returns(returns)
    count = values.size
    centred = values - values.mean()
    variance = float(centred @ centred) / count
    if variance <= ROUNDING_DEVIATION**2:
        return 1.0
    quiet = max(5, int(math.log10(count)))
    longest = math.ceil(math.sqrt(count)) + quiet
    covariances = np.array(
        [float(centred[lag:] @ centred[: count - lag]) / count for lag in range(longest + 1)]
    )
    # correlation of the two overlapping parts, each with its own scale
    correlations = np.array(
        [abs(_overlap_correlation(centred, lag)) for lag in range(1, longest + 1)]
    )
    threshold = 2.0 * math.sqrt(math.log10(count) / count)
    width = _lag_window(correlations, threshold, quiet, longest)
    lags = np.arange(1, width + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / width)) if width else np.empty(0)
    kept = covariances[1 : width + 1]
    slope = float(2.0 * (weights * lags) @ kept)
    long_run = float(covariances[0] + 2.0 * weights @ kept)
    ceiling = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    if long_run == 0.0:
        return float(ceiling)
    block = (slope**2 / long_run**2 * count) ** (1.0 / 3.0)
    return float(min(max(block, 1.0), ceiling))


def _lag_window(correlations: FloatArray, threshold: float, quiet: int, longest: int) -> int:
    """Twice the last lag before `quiet` small correlations in a row; bounded by `longest`."""
    small = correlations < threshold
    for first in range(small.size - quiet + 1):
        if small[first : first + quiet].all():
            return min(2 * max(first, 1), longest)
    loud = np.flatnonzero(~small)
    last = int(loud[-1]) + 1 if loud.size else 1
    return min(2 * last, longest)


def _overlap_correlation(centred: FloatArray, lag: int) -> float:
    late, early = centred[lag:], centred[: centred.size - lag]
    scale = math.sqrt(float(late @ late) * float(early @ early))
    return float(late @ early) / scale if scale > 0.0 else 0.0


def bootstrap_returns(returns: npt.ArrayLike) -> FloatArray:
    """The returns as an array; `InsufficientDataError` below 20, or if one is not finite."""
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < 20 or not np.isfinite(values).all():
        raise InsufficientDataError(
            f"A bootstrap needs 20 or more finite returns in a row; there are "
            f"{int(np.isfinite(values).sum())} finite ones of {values.size}. Measure a "
            "longer span.",
            returns=values.size,
        )
    return values
