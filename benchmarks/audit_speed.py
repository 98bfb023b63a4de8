"""Speed of the audits of strategies: the first time, with new bars, and again.

Run `python -m benchmarks.audit_speed [bars]`. Process CPU time in one process, the best of three,
on a seeded random walk of daily bars. A line includes all that a backtest adds for its audit:
hashing the bars, the recomputations and the comparisons; not the backtest itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks.feature_speed import market
from trading_pipeline.domain.audit_records import AuditMemory
from trading_pipeline.optimization.study_audit import audit_space
from trading_pipeline.strategies import SHIPPED, Market
from trading_pipeline.strategies.strategy_audit import strategy_outcome

_GRID = [{"fast": fast, "slow": slow} for fast in range(5, 50, 5) for slow in range(60, 200, 20)]


def cpu_seconds(work: Callable[[], object], times: int = 3) -> float:
    """Process CPU time of one call, the least of several."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def main(rows: int = 5_000) -> None:
    """Print the table as Markdown."""
    whole = Market(market(rows))
    many = [SHIPPED.validate_params("sma_crossover", each) for each in _GRID]

    def audited(seen: Market, log: AuditMemory, name: str = "sma_crossover") -> object:
        params = SHIPPED.validate_params(name, {})
        return strategy_outcome(SHIPPED, name, params, seen, instrument="A_1d", log=log)

    kept, older = AuditMemory(), AuditMemory()
    audited(whole, kept)
    audited(whole.head(rows - 1), older)
    before = list(older.records)

    def one_more() -> object:
        older.records[:] = before
        return audited(whole, older)

    space = lambda: audit_space(SHIPPED, "sma_crossover", many, whole, instrument="A_1d")  # noqa: E731
    lines = {
        "buy_and_hold, first time": lambda: audited(whole, AuditMemory(), "buy_and_hold"),
        "sma_crossover, first time": lambda: audited(whole, AuditMemory()),
        "sma_crossover, one new bar": one_more,
        "sma_crossover, again": lambda: audited(whole, kept),
        f"study of {len(many)} sets, before its sweep": space,
    }
    print(f"| Audit on {rows:,} daily bars | CPU time |\n|---|---:|")  # noqa: T201
    for name, work in lines.items():
        print(f"| {name} | {1000 * cpu_seconds(work):,.1f} ms |")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
