"""Notices what a user's code reads besides what it was given: files, networks, other programs.

An audit changes bars and looks whether values change; of a file that the code opens by itself it
knows nothing. One audit hook of the interpreter notices Python's own ways to open something. It is
added when it is first needed, cannot be removed (PEP 578), and does nothing outside of `watched`.
Libraries that open files in compiled code raise no event; `compiled_readers` wraps their functions.

Not noticed: what another process or a thread without a line of the user's reads, the clock, and the
environment.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from trading_pipeline.own_code.compiled_readers import wrapped_readers
from trading_pipeline.own_code.finder import is_own_file

__all__ = ["OutsideData", "not_audited", "watched"]

_PACKAGE = Path(__file__).parents[1]
_CODE = (
    ".py",
    ".pyc",
    ".pyi",
    ".so",
    ".pyd",
    ".dll",
    ".dylib",
    ".nbi",
    ".nbc",
    ".pth",
    ".egg-link",
)
_DATA = (".csv", ".parquet", ".feather", ".gz", ".zip", ".npz", ".npy", ".pkl", ".duckdb", ".db")
_SYSTEM = ("/dev", "/proc", "/sys", "/etc", "/lib", "/usr/lib", "/usr/share")
_HARMLESS_PROGRAMS = frozenset(["lscpu", "ldconfig", "uname", "sysctl", "gcc", "cc", "ld"])
"""Libraries start them to learn what machine they run on."""
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn")
_SHOWN = 3
_EVENTS = frozenset(
    ["open", "sqlite3.connect", "socket.connect", "urllib.Request", "os.fork", *_PROGRAMS]
)


class OutsideData:
    """What was read, in the order in which it was first seen: `"reads /data/vix.csv"`."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """One entry for each file, connection or program, as a verb and its object."""
        return tuple(self._seen)

    def add(self, note: str) -> None:
        """Note something; once is enough."""
        self._seen.setdefault(note)

    def add_file(self, path: object) -> None:
        """Note a file, unless it belongs to the interpreter, a library or the package."""
        if isinstance(path, (str, bytes, os.PathLike)):
            name = Path(os.fsdecode(path)).absolute()
            if not _is_ignored(name):
                self.add(f"reads {name}")


def not_audited(subject: str, notes: Sequence[str], *, read_from: str) -> str:
    """The sentence beside results of code that read something from outside; empty where none did.

    `read_from`: where the code finds declared inputs, such as `market.inputs`.

    >>> not_audited("The strategy 'dips'", ["reads /vix.csv"], read_from="market.inputs")[:49]
    "Not audited: The strategy 'dips' reads /vix.csv, "
    """
    if not notes:
        return ""
    shown = "; ".join(notes[:_SHOWN])
    more = f" and {len(notes) - _SHOWN} more" if len(notes) > _SHOWN else ""
    return (
        f"Not audited: {subject} {shown}{more}, of which no audit can take the future away. "
        f"Declare the file under 'inputs' and read it from {read_from} (docs/own-code.md)."
    )


_current: ContextVar[OutsideData | None] = ContextVar("outside_data", default=None)
_active: list[OutsideData] = []


@contextmanager
def watched(found: OutsideData) -> Iterator[None]:
    """Note in `found` what the code of the block reads from outside."""
    _install_hook()
    token = _current.set(found)
    _active.append(found)
    try:
        with wrapped_readers(_note_of_library):
            yield
    finally:
        _active.remove(found)
        _current.reset(token)


@cache
def _install_hook() -> None:
    sys.addaudithook(_hook)


def _note_of_library(path: object) -> None:
    found = _current.get()
    if found is not None:
        found.add_file(path)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or event not in _EVENTS:
        return
    found = _current.get()
    if found is None:
        # a thread that the user's code started knows nothing of the block
        if not _has_own_frame():
            return
        found = _active[-1]
    try:
        _note(found, event, arguments)
    except (TypeError, ValueError, AttributeError, IndexError):  # an error here would stop the code
        found.add(f"uses {event}")


def _note(found: OutsideData, event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or flags & os.O_ACCMODE != os.O_WRONLY:
            found.add_file(path)
    elif event == "sqlite3.connect":
        if arguments[0] not in (":memory:", b":memory:", ""):
            found.add_file(arguments[0])
    elif event == "socket.connect":
        address = arguments[1]
        host = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
        found.add(f"connects to {host}")
    elif event == "urllib.Request":
        found.add(f"reads {arguments[0]}")
    elif event == "os.fork":
        found.add("starts another process")
    else:
        program = _program(arguments)
        if Path(program).name not in _HARMLESS_PROGRAMS:
            found.add(f"runs the program {program}")


def _program(arguments: tuple[Any, ...]) -> str:
    given = arguments[1] if len(arguments) > 1 and arguments[1] else arguments[0]
    if isinstance(given, (list, tuple)):
        given = given[0]
    text = os.fsdecode(given)
    return text.split()[0] if text.split() else text


def _has_own_frame() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if is_own_file(frame.f_code.co_filename):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _is_ignored(path: Path) -> bool:
    lower = path.name.lower()
    if lower.endswith(_CODE):
        return True
    if path.is_relative_to(_PACKAGE):  # bars that are shipped are data like any other
        return not lower.endswith(_DATA)
    return any(path.is_relative_to(folder) for folder in _ignored_folders())


@cache
def _ignored_folders() -> tuple[Path, ...]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(kind) for kind in kinds]
    found += [f"{sys.base_prefix}/lib", f"{sys.prefix}/lib", *_SYSTEM]
    found += [os.environ.get("NUMBA_CACHE_DIR", "")]
    named = [Path(each) for each in found if each]
    return tuple(dict.fromkeys([*named, *(each.resolve() for each in named)]))
