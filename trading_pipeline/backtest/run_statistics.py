"""The numbers that a loop sums up for every kind of run, read from its statistics."""

from __future__ import annotations

from dataclasses import dataclass

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as codes

__all__ = ["ReturnMoments", "RunStatistics"]


@dataclass(frozen=True)
class ReturnMoments:
    """Moments of the bar returns, as the kernel sums them; the sweep's are equal bit for bit.

    `sd` with n - 1, `skew` and `kurtosis` biased (kurtosis 3 for a normal), `sharpe` a year; NaN
    where the returns have no variance.
    """

    mean: float
    sd: float
    skew: float
    kurtosis: float
    sharpe: float


class RunStatistics:
    """What a result of one instrument or of many says of itself; `stats` is the loop's, see
    kernels.codes.
    """

    stats: FloatArray

    @property
    def final_equity(self) -> float:
        """Account value at the last close, an open position marked there without exit costs."""
        return float(self.stats[codes.S_FINAL_EQUITY])

    @property
    def max_drawdown(self) -> float:
        """Deepest fall from a peak of equity, 0 or negative; the starting cash counts as peak."""
        return float(self.stats[codes.S_MAX_DRAWDOWN])

    @property
    def trade_count(self) -> int:
        """Number of round trips, those still open included."""
        return int(self.stats[codes.S_TRADES])

    @property
    def moments(self) -> ReturnMoments:
        """Moments of the bar returns."""
        return ReturnMoments(*map(float, self.stats[codes.S_MEAN : codes.S_SHARPE + 1]))
