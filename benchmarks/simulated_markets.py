"""Daily markets in which no rule has an edge, and the bars that such returns make."""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["DEVIATION", "MARKETS", "YEAR", "daily_bars", "late_prices", "market_returns"]

FloatArray = npt.NDArray[np.float64]
YEAR = 252
DEVIATION = 0.01
_WARM_UP_BARS = 250
MARKETS = {
    "noise": "normal returns",
    "Student t": "Student's t with 4 degrees of freedom",
    "AR(0.2) in volatility": "squared returns with autocorrelation 0.2: ARCH(0.2)",
    "clustered volatility": "GARCH(0.10, 0.89)",
    "overlap of 20 bars": "prices marked late, the mean of 20 closes; decided on another market",
    "rising": "normal returns with a mean that gives holding a Sharpe ratio of 1; long only",
}
"""Markets in which no rule has an edge, and what they are."""


def market_returns(market: str, markets: int, bars: int, *, seed: int) -> FloatArray:
    """Simple returns, (markets, bars), of about 1 % deviation; overlap comes by `late_prices`."""
    generator = np.random.default_rng([seed, zlib.crc32(market.encode())])
    shape = (markets, bars + _WARM_UP_BARS)
    if market == "Student t":
        shocks = generator.standard_t(4, shape) / math.sqrt(2.0)
    else:
        shocks = generator.standard_normal(shape)
    if market == "AR(0.2) in volatility":
        shocks = _garch(shocks, 0.2, 0.0)
    elif market == "clustered volatility":
        shocks = _garch(shocks, 0.10, 0.89)
    found: FloatArray = np.maximum(DEVIATION * shocks[:, _WARM_UP_BARS:], -0.5)
    return found + DEVIATION / math.sqrt(YEAR) if market == "rising" else found


def late_prices(returns: FloatArray, closes: int) -> FloatArray:
    """Returns of prices that are the mean of as many last closes: each is booked over that span."""
    close = np.cumprod(1.0 + returns, axis=-1)
    padded = np.concatenate((np.ones((*close.shape[:-1], closes)), close), axis=-1)
    sums = np.cumsum(padded, axis=-1)
    late = (sums[..., closes:] - sums[..., :-closes]) / closes
    found: FloatArray = late[..., 1:] / late[..., :-1] - 1.0
    return np.concatenate((late[..., :1] - 1.0, found), axis=-1)


def daily_bars(returns: FloatArray, *, seed: int) -> pd.DataFrame:
    """Bars of one market that open at the last close, with wicks of their own."""
    bars = returns.size
    close = 100.0 * np.cumprod(1.0 + returns)
    opened = np.concatenate(([100.0], close[:-1]))
    wicks = np.abs(np.random.default_rng([seed, 99]).normal(scale=0.003, size=(2, bars)))
    index = pd.bdate_range("2000-01-03", periods=bars, tz="UTC", name="ts").as_unit("us")
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1.0 + wicks[0]),
            "low": np.minimum(opened, close) * (1.0 - np.minimum(wicks[1], 0.5)),
            "close": close,
            "volume": 1e6,
        },
        index=index,
    )


def _garch(shocks: FloatArray, alpha: float, beta: float) -> FloatArray:
    found, variance = np.empty_like(shocks), np.ones(len(shocks))
    for bar in range(shocks.shape[1]):
        found[:, bar] = np.sqrt(variance) * shocks[:, bar]
        variance = 1.0 - alpha - beta + alpha * found[:, bar] ** 2 + beta * variance
    return found
