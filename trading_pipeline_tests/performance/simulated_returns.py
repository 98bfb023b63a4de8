"""Returns of simulated markets, (histories, bars), with deviation 1 and mean 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Histories = npt.NDArray[np.float64]
_WARM_UP_BARS = 300


def overlapping(held_bars: int, bars: int, histories: int, *, seed: int) -> Histories:
    """Profits of bets on independent prices, each booked as the return of all bars it is held."""
    shocks = np.random.default_rng(seed).normal(size=(histories, bars + held_bars))
    path = np.cumsum(shocks, axis=1)
    booked: Histories = (path[:, held_bars:] - path[:, :-held_bars]) / np.sqrt(held_bars)
    return booked


def autoregressive(rho: float, bars: int, histories: int, *, seed: int) -> Histories:
    """AR(1) returns with correlation `rho` of neighbours."""
    shocks = np.random.default_rng(seed).normal(size=(histories, bars + _WARM_UP_BARS))
    found: Histories = lfilter([1.0], [1.0, -rho], shocks, axis=1)[:, _WARM_UP_BARS:]
    return found * np.sqrt(1.0 - rho * rho)


def clustered(alpha: float, beta: float, bars: int, histories: int, *, seed: int) -> Histories:
    """GARCH(1,1) returns with variance 1 in the long run."""
    shocks = np.random.default_rng(seed).normal(size=(bars + _WARM_UP_BARS, histories))
    found = np.empty_like(shocks)
    variance = np.ones(histories)
    for bar, shock in enumerate(shocks):
        found[bar] = np.sqrt(variance) * shock
        variance = 1.0 - alpha - beta + alpha * found[bar] ** 2 + beta * variance
    return np.ascontiguousarray(found[_WARM_UP_BARS:].T)
