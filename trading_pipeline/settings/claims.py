"""Claims: files by which a process says that it is at work on something.

A claim is a file that its owner keeps locked (`flock`), so it ends with the owner, however that
ends: the kernel lets go of the lock. No process id decides, since ids are used again. A claim that
is released is removed; what a killed process leaves is a file that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

__all__ = [
    "claimed",
    "is_held",
    "make_claim",
    "mark",
    "own_command",
    "owner_of",
    "release_claim",
    "remove_dead",
    "state_of",
    "take_claim",
]

_OWN_PROGRAM = "trading-pipeline"
_SHOWN_COMMAND = 80
_RECORD_BYTES = 1_000


def take_claim(path: Path | str) -> int | None:
    """Take a claim and give its file descriptor; None where another holds it.

    Raises `OSError` where the file cannot be made; on a full disk the claim holds, only its record
    is missing.
    """
    try:
        return _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB, "")
    except BlockingIOError:
        return None


def make_claim(path: Path | str, *, state: str = "") -> int:
    """Take a claim of a name that is this caller's own; only a look of `is_held` is waited for.

    `state`: a word that is stored with who holds it; `mark` changes it. Raises as `take_claim`.
    """
    return _locked(path, fcntl.LOCK_EX, state)


def _locked(path: Path | str, mode: int, state: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, mode)
            found = os.fstat(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if found.st_nlink:  # else it was removed between the two calls
            with contextlib.suppress(OSError):
                if found.st_size:
                    os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _record(state), 0)
            return descriptor
        os.close(descriptor)


def mark(descriptor: int, state: str) -> None:
    """Change the word of a claim that is held; it must be as long as the one before."""
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, state.encode(), 0)


def release_claim(path: Path | str, descriptor: int) -> None:
    """Let go of a claim and remove its file."""
    with contextlib.suppress(OSError):
        Path(path).unlink()
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file open still
    os.close(descriptor)


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Hold a claim of this caller's own name during the block."""
    descriptor = make_claim(path)
    try:
        yield
    finally:
        release_claim(path, descriptor)


def is_held(path: Path | str) -> bool:
    """True where a live process holds the claim, and where that cannot be known."""
    return not _is_free(path, fcntl.LOCK_SH)


def remove_dead(path: Path | str) -> bool:
    """Remove a claim that nobody holds; True where it is gone now."""
    return _is_free(path, fcntl.LOCK_EX, then=Path(path).unlink)


def _is_free(path: Path | str, mode: int, then: Callable[[], None] | None = None) -> bool:
    """True where nobody holds a claim that is there; `then` is done while it is locked here."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        if then is not None and os.fstat(descriptor).st_nlink:
            then()
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def owner_of(path: Path | str, doing: str = "at work") -> str | None:
    """Who holds a claim, in words; None where nobody does or nothing is recorded."""
    try:
        _, _, text = Path(path).read_text(encoding="utf-8").partition("{")
        record = json.loads("{" + text)
        pid, host = int(record["pid"]), str(record["host"])
        told = f"process {pid} on {host} ({record['command']}), {doing} since {record['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not is_held(path):
        return None
    if host == socket.gethostname() and not _is_alive(pid):
        return f"a process that was started by {told}, and that goes on after it"
    return told


def state_of(path: Path | str) -> str:
    """The word of a claim; empty where none is recorded."""
    try:
        return Path(path).read_text(encoding="utf-8").partition("{")[0]
    except (OSError, ValueError):
        return ""


def _record(state: str) -> bytes:
    who = {**_who(os.getpid()), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    return (state + json.dumps(who)).encode()[:_RECORD_BYTES]


@functools.lru_cache(maxsize=2)
def _who(pid: int) -> dict[str, object]:
    return {"pid": pid, "host": socket.gethostname(), "command": own_command()}


def own_command() -> str:
    """What runs here; the arguments of this package's own program only, as others may be secret."""
    name = Path(sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c") else sys.executable).name
    if name == _OWN_PROGRAM:
        name = " ".join([name, *sys.argv[1:]])
    return name if len(name) <= _SHOWN_COMMAND else f"{name[:_SHOWN_COMMAND]}..."


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
