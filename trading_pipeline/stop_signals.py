"""Stops from outside: Ctrl-C (SIGINT) and SIGTERM end a program in one line, wherever it is.

Python turns a signal into an exception at an arbitrary place, and what runs there may swallow it: a
library's callback, a query, the engine of a run that delays it. So the interpreter also notes every
signal in a pipe (`signal.set_wakeup_fd`), and what works in steps asks between them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

__all__ = ["StopRequested", "raise_if_stopped", "stop_received", "stoppable"]

_STOPS = (signal.SIGINT, signal.SIGTERM)
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StopRequested(KeyboardInterrupt):
    """Somebody asked the program to stop; `number` is that of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {_name(number)}")
        self.number = number


class _Watch:
    """What is known of the signals of a `stoppable` block."""

    pipe: int | None = None
    received: int | None = None
    ignores_interrupts = False


_watch = _Watch()


@contextlib.contextmanager
def stoppable(command: str) -> Iterator[None]:
    """Let a signal end the block, and the program, with one line and exit code 128 + its number.

    `command`: what goes on with the work, for that line. Outside of the main thread, and inside of
    another such block, nothing is changed. Where SIGINT is ignored, as behind `nohup ... &` of a
    shell, it still is.
    """
    if _watch.pipe is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _watching():
        try:
            yield
        except BaseException as error:
            number = stop_received()
            if number is None and isinstance(error, KeyboardInterrupt):
                number = int(signal.SIGINT)
            if number is None or os.environ.get("TRADING_PIPELINE_DEBUG"):
                raise
            _end(number, command)


def stop_received() -> int | None:
    """Number of the first signal to stop since the block began; None where there was none."""
    if _watch.pipe is not None and _watch.received is None:
        with contextlib.suppress(BlockingIOError):
            for number in os.read(_watch.pipe, 4096):
                if number in _STOPS and not (_watch.ignores_interrupts and number == _STOPS[0]):
                    _watch.received = number
                    break
    return _watch.received


def raise_if_stopped() -> None:
    """Raise `StopRequested` where a signal was received, also one that was swallowed."""
    number = stop_received()
    if number is not None:
        raise StopRequested(number)


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in _STOPS}
    hook, last_resort = sys.unraisablehook, logging.lastResort
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    _watch.pipe, _watch.received = reader, None
    _watch.ignores_interrupts = before[signal.SIGINT] is signal.SIG_IGN
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        for each in _STOPS:
            if before[each] is not signal.SIG_IGN or each == signal.SIGINT:
                signal.signal(each, _stop)
        sys.unraisablehook = _quiet_after_a_stop
        yield
    finally:
        signal.set_wakeup_fd(former)
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        sys.unraisablehook, logging.lastResort = hook, last_resort
        _watch.pipe = _watch.received = None
        os.close(reader)
        os.close(writer)


def _stop(number: int, _: FrameType | None) -> None:
    """The handler of both signals: a library that sets that of SIGTERM to that of SIGINT may."""
    if number == signal.SIGINT and _watch.ignores_interrupts:
        return
    logging.lastResort = logging.NullHandler()  # libraries tell of the interruption, with traces
    raise StopRequested(number)


def _quiet_after_a_stop(unraisable: Any) -> None:
    """An interruption inside of a finalizer is noted already; Python would print its trace."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _end(number: int, command: str) -> NoReturn:
    for each in _STOPS:
        signal.signal(each, signal.SIG_DFL)  # a second Ctrl-C ends it at once
    sys.stderr.write(f"Stopped ({_name(number)}). What was done is kept; go on with: {command}\n")
    sys.stderr.flush()
    raise SystemExit(128 + number) from None


def _name(number: int) -> str:
    return _NAMES.get(signal.Signals(number), str(number))
