"""The best of forty start dates on a random walk looks certain, until its trials are counted."""

from __future__ import annotations

import math

import numpy as np

from trading_pipeline.performance.sharpe_statistics import (
    deflated_sharpe_ratio,
    probabilistic_sharpe_ratio,
)

BARS, STARTS, MARKETS, SEED = 2_520, 40, 120, 1


def crossover_returns(returns: np.ndarray) -> np.ndarray:
    """Bar returns of holding while the mean of 10 closes is above that of 30."""
    sums = np.concatenate([[0.0], np.cumsum(np.cumsum(returns))])
    fast, slow = (
        np.concatenate([np.full(n - 1, np.nan), (sums[n:] - sums[:-n]) / n]) for n in (10, 30)
    )
    held = np.concatenate([[False], (fast > slow)[:-1]])
    return np.where(held, returns, 0.0)


def moments(returns: np.ndarray) -> dict[str, float]:
    deviations = returns - returns.mean()
    spread = deviations.std()
    return {
        "sharpe": returns.mean() / returns.std(ddof=1),
        "bars": len(returns),
        "skew": float((deviations**3).mean() / spread**3),
        "kurtosis": float((deviations**4).mean() / spread**4),
    }


def test_the_best_of_forty_start_dates_is_often_certain_until_it_is_deflated():
    rng = np.random.default_rng(SEED)
    starts = np.linspace(0, 0.95 * BARS, STARTS).astype(int)
    certain = deflated = 0
    for _ in range(MARKETS):
        traded = crossover_returns(rng.normal(0.0, 0.01, BARS))
        trials = [moments(traded[start:]) for start in starts]
        best = max(trials, key=lambda trial: probabilistic_sharpe_ratio(**trial))
        variance = float(np.var([trial["sharpe"] for trial in trials], ddof=1))
        certain += probabilistic_sharpe_ratio(**best) >= 0.95
        deflated += deflated_sharpe_ratio(**best, trials=STARTS, variance=variance) >= 0.95
    assert certain / MARKETS > 0.12
    assert deflated / MARKETS < 0.05
    assert math.isfinite(variance)
