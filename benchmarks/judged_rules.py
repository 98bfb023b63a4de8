"""The rules of the verdict's calibration, and how a result of theirs is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.simulated_markets import YEAR
from trading_pipeline.backtest import (
    BacktestResult,
    BacktestSettings,
    ValidatedBars,
    run_backtest,
)
from trading_pipeline.backtest.scenario_runner import benchmark_settings
from trading_pipeline.domain.signals import Signals
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.performance.benchmark_metrics import benchmark_metrics
from trading_pipeline.performance.dependence import sharpe_trust
from trading_pipeline.performance.search.standing_out import deflated_numbers
from trading_pipeline.performance.sharpe_statistics import probabilistic_sharpe_ratio
from trading_pipeline.performance.summary import years_between
from trading_pipeline.reporting.page.verdict import STANDS_OUT, verdict
from trading_pipeline.storage.stores.sharpe_variance import comparable_variance
from trading_pipeline.strategies import SHIPPED, Market

__all__ = ["RULES", "Cell", "held_through", "judged", "settings_of", "signals_of"]

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
