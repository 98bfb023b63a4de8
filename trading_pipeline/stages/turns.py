"""Turns: two processes that want the same work done do it one after the other.

A turn is a claim in `runtime/locks/` (`settings/claims.py`), so a process that is killed gives its
turn back. Who comes second waits without a limit, and asks what is pending after the wait, when it
is done. There are two kinds, always taken in this order: a pass has the turn at an instrument
while it looks what is missing there and runs it; an asset has the turn at its own partitions of an
instrument while it materializes them, whoever started the run.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trading_pipeline.settings.claims import owner_of, release_claim, remove_dead, take_claim
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.stages.outcome import tell_wait
from trading_pipeline.storage.leftovers import sweep

__all__ = ["free_turn", "locks_folder", "sweep_workspace", "turn_at"]

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.2
_TELL_AFTER_SECONDS = 0.3
_READABLE = 60
_ENDING = ".turn"


def locks_folder(settings: PipelineSettings) -> Path:
    """Where processes say what they are at; empty where nothing runs."""
    return settings.runtime / "locks"


def sweep_workspace(settings: PipelineSettings) -> list[Path]:
    """Remove what killed processes left in the project's folders; gives what is gone.

    The claims of runs stay: whoever closes the runs in Dagster's records needs them.
    """
    folders = ("cache", "models", "output", "inbox", "datasets", "config", "dagster")
    gone = sweep([getattr(settings, name) for name in folders], settings.warehouse_path)
    for path in locks_folder(settings).glob(f"*{_ENDING}"):
        remove_dead(path)
    return gone


@contextmanager
def turn_at(settings: PipelineSettings, kind: str, what: str = "") -> Iterator[None]:
    """Have the turn at a piece of work during the block; waits for whoever has it.

    `kind`: "pass", or the name of an asset. `what`: the instrument or file. A wait is told once,
    with the process that is waited for. Raises `OSError` where the folder cannot be written.
    """
    path = _place(locks_folder(settings), kind, what)
    started, pause, told = time.monotonic(), _FIRST_PAUSE_SECONDS, False
    while (descriptor := _taken(path)) is None:
        if not told and time.monotonic() - started >= _TELL_AFTER_SECONDS:
            told = True
            owner = owner_of(path) or "another process"
            tell_wait(f"waiting for {owner}: it does the same ({f'{kind} {what}'.strip()})")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    try:
        yield
    finally:
        release_claim(path, descriptor)


def free_turn(settings: PipelineSettings, kind: str, what: str = "") -> ExitStack | None:
    """The turn of `turn_at` until the stack is closed; None where another process has it."""
    path = _place(locks_folder(settings), kind, what)
    descriptor = _taken(path)
    if descriptor is None:
        return None
    turn = ExitStack()
    turn.callback(release_claim, path, descriptor)
    return turn


def _taken(path: Path) -> int | None:
    try:
        return take_claim(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return take_claim(path)


def _place(folder: Path, kind: str, what: str) -> Path:
    """A name that every file system takes, and that differs where the work does."""
    key = hashlib.sha256(f"{kind}\n{what}".encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", f"{kind}-{what}").strip("-")[:_READABLE]
    return folder / f"{readable}-{key}{_ENDING}"
