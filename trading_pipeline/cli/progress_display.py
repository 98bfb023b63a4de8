"""Shows what is at work on standard error: stage, partition, how many there were, trials."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["TrialRate", "show_progress"]

_SECONDS_A_LINE = 5.0
_WINDOW = re.compile(r"\|\d{4}-\d{2}-\d{2}$")


class TrialRate:
    """How many trials of a study are done, at which rate, and how long the rest takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: tuple[float, int] | None = None

    def told(self, done: int, planned: int) -> str:
        """In words; the rate counts from the first call on, since trials on record cost nothing."""
        now = self._clock()
        if self._began is None:
            self._began = (now, done)
        seconds, made = now - self._began[0], done - self._began[1]
        text = f"{done:,} of {planned:,} trials"
        if seconds <= 0.0 or made <= 0:
            return text
        rate = made / seconds
        left = max(planned - done, 0) / rate
        minutes, rest = divmod(round(left), 60)
        return f"{text}, {rate:,.0f} a second, {minutes}:{rest:02d} left"


class _PartitionListener(logging.Handler):
    """Shows each record of the progress logger as the line of what is at work."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(level=logging.DEBUG)
        self._progress = progress
        self._task = progress.add_task("starting", total=None, partitions=0)
        self._trials, self._at = TrialRate(), ""

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "trials"):
            told = self._trials.told(*record.trials)
            self._progress.update(self._task, description=f"{self._at} [green]{told}[/]")
            return
        waiting = getattr(record, "waiting", "")
        if waiting:
            self._progress.console.print(waiting, markup=False, highlight=False, soft_wrap=True)
            self._progress.update(self._task, description="waiting")
            return
        asset = getattr(record, "asset", "")
        partition = getattr(record, "partition", "")
        self._trials, self._at = TrialRate(), f"{asset} [cyan]{partition}[/]"
        self._progress.update(self._task, description=self._at, advance=1)


@contextmanager
def show_progress(console: Console) -> Iterator[None]:
    """Show progress during the block; one plain line a stage where there is no terminal."""
    logger = logging.getLogger("trading_pipeline.progress")
    before = (logger.level, logger.propagate)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # not into the run's event log: it would be a row a partition
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.completed} partitions[/]"),
        TimeElapsedColumn(),
    )
    handler: logging.Handler
    try:
        if console.is_terminal:
            with Progress(*columns, console=console, transient=True) as progress:
                handler = _PartitionListener(progress)
                logger.addHandler(handler)
                yield
        else:
            handler = _StageLines(console)
            logger.addHandler(handler)
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _StageLines(logging.Handler):
    """Prints a line when another asset or instrument comes to work."""

    def __init__(self, console: Console) -> None:
        super().__init__(level=logging.DEBUG)
        self._console, self._last = console, ""
        self._trials, self._next_line = TrialRate(), 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "trials"):
            told = self._trials.told(*record.trials)
            if time.monotonic() >= self._next_line:
                self._print(told)
            return
        self._trials, self._next_line = TrialRate(), time.monotonic() + _SECONDS_A_LINE
        name = _WINDOW.sub("", str(getattr(record, "partition", "")))
        line = getattr(record, "waiting", "")
        line = line or f"{getattr(record, 'asset', '')} {name}".strip()
        if line != self._last:
            self._print(line)
            self._last = line

    def _print(self, line: str) -> None:
        self._next_line = time.monotonic() + _SECONDS_A_LINE
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
