"""How often the verdict is wrong: false alarms without an edge, power with a planted one.

Run `python -m benchmarks.verdict_calibration` (`--quick` for a tenth of the markets): seeded
simulations of five years of daily bars, traded by this engine's own strategies and judged by the
product's own functions, from returns and trials to the verdict. Prints the tables of
docs/verdict.md in Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

import numpy as np
import numpy.typing as npt

from benchmarks.judged_rules import RULES, Cell, held_through, judged, settings_of, signals_of
from benchmarks.simulated_markets import (
    DEVIATION,
    MARKETS,
    YEAR,
    daily_bars,
    late_prices,
    market_returns,
)
from trading_pipeline.backtest import run_backtest, run_signal_sweep, validate_bars
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.strategies import Market

FloatArray = npt.NDArray[np.float64]
BARS, SEED = 1_260, 11
HOLDINGS = (1, 5, 20)
TRIALS = (1, 10, 100, 1_000)
EDGES = (2.0, 3.0)
Cells = dict[tuple[str, str, int, int], Cell]
"""By market, rule, holding and number of trials."""


def false_alarms(market: str, markets: int, *, searched: bool = True, seed: int = SEED) -> Cells:
    """Verdicts on markets without an edge: of one trial, and of the best of a search of 50."""
    found: Cells = defaultdict(Cell)
    direction = "long_only" if market == "rising" else "long_short"
    returns = market_returns(market, markets, BARS, seed=seed)
    others = market_returns("noise", markets, BARS, seed=seed + 1)
    for number in range(markets):
        own, decided_on = returns[number], returns[number]
        if market.startswith("overlap"):
            own, decided_on = late_prices(own, int(market.split()[2])), others[number]
        bars = validate_bars(daily_bars(own, seed=number))
        seen = Market(daily_bars(decided_on, seed=number))
        held = held_through(bars)
        for rule, (_, single, sets) in RULES.items():
            (alone,) = signals_of(rule, seen, [single], direction)
            many = signals_of(rule, seen, sets, direction) if searched else []
            for holding in HOLDINGS:
                settings = settings_of(holding)
                result = run_backtest(bars, alone, settings)
                row = judged(result, held, [result.moments.sharpe])
                found[market, rule, holding, 1].add(row)
                if not searched:
                    continue
                ratios = run_signal_sweep(bars, many, settings)["sharpe"].to_numpy()
                if np.isnan(ratios).all():
                    continue
                best = run_backtest(bars, many[int(np.nanargmax(ratios))], settings)
                row = judged(best, held, ratios[np.isfinite(ratios)].tolist())
                found[market, rule, holding, len(sets)].add(row)
    return found


def power(
    rule: str, holding: int, edge: float, markets: int, unskilled: Sequence[float],
    *, seed: int = SEED,
) -> tuple[float, dict[int, float]]:  # fmt: skip
    """True annual Sharpe ratio, and the share of markets that stand out by number of trials.

    The rule decides on noise; the traded market is the same noise with a return added in the
    direction of the rule's position, as large as makes its Sharpe ratio, over all markets together
    and after costs, equal to `edge`. The other trials of the ledger have the ratios of rules
    without an edge, drawn from `unskilled`.
    """
    settings = settings_of(holding)
    free = settings.model_copy(update={"commission_bps": 0.0})
    base = market_returns("noise", markets, BARS, seed=seed + 2)
    signals, positions, plain = [], np.empty_like(base), np.empty_like(base)
    for number, own in enumerate(base):
        frame = daily_bars(own, seed=number)
        bars = validate_bars(frame)
        signals += signals_of(rule, Market(frame), [RULES[rule][1]])
        gross = run_backtest(bars, signals[-1], free)
        positions[number] = np.rint(
            bar_returns(gross.equity, initial_equity=free.initial_cash) / own
        )
        paid = run_backtest(bars, signals[-1], settings)
        plain[number] = bar_returns(paid.equity, initial_equity=settings.initial_cash)
    added = _planted(plain, np.abs(positions), edge)
    cells = {trials: Cell() for trials in TRIALS}
    made = []
    generator = np.random.default_rng([seed, holding])
    for number, own in enumerate(base):
        bars = validate_bars(daily_bars(own + added * positions[number], seed=number))
        result, held = run_backtest(bars, signals[number], settings), held_through(bars)
        made.append(bar_returns(result.equity, initial_equity=settings.initial_cash))
        for trials, cell in cells.items():
            drawn = generator.choice(unskilled, trials - 1, replace=trials > len(unskilled))
            cell.add(judged(result, held, [result.moments.sharpe, *drawn.tolist()]))
    true = float(np.mean(made) / np.std(made)) * YEAR**0.5
    return true, {trials: 100.0 * float(np.mean(cell.stands_out)) for trials, cell in cells.items()}


def _planted(returns: FloatArray, exposure: FloatArray, edge: float) -> float:
    """Return a bar in a position that lifts the Sharpe ratio of all markets together to `edge`."""

    def ratio(added: float) -> float:
        own = returns + added * exposure
        return float(own.mean() / own.std()) * YEAR**0.5

    low, high = 0.0, 5.0 * DEVIATION
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if ratio(middle) < edge else (low, middle)
    return 0.5 * (low + high)


def main() -> None:
    """Print both tables, with seed and date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=1_000, help="simulated markets a cell")
    parser.add_argument("--quick", action="store_true", help="100 markets a cell")
    asked = parser.parse_args()
    markets = 100 if asked.quick else asked.markets
    _say(f"{datetime.now(UTC):%Y-%m-%d}, seed {SEED}, {markets:,} markets a cell, {BARS:,} bars\n")
    alone, searched = ([f"{words}, {h}" for h in HOLDINGS] for words in ("1 trial", "best of 50"))
    _say(*_heads("market", "rule", *alone, *searched))
    cells: Cells = {}
    for market in MARKETS:
        cells |= false_alarms(market, markets)
        for rule in RULES:
            shown = [cells[market, rule, h, n].stands_out for n in (1, 50) for h in HOLDINGS]
            _say(_line(market, rule, *(f"{_percent(each):.1f}" for each in shown)))
    _say("", *_heads("all cells", "stands out", "plain PSR of 0.95 or more"))
    for trials, words in ((1, "1 trial"), (50, "best of 50")):
        own = [each for (*_, n), each in cells.items() if n == trials]
        said = [[*chain(*values)] for values in zip(*map(_said, own), strict=True)]
        _say(_line(words, *(f"{_percent(each):.1f}" for each in said)))
    edges = [f"{edge:g}: {trials:,}" for edge in EDGES for trials in TRIALS]
    _say("", *_heads("rule", "bars held", "true Sharpe", *edges))
    for rule in RULES:
        for holding in HOLDINGS:
            unskilled = [s for s in cells["noise", rule, holding, 1].sharpes if s == s]
            told = [power(rule, holding, edge, markets, unskilled) for edge in EDGES]
            true = " and ".join(f"{each:.2f}" for each, _ in told)
            found = [f"{percent:.0f}" for _, by_trials in told for percent in by_trials.values()]
            _say(_line(rule, str(holding), true, *found))


def _said(cell: Cell) -> tuple[list[bool], list[bool]]:
    return cell.stands_out, cell.surely_above_zero


def _percent(said: Sequence[bool]) -> float:
    return 100.0 * float(np.mean(said)) if said else float("nan")


def _heads(*names: str) -> tuple[str, str]:
    return _line(*names), "|" + "---|" * len(names)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
