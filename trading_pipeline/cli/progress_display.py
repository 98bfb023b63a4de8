"""Shows what is at work on standard error: stage, partition, and how many there were."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["show_progress"]

_WINDOW = re.compile(r"\|\d{4}-\d{2}-\d{2}$")


class _PartitionListener(logging.Handler):
    """Shows each record of the progress logger as the line of what is at work."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(level=logging.DEBUG)
        self._progress = progress
        self._task = progress.add_task("starting", total=None, partitions=0)

    def emit(self, record: logging.LogRecord) -> None:
        waiting = getattr(record, "waiting", "")
        if waiting:
            self._progress.console.print(waiting, markup=False, highlight=False, soft_wrap=True)
            self._progress.update(self._task, description="waiting")
            return
        asset = getattr(record, "asset", "")
        partition = getattr(record, "partition", "")
        self._progress.update(self._task, description=f"{asset} [cyan]{partition}[/]", advance=1)


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

    def emit(self, record: logging.LogRecord) -> None:
        name = _WINDOW.sub("", str(getattr(record, "partition", "")))
        line = getattr(record, "waiting", "")
        line = line or f"{getattr(record, 'asset', '')} {name}".strip()
        if line != self._last:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._last = line
