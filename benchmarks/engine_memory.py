"""Memory of a sweep: the peak resident set of a separate process, less its idle one."""

from __future__ import annotations

import multiprocessing
import warnings
from pathlib import Path
from typing import Any

from benchmarks.engine_markets import COSTS, market, sweep
from benchmarks.engine_peers import vectorbt_sweep
from trading_pipeline.backtest import validate_bars

__all__ = ["sweep_megabytes"]

_ROWS, _SOME = 100_000, 20
_STATUS = Path("/proc/self/status")


def _forget_peak() -> None:
    """Reset the kernel's peak resident set; the one of getrusage is inherited from the parent."""
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """Peak resident set in MB; NaN if the system does not report it."""
    if not _STATUS.exists():
        return float("nan")
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _measure(ours: bool, answer: Any) -> None:
    warnings.simplefilter("ignore")
    small, frame = market(2_000), market(_ROWS)
    if ours:
        sweep(validate_bars(small), COSTS)  # compiled code is not counted
        bars = validate_bars(frame)
        _forget_peak()
        idle = _peak()
        sweep(bars, COSTS)
    else:
        warm, work = vectorbt_sweep(small, 2), vectorbt_sweep(frame, _SOME)
        if warm is None or work is None:
            answer.put(float("nan"))
            return
        warm()
        _forget_peak()
        idle = _peak()
        work()
    answer.put(_peak() - idle)


def sweep_megabytes(ours: bool) -> float:
    """MB that a sweep over 100,000 bars takes: ours of 1,000 combinations, or vectorbt's of 20."""
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.Queue()
    process = spawn.Process(target=_measure, args=(ours, answer))
    process.start()
    megabytes = float(answer.get())
    process.join()
    return megabytes
