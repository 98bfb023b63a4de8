"""Speed of `run_sweep` from a strategy and a list of dicts: `python -m benchmarks.sweep_speed`.

CPU nanoseconds a bar and combination, the best of several calls: checks of the parameters,
indicators, trades and statistics, but not the table, which is made when it is asked for. vectorbt's
whole path, indicators included, runs in the same process; calls alternate. The part of the checks
and of the plan is told beside it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from benchmarks.engine_markets import COSTS, STOPS, market
from benchmarks.engine_peers import Work, vectorbt_rsi_sweep, vectorbt_sweep
from trading_pipeline.backtest import (
    BacktestSettings,
    ValidatedBars,
    run_control,
    run_sweep,
    validate_bars,
)
from trading_pipeline.backtest.sweeps.strategy_combinations import validated_sets
from trading_pipeline.domain import row_threads
from trading_pipeline.domain.row_threads import work_together
from trading_pipeline.strategies import SHIPPED, Market

Sets = list[dict[str, Any]]
_PEERS = 100
"""Combinations of a peer's call; it takes some seconds for all."""


def grid(**choices: Any) -> Sets:
    """All combinations of the values."""
    return [dict(zip(choices, each, strict=True)) for each in itertools.product(*choices.values())]


AVERAGES = grid(fast=list(range(5, 45)), slow=list(range(50, 300, 10)))
SWEEPS: dict[str, Sets] = {
    "sma_crossover": AVERAGES,
    "ema_crossover": AVERAGES,
    "macd": grid(fast=list(range(5, 15)), slow=list(range(20, 40, 2)), signal=list(range(5, 15))),
    "rsi_reversion": grid(
        window=list(range(5, 25)), oversold=[20.0 + k for k in range(10)],
        overbought=[70.0 + 2.0 * k for k in range(5)],
    ),
    "rsi_cross": grid(
        window=list(range(5, 25)), oversold=[20.0 + k for k in range(10)],
        overbought=[70.0 + 2.0 * k for k in range(5)],
    ),
    "bollinger_reversion": grid(
        window=list(range(10, 50)), width=[1.0 + 0.08 * k for k in range(25)]
    ),
    "bollinger_breakout": grid(
        window=list(range(10, 50)), width=[1.0 + 0.08 * k for k in range(25)]
    ),
    "donchian_breakout": grid(
        entry=list(range(20, 100, 2)), exit=list(range(2, 20)), stop=[None]
    ) + grid(entry=list(range(20, 100, 2)), exit=list(range(2, 9)), stop=["2 atr"]),
    "keltner_breakout": grid(
        window=list(range(10, 50)), width=[1.0 + 0.08 * k for k in range(25)]
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line: a sweep, its settings, the bar to reach, and a peer with so many combinations."""

    name: str
    settings: BacktestSettings
    least: str
    peer: Callable[[Any, int], Work | None] | None = None
    with_shorts: bool = False

    @property
    def sets(self) -> Sets:
        """The parameter dicts."""
        sides = {"direction": "long_short"} if self.with_shorts else {}
        return [each | sides for each in SWEEPS[self.name][:1000]]


def rows() -> Iterator[Row]:
    """What is measured."""
    yield Row("sma_crossover", COSTS, "2.5 ns, 100x", vectorbt_sweep)
    yield Row("ema_crossover", COSTS, "2.5 ns")
    for name in ("rsi_reversion", "rsi_cross", "bollinger_reversion", "bollinger_breakout",
                 "donchian_breakout", "keltner_breakout", "macd"):  # fmt: skip
        yield Row(name, COSTS, "6 ns", vectorbt_rsi_sweep if name == "rsi_reversion" else None)
    yield Row("rsi_reversion", COSTS, "6 ns", with_shorts=True)
    for name in ("sma_crossover", "rsi_reversion", "bollinger_breakout", "donchian_breakout"):
        yield Row(name, STOPS, "7 ns")


def cpu(call: Work, repeats: int) -> float:
    """CPU seconds of the best call."""
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def line(row: Row, bars: ValidatedBars, frame: Any, repeats: int) -> str:
    """One line of the table."""
    sets, cells, seen = row.sets, len(row.sets) * len(bars), Market(bars.frame)
    checked = validated_sets(SHIPPED, row.name, sets)
    trades = run_sweep(bars, row.name, sets, row.settings).table["trade_count"].mean()
    peer = None if row.peer is None else row.peer(frame, _PEERS)
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(cpu(lambda: run_sweep(bars, row.name, sets, row.settings, threads=1), 3))
        if peer is not None and len(theirs) < 4:
            theirs.append(cpu(peer, 1))
    parts = (
        min(ours),
        cpu(lambda: validated_sets(SHIPPED, row.name, sets), repeats),
        cpu(lambda: SHIPPED.sweep_plan(row.name, seen, checked), repeats),
    )
    name = row.name + (" with stops" if row.settings is STOPS else "")
    name += ", long and short" if row.with_shorts else ""
    times = f"{min(theirs) / _PEERS / len(bars) / min(ours) * cells:.0f}x" if theirs else ""
    told = [name, *(f"{each / cells * 1e9:.2f}" for each in parts), f"{trades:.0f}", times]
    return "| " + " | ".join([*told, row.least]) + " |\n"


def two_threads(name: str, bars: ValidatedBars, repeats: int) -> tuple[float, float]:
    """(wall time of one thread over that of two, what CPU times allow), of the best calls.

    The second number is for machines whose cores are busy: CPU time of one thread, over what the
    caller's thread does alone and half of the rest with two.
    """
    sets, shared = SWEEPS[name][:1000], [0.0]
    walls: dict[int, list[float]] = {1: [], 2: []}
    spent: dict[int, list[float]] = {1: [], 2: []}
    alone = []

    def timed(count: int, work: Callable[[int], None]) -> None:
        began = time.thread_time()
        work_together(count, work)
        shared[0] += time.thread_time() - began

    with (
        patch.object(row_threads, "work_together", timed),
        patch.object(run_control, "work_together", timed),
    ):
        for _ in range(10 * repeats):
            for threads in (1, 2):
                shared[0] = 0.0
                began = time.perf_counter(), time.thread_time(), time.process_time()
                run_sweep(bars, name, sets, COSTS, threads=threads)
                walls[threads].append(time.perf_counter() - began[0])
                spent[threads].append(time.process_time() - began[2])
            alone.append(time.thread_time() - began[1] - shared[0])
    together = (min(spent[2]) - min(alone)) / 2.0
    return min(walls[1]) / min(walls[2]), min(spent[1]) / (min(alone) + together)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats a row")
    repeats = 3 if parser.parse_args().quick else 10
    warnings.simplefilter("ignore")
    head = ("1,000 combinations x 5,000 bars", "ns", "checks", "plan", "trades", "vectorbt", "bar")
    sys.stdout.write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    frame = market(5_000)
    bars = validate_bars(frame)
    for row in rows():
        sys.stdout.write(line(row, bars, frame, repeats))
        sys.stdout.flush()
    cores = len(os.sched_getaffinity(0))
    for name, count in (("sma_crossover", 5_000), ("macd", 5_000), ("sma_crossover", 100_000)):
        ratio, limit = two_threads(name, validate_bars(market(count)), repeats)
        told = f"1,000 {name} x {count:,} bars, {cores} cores"
        times = f"{ratio:.2f}x, CPU times allow {limit:.2f}x (bar: 1.7x)"
        sys.stdout.write(f"\nTwo threads over one, {told}: {times}\n")


if __name__ == "__main__":
    main()
