"""The engine's speed, printed as a Markdown table.

Run `python -m benchmarks.engine_speed`, with `--quick` for fewer repeats. Everything runs in one
process, our calls and the peers' in turn, after one call of each to warm up. Times are process CPU
seconds (the sum of all threads), the best of several. The ratio compares the median times, because
a peer's best and worst call can differ threefold (fresh memory or not). Memory is measured
separately, in one process per row.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.engine_markets import (
    COSTS,
    STOPS,
    averages_cross,
    market,
    share,
    share_actions,
    stop_signals,
    sweep,
)
from benchmarks.engine_memory import sweep_megabytes
from benchmarks.engine_peers import (
    Work,
    backtesting_run,
    vectorbt_portfolio,
    vectorbt_run,
    vectorbt_sweep,
    vectorbt_weights,
)
from trading_pipeline.backtest import (
    Signals,
    ValidatedBars,
    run_backtest,
    run_portfolio_backtest,
    validate_bars,
)
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.settings.backtest_settings import FixedCash, PercentOfEquity

SHARES = COSTS.model_copy(update={"sizing": PercentOfEquity(percent=0.01)})
MANY = COSTS.model_copy(update={"sizing": FixedCash(cash=1e4)})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: our work, the same work by peers, and how often it is repeated."""

    name: str
    ours: Work
    peer: Work | None
    bars: int
    peer_bars: int
    repeats: int
    bar: str
    peer_name: str = "vectorbt"


@dataclass(frozen=True)
class Timing:
    """CPU seconds of a call: the best of several, and the median."""

    best: float
    middle: float


def timings(row: Row, repeats: int) -> list[Timing]:
    """Our timing, then the peer's; the peer of a long row is called only a few times.

    Short runs of our calls alternate with the peer's, so that each meets the other's caches and
    memory, and the cost of reading the clock is spread over several calls.
    """
    calls = [row.ours] + ([row.peer] if row.peer else [])
    seconds: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for turn in range(max(repeats, 1)):
        for number, call in enumerate(calls):
            if number and turn and min(seconds[1]) * turn > 10.0:
                continue
            inner = 1 if number or row.bars > 20_000 else 10
            for _ in range(3):
                began = time.process_time()
                for _ in range(inner):
                    call()
                seconds[number].append((time.process_time() - began) / inner)
    return [Timing(min(each), float(np.median(each))) for each in seconds]


def single_rows() -> Iterator[Row]:
    """One run, from checked bars and from a frame."""
    for rows, repeats in ((5_000, 40), (1_000_000, 8)):
        frame = market(rows)
        bars = validate_bars(frame)
        up, down = averages_cross(bars)
        signals = Signals.long_only(up, down)
        peer = vectorbt_run(frame, up, down)
        same = {"bars": rows, "peer_bars": rows, "repeats": repeats}
        least = "50x" if rows == 5_000 else "20x"
        yield Row(
            name=f"one run, {rows:,} bars", peer=peer, bar=least, **same,
            ours=lambda b=bars, s=signals: run_backtest(b, s, COSTS),
        )  # fmt: skip
        yield Row(
            name=f"one run, {rows:,} bars, from a frame", peer=peer, bar="", **same,
            ours=lambda f=frame, s=signals: run_backtest(f, s, COSTS),
        )  # fmt: skip
        if rows == 5_000:
            yield Row(
                name="one run, 5,000 bars", peer=backtesting_run(frame, up, down), bar="", **same,
                ours=lambda b=bars, s=signals: run_backtest(b, s, COSTS),
                peer_name="backtesting.py",
            )  # fmt: skip


def level_rows() -> Iterator[Row]:
    """One run with stop, target, trail and slippage."""
    for rows, repeats, least in (
        (5_000, 40, "4.5 ns"), (100_000, 20, "6.5 ns"), (1_000_000, 8, "9 ns"),
    ):  # fmt: skip
        bars = validate_bars(market(rows))
        signals = stop_signals(bars)
        yield Row(
            name=f"one run with stops, {rows:,} bars", peer=None, bar=least, bars=rows,
            peer_bars=rows, repeats=repeats,
            ours=lambda b=bars, s=signals: run_backtest(b, s, STOPS),
        )  # fmt: skip


def sweep_rows() -> Iterator[Row]:
    """1,000 combinations with drawdown, Sharpe and trade count, averages included."""
    for rows, repeats, some, least in (
        (5_000, 12, 100, "4 ns, 100x"), (100_000, 4, 20, "1 s"),
    ):  # fmt: skip
        frame = market(rows)
        bars = validate_bars(frame)
        yield Row(
            name=f"sweep of 1,000, {rows:,} bars", peer=vectorbt_sweep(frame, some), bar=least,
            bars=rows * 1_000, peer_bars=rows * some, repeats=repeats,
            ours=lambda b=bars: sweep(b, COSTS),
        )  # fmt: skip
        yield Row(
            name=f"sweep of 1,000 with stops, {rows:,} bars", peer=None, bar="", repeats=repeats,
            bars=rows * 1_000, peer_bars=rows, ours=lambda b=bars: sweep(b, STOPS),
        )  # fmt: skip


def portfolio_rows() -> Iterator[Row]:
    """100 instruments on shared cash: signals on known bars and on new bars, target weights."""
    frames = {f"I{number:03d}_1m": market(5_000, seed=number) for number in range(100)}
    bars: dict[str, ValidatedBars] = {name: validate_bars(each) for name, each in frames.items()}
    crosses = {name: averages_cross(each) for name, each in bars.items()}
    orders = {name: Signals.long_only(*each) for name, each in crosses.items()}
    up, down = (np.column_stack([pair[at] for pair in crosses.values()]) for at in (0, 1))
    same = {"bars": 500_000, "peer_bars": 500_000}
    signals_peer = vectorbt_portfolio(frames, up, down)
    yield Row(
        name="portfolio, 100 x 5,000 bars, crosses", peer=signals_peer, bar="4 ns", repeats=12,
        **same, ours=lambda: run_portfolio_backtest(bars, orders, MANY),
    )  # fmt: skip
    yield Row(
        name="the same, sizes by equity", peer=None, bar="", repeats=12, **same,
        ours=lambda: run_portfolio_backtest(bars, orders, SHARES),
    )  # fmt: skip
    yield Row(
        name="the same, bars checked again", peer=signals_peer, bar="", repeats=4, **same,
        ours=lambda: run_portfolio_backtest(frames, orders, MANY),
    )  # fmt: skip
    weights = np.full((5_000, 100), np.nan)
    weights[::20] = np.random.default_rng(7).dirichlet(np.ones(100), 250) * 0.95
    index = next(iter(frames.values())).index[::20]
    targets = TargetWeights(pd.DataFrame(weights[::20], index, columns=list(frames)))
    yield Row(
        name="portfolio, 100 x 5,000 bars, weights each 20 bars",
        peer=vectorbt_weights(frames, weights),
        bar="4 ns", repeats=6, **same, ours=lambda: run_portfolio_backtest(bars, targets, COSTS),
    )  # fmt: skip


def share_rows() -> Iterator[Row]:
    """100 shares that split and pay dividends: signals, target weights, and a watched run."""
    frames = {f"I{number:03d}_1d": share(5_000, seed=number) for number in range(100)}
    bars = {name: validate_bars(each) for name, each in frames.items()}
    orders = {name: Signals.long_only(*averages_cross(each)) for name, each in bars.items()}
    actions = {
        name: share_actions(name, number, each)
        for number, (name, each) in enumerate(frames.items())
    }
    weights = np.random.default_rng(7).dirichlet(np.ones(100), 250) * 0.95
    index = next(iter(frames.values())).index[::20]
    targets = TargetWeights(pd.DataFrame(weights, index, columns=list(frames)))
    same = {"peer": None, "bars": 500_000, "peer_bars": 500_000, "repeats": 12, "bar": "6 ns"}
    yield Row(
        name="portfolio of 100 shares with splits and dividends, crosses", **same,
        ours=lambda: run_portfolio_backtest(bars, orders, MANY, actions=actions),
    )  # fmt: skip
    yield Row(
        name="the same, sizes by equity", **same,
        ours=lambda: run_portfolio_backtest(bars, orders, SHARES, actions=actions),
    )  # fmt: skip
    yield Row(
        name="the same, weights each 20 bars", **same,
        ours=lambda: run_portfolio_backtest(bars, targets, COSTS, actions=actions),
    )  # fmt: skip
    yield Row(
        name="the same crosses, watched", **same,
        ours=lambda: run_portfolio_backtest(
            bars, orders, MANY, actions=actions, cancelled=lambda: False
        ),
    )  # fmt: skip


def line(row: Row, ours: Timing, theirs: Timing | None) -> str:
    """One line of the table."""
    a_bar = ours.best / row.bars * 1e9
    peer = [""] * 3
    if theirs is not None:
        times = (theirs.middle / row.peer_bars) / (ours.middle / row.bars)
        peer = [row.peer_name, f"{theirs.best / row.peer_bars * 1e9:.0f}", f"{times:.0f}x"]
    cells = [row.name, f"{ours.best * 1e3:.3f}", f"{a_bar:.2f}", *peer, row.bar]
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four repeats a row")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    head = ("work", "ms", "ns a bar", "peer", "its ns a bar", "ratio", "bar to reach")
    sys.stdout.write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    for group in (single_rows, level_rows, sweep_rows, portfolio_rows, share_rows):
        for row in group():
            ours, *theirs = timings(row, 4 if quick else row.repeats)
            sys.stdout.write(line(row, ours, theirs[0] if theirs else None))
            sys.stdout.flush()
    sys.stdout.write("\n| sweep of 1,000 x 100,000 bars | MB above the idle process |\n|---|---|\n")
    for name in ("ours", "vectorbt, 20 of the 1,000"):
        sys.stdout.write(f"| {name} | {sweep_megabytes(name == 'ours'):.0f} |\n")


if __name__ == "__main__":
    main()
