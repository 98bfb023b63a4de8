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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.simulated_markets import (
    DEVIATION,
    MARKETS,
    YEAR,
    daily_bars,
    late_prices,
    market_returns,
)
from trading_pipeline.backtest import (
    BacktestResult,
    BacktestSettings,
    ValidatedBars,
    run_backtest,
    run_signal_sweep,
    validate_bars,
)
from trading_pipeline.backtest.scenario_runner import benchmark_settings
from trading_pipeline.domain.signals import Signals
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.performance.benchmark_metrics import benchmark_metrics
from trading_pipeline.performance.dependence import sharpe_trust
from trading_pipeline.performance.search import deflated_numbers
from trading_pipeline.performance.sharpe_statistics import probabilistic_sharpe_ratio
from trading_pipeline.performance.summary import years_between
from trading_pipeline.reporting.page.verdict import STANDS_OUT, verdict
from trading_pipeline.storage.stores.trial_ledger import comparable_variance
from trading_pipeline.strategies import SHIPPED, Market

FloatArray = npt.NDArray[np.float64]
BARS, SEED = 1_260, 11
HOLDINGS = (1, 5, 20)
TRIALS = (1, 10, 100, 1_000)
EDGES = (2.0, 3.0)
_HOLD = "buy_and_hold"
WINDOWS = (6, 8, 10, 15, 20, 25, 30, 40, 50, 60)
RULES: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "crossover": (
        "sma_crossover",
        {"fast": 5, "slow": 20},
        [{"fast": f, "slow": s} for f in (2, 3, 4, 5, 6) for s in (8, *WINDOWS[2:], 75)],
    ),
    "reversion": (
        "bollinger_reversion",
        {"window": 10, "width": 1.5},
        [{"window": w, "width": d} for w in WINDOWS for d in (0.75, 1.0, 1.25, 1.5, 1.75)],
    ),
    "breakout": (
        "donchian_breakout",
        {"entry": 20, "exit": 10, "stop": None},
        [{"entry": w, "exit": e, "stop": None} for w in WINDOWS for e in (2, 3, 4, 5, 6)],
    ),
}
"""Strategy, the parameters of a single trial, and the 50 sets of a search, by kind of rule."""


Cells = dict[tuple[str, str, int, int], "Cell"]
"""By market, rule, holding and number of trials."""


@dataclass
class Cell:
    """What was said of many markets, one entry each."""

    stands_out: list[bool] = field(default_factory=list)
    surely_above_zero: list[bool] = field(default_factory=list)
    sharpes: list[float] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Judge a result; `surely_above_zero`: its plain PSR, which knows no trials, is 0.95."""
        self.stands_out.append(verdict(row).startswith(STANDS_OUT))
        self.surely_above_zero.append(row["plain_probabilistic_sharpe_ratio"] >= 0.95)
        self.sharpes.append(row["sharpe"])


def judged(result: BacktestResult, held: BacktestResult, ratios: Sequence[float]) -> dict[str, Any]:
    """A result as the leaderboard judges it; `ratios`: annual ratios of all trials, its own too.

    By the functions that store and judge a result. Shipped strategies are audited in the tests, so
    `audit` is "passed" here.
    """
    cash = result.settings.initial_cash
    returns = bar_returns(result.equity, initial_equity=cash)
    benchmark = benchmark_metrics(
        returns, bar_returns(held.equity, initial_equity=cash), periods_per_year=YEAR
    )
    row: dict[str, Any] = {
        "audit": "passed",
        "trade_count": result.trade_count,
        "bars": len(returns),
        "years": years_between(result.index, len(returns)),
        "sharpe": result.moments.sharpe,
        "total_return": result.final_equity / cash - 1.0,
        "max_drawdown": result.max_drawdown,
        "benchmark_sharpe": held.moments.sharpe,
        "benchmark_total_return": held.final_equity / cash - 1.0,
        "benchmark_max_drawdown": held.max_drawdown,
        "correlation": benchmark["correlation"],
        "trials": len(ratios),
        "trial_variance": comparable_variance("SIM_1d", {"SIM_1d": list(ratios)}).value,
        "plain_probabilistic_sharpe_ratio": probabilistic_sharpe_ratio(
            sharpe=result.moments.sharpe / YEAR**0.5,
            bars=len(returns),
            skew=result.moments.skew,
            kurtosis=result.moments.kurtosis,
        ),
        **sharpe_trust(returns, periods_per_year=YEAR),
    }
    return {**row, **deflated_numbers(row)}


def settings_of(holding: int) -> BacktestSettings:
    """One basis point a fill, and every position closed after so many bars."""
    return BacktestSettings(
        commission_bps=1.0, max_holding_bars=holding, periods_per_year=float(YEAR)
    )


def held_through(bars: ValidatedBars) -> BacktestResult:
    """Buying and holding, as the product runs it beside a scenario."""
    hold = SHIPPED.signals("buy_and_hold", Market(bars.frame), SHIPPED.validate_params(_HOLD, {}))
    return run_backtest(bars, hold, benchmark_settings(settings_of(1)))


def signals_of(
    rule: str, market: Market, sets: Sequence[dict[str, Any]], direction: str = "long_short"
) -> list[Signals]:
    """Decisions of the rule with each set of parameters."""
    name = RULES[rule][0]
    params = [SHIPPED.validate_params(name, {"direction": direction, **each}) for each in sets]
    return [SHIPPED.signals(name, market, each) for each in params]


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
