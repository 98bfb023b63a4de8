"""How often intervals and probabilities hold what they say; prints the tables of the record.

Run `python benchmarks/interval_cover.py [histories] [bars ...]`: seeded simulations of markets
whose truth is known (docs/decisions/dependent-returns.md). 300 histories of 1,250 bars take about a
minute of CPU. The cover of drawdown and Calmar ratio is that of an independent second history.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.dependence import estimate_sharpe
from trading_pipeline.performance.headline_intervals import HEADLINE_METRICS, headline_intervals

Histories = npt.NDArray[np.float64]
YEAR, MEAN, DEVIATION = 252, 0.0005, 0.01
WARM_UP_BARS = 500


def independent(shocks: Histories) -> Histories:
    """Normal returns."""
    return shocks[:, WARM_UP_BARS:]


def overlapping(held_bars: int) -> Callable[[Histories], Histories]:
    """Profits booked as the return of all bars that each position is held."""

    def make(shocks: Histories) -> Histories:
        path = np.cumsum(shocks, axis=1)
        booked: Histories = path[:, held_bars:] - path[:, :-held_bars]
        return booked[:, WARM_UP_BARS - held_bars :] / math.sqrt(held_bars)

    return make


def autoregressive(rho: float) -> Callable[[Histories], Histories]:
    """AR(1) returns."""

    def make(shocks: Histories) -> Histories:
        found = np.empty_like(shocks)
        last = np.zeros(len(shocks))
        for bar in range(shocks.shape[1]):
            last = rho * last + shocks[:, bar]
            found[:, bar] = last
        return found[:, WARM_UP_BARS:] * math.sqrt(1.0 - rho * rho)

    return make


def clustered(alpha: float, beta: float) -> Callable[[Histories], Histories]:
    """GARCH(1,1) returns with variance 1 in the long run."""

    def make(shocks: Histories) -> Histories:
        found = np.empty_like(shocks)
        variance = np.ones(len(shocks))
        for bar in range(shocks.shape[1]):
            found[:, bar] = np.sqrt(variance) * shocks[:, bar]
            variance = 1.0 - alpha - beta + alpha * found[:, bar] ** 2 + beta * variance
        return found[:, WARM_UP_BARS:]

    return make


MARKETS: dict[str, Callable[[Histories], Histories]] = {
    "normal": independent,
    "Student t(5)": independent,
    "AR(0.2)": autoregressive(0.2),
    "AR(-0.2)": autoregressive(-0.2),
    "positions of 5 bars": overlapping(5),
    "positions of 20 bars": overlapping(20),
    "GARCH 0.05, 0.90": clustered(0.05, 0.90),
    "GARCH 0.10, 0.89": clustered(0.10, 0.89),
}


def simulated(market: str, histories: int, bars: int, seed: int) -> Histories:
    """Returns of one market, mean 0 and deviation 1; equal arguments give equal numbers."""
    generator = np.random.default_rng([seed, zlib.crc32(market.encode()), bars])
    shape = (histories, bars + WARM_UP_BARS)
    if market == "Student t(5)":
        return MARKETS[market](generator.standard_t(5, shape) / math.sqrt(5.0 / 3.0))
    return MARKETS[market](generator.standard_normal(shape))


def certainty(market: str, histories: int, bars: int) -> str:
    """Share of histories without an edge whose probability is at least 0.95; plain in brackets."""
    found = [
        estimate_sharpe(each, periods_per_year=YEAR)
        for each in simulated(market, histories, bars, seed=1)
    ]
    sure = np.mean([each.probability_above >= 0.95 for each in found])
    plain = np.mean([each.plain_probability_above >= 0.95 for each in found])
    return f"{100 * sure:.1f} ({100 * plain:.1f})"


def cover(market: str, histories: int, bars: int) -> dict[str, float]:
    """Percent of histories in which the 90 % interval of each headline metric holds the truth."""
    returns = MEAN + DEVIATION * simulated(market, histories, bars, seed=2)
    others = MEAN + DEVIATION * simulated(market, histories, bars, seed=3)
    many = MEAN + DEVIATION * simulated(market, 400, 2_500, seed=4)
    growth = float(np.log1p(many - many.mean() + MEAN).mean())
    losses = np.minimum(many - many.mean() + MEAN, 0.0)
    truth = {
        "total_return": math.expm1(growth * bars),
        "cagr": math.expm1(growth * YEAR),
        "annual_volatility": DEVIATION * math.sqrt(YEAR),
        "sharpe": MEAN / DEVIATION * math.sqrt(YEAR),
        "sortino": MEAN / math.sqrt(float((losses**2).mean())) * math.sqrt(YEAR),
    }
    held = dict.fromkeys(HEADLINE_METRICS, 0)
    for own, other in zip(returns, others, strict=True):
        found = headline_intervals(own, periods_per_year=YEAR)
        truth["max_drawdown"] = measure.max_drawdown(other)
        truth["calmar"] = measure.calmar(other, periods_per_year=YEAR)
        for name, value in truth.items():
            held[name] += found[f"{name}_low"] <= value <= found[f"{name}_high"]
    return {name: 100.0 * count / histories for name, count in held.items()}


def main() -> None:
    """Print both tables in Markdown."""
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    spans = [int(text) for text in sys.argv[2:]] or [1_250]
    _say(f"| returns | {' | '.join(f'{bars:,} bars' for bars in spans)} |")
    _say("|---|" + "---|" * len(spans))
    for market in MARKETS:
        cells = " | ".join(certainty(market, 5 * histories, bars) for bars in spans)
        _say(f"| {market} | {cells} |")
    for bars in spans:
        _say(f"\n| {bars:,} bars | {' | '.join(HEADLINE_METRICS)} |")
        _say("|---|" + "---|" * len(HEADLINE_METRICS))
        for market in MARKETS:
            found = cover(market, histories, bars)
            cells = " | ".join(f"{found[name]:.0f}" for name in HEADLINE_METRICS)
            _say(f"| {market} | {cells} |")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
