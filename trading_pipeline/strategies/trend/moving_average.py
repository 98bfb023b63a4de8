"""The moving average that strategies share, in the unit of its input.

Every average is the correctly rounded sum of its window divided by its length. The running sum is
kept in two floats, so rounding errors of earlier bars never reach a later value, and a cross does
not depend on where the bars begin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.row_threads import share_rows
from trading_pipeline.domain.table_memory import empty_tables
from trading_pipeline.errors import StrategyError

__all__ = ["simple_moving_average", "simple_moving_averages"]

FloatArray = npt.NDArray[np.float64]
_ALONE = 3
"""Up to so many windows, one at a time is faster than side by side."""


def simple_moving_average(values: npt.ArrayLike, window: int) -> FloatArray:
    """Mean of the last `window` values, this one included; NaN on the first `window - 1` rows.

    Raises `StrategyError` for a window below 1 or a value that is not finite, because one NaN would
    spoil every later average.

    >>> simple_moving_average([1.0, 2.0, 4.0], 2).tolist()
    [nan, 1.5, 3.0]
    """
    series = _checked(values, [window])
    # numba takes a second to import, and most processes that load a strategy never run one
    from trading_pipeline.strategies.trend.moving_average_kernel import rolling_mean

    averages: FloatArray = rolling_mean(series, int(window))
    return averages


def simple_moving_averages(values: npt.ArrayLike, windows: Sequence[int]) -> FloatArray:
    """`simple_moving_average` of each window, one a row; all windows are computed in one pass.

    Each row equals the single average bit for bit.

    >>> simple_moving_averages([1.0, 2.0, 4.0], [1, 2]).tolist()
    [[1.0, 2.0, 4.0], [nan, 1.5, 3.0]]
    """
    series = _checked(values, windows)
    from trading_pipeline.strategies.trend.moving_average_kernel import (
        SIDE_BY_SIDE,
        rolling_mean,
        rolling_means,
    )

    (averages,) = empty_tables((len(windows), series.shape[0]))
    lengths = np.asarray(windows, dtype=np.int64)

    def part(first: int, last: int) -> None:
        rest = (last - first) % SIDE_BY_SIDE
        alone = rest if rest <= _ALONE else 0
        rolling_means(series, lengths[first : last - alone], averages[first : last - alone])
        for row in range(last - alone, last):
            averages[row] = rolling_mean(series, lengths[row])

    share_rows(len(lengths), part, together=SIDE_BY_SIDE)
    return averages


def _checked(values: npt.ArrayLike, windows: Sequence[int]) -> FloatArray:
    series = np.ascontiguousarray(values, dtype=np.float64)
    for window in windows:
        if window < 1:
            raise StrategyError(
                f"The window of a moving average is {window} bars; it must be 1 or more.",
                window=window,
            )
    if not np.isfinite(series).all():
        row = int(np.argmin(np.isfinite(series)))
        raise StrategyError(
            f"A moving average needs finite values; row {row} is {series[row]}.", row=row
        )
    return series
