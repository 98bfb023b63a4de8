"""The work of a sweep: batches of combinations through their loops, watched and stoppable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.run_control import Cancelled, Progress, run_blocks, usable_threads
from trading_pipeline.backtest.sweeps.checkpoint import Progressed
from trading_pipeline.backtest.sweeps.plan_trading import Plan, SharedInputs, trading_of
from trading_pipeline.backtest.sweeps.source import Source
from trading_pipeline.domain.row_threads import allow_threads
from trading_pipeline.errors import RunCancelledError

__all__ = ["Watch", "trade_all"]

_BARS_A_BLOCK = 4_000_000  # about 10 milliseconds of work: short enough to be stopped at once
_MOST_A_BLOCK = 256


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How a sweep is watched: `after` is called between blocks, with what has been done."""

    threads: int | None = None
    progress: Progress | None = None
    cancelled: Cancelled | None = None
    after: Callable[[], object] = lambda: None


def trade_all(
    shared: SharedInputs,
    source: Source,
    numbers: IntArray,
    into: Progressed,
    watch: Watch,
    *,
    memory_bytes: float,
    equity: FloatArray | None = None,
) -> None:
    """Trade the combinations `numbers` (rising) and write their rows of `into`.

    `equity`: gets one row for each of `numbers`. A combination that fails has its error in `into`
    and NaN as numbers. Raises `RunCancelledError` where it was stopped; what was finished by then
    stays in `into`.
    """
    with allow_threads(usable_threads(watch.threads)):
        for part, plan in source.batches(numbers, memory_bytes):
            places = None if equity is None else np.searchsorted(numbers, part)
            batch = _Batch(shared, source, part, into, equity, places)
            before, total = into.done, len(into.finished)

            def told(done: int, _: int, before: int = before, total: int = total) -> None:
                watch.after()
                if watch.progress is not None:
                    watch.progress(before + done, total)

            if plan is None:
                batch.by_signals(watch, told)
            else:
                batch.by_plan(plan, watch, told)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Combinations `part` of a source, and where their numbers go."""

    shared: SharedInputs
    source: Source
    part: IntArray
    into: Progressed
    equity: FloatArray | None
    places: IntArray | None

    def by_plan(self, plan: Plan, watch: Watch, told: Progress) -> None:
        """Through the fast loops, in threads."""
        trading = trading_of(self.shared, plan)

        def work(first: int, last: int) -> None:
            stats = np.zeros((last - first, codes.S_COUNT))
            curves = np.empty((0 if self.equity is None else last - first, len(self.shared.bars)))
            refused = trading.trade(first, last, stats, curves)
            self._write(first, last, stats, curves, refused)

        step = max(1, min(_MOST_A_BLOCK, _BARS_A_BLOCK // len(self.shared.bars)))
        blocks = [(at, min(at + step, len(plan))) for at in range(0, len(plan), step)]
        run_blocks(work, blocks, threads=watch.threads, progress=told, cancelled=watch.cancelled)

    def by_signals(self, watch: Watch, told: Progress) -> None:
        """Through the loop of the single run, in the caller's thread: strategies are Python."""
        for at in range(len(self.part)):
            if watch.cancelled is not None and watch.cancelled():
                raise RunCancelledError("The sweep was stopped.")
            failed = np.ones(1, dtype=np.bool_)
            nothing = np.empty((1, codes.S_COUNT)), np.empty((0, 0))
            self._write(at, at + 1, *nothing, failed)
            told(at + 1, len(self.part))

    def _write(
        self, first: int, last: int, stats: FloatArray, curves: FloatArray, refused: BoolArray
    ) -> None:
        """Keep the numbers of a block; what the fast loops refused runs alone."""
        chosen = self.part[first:last]
        if self.equity is not None and self.places is not None and len(curves):
            self.equity[self.places[first:last]] = curves
        for at in np.flatnonzero(refused):
            stats[at] = self._alone(first + int(at))
        self.into.stats[chosen] = stats
        self.into.finished[chosen] = True

    def _alone(self, at: int) -> FloatArray | float:
        """Statistics of one combination by a single run; NaN, and its error kept, if it fails."""
        number, shared = int(self.part[at]), self.shared
        try:
            signals = self.source.signals(number)
            run = run_backtest(shared.bars, signals, shared.settings, actions=shared.actions)
        except MemoryError:
            raise
        except Exception as error:  # recorded: one combination does not end the sweep
            self.into.errors[number] = str(error) or type(error).__name__
            return np.nan
        if self.equity is not None and self.places is not None:
            self.equity[self.places[at]] = run.equity
        return run.stats
