"""Runs a user's code in fresh modules, so that what it remembers between calls shows in an audit.

A value that a module, a class, a cache or an object kept from the whole series would make every
later computation on fewer bars look right. A copy made anew knows only what it is given.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import time
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Generic, Protocol, TypeVar

from trading_pipeline.own_code.finder import FreshPackage, is_own_module
from trading_pipeline.own_code.outside_data import OutsideData, watched

__all__ = ["Copies", "FreshCopies", "confirmed"]

Found = TypeVar("Found")
Result = TypeVar("Result")
Take = Callable[[Callable[[str], ModuleType]], Found]
"""Gets a function that imports the new module in place of an original one."""

_LEAST_COPIES = 6
_COPY_SECONDS = 0.1  # CPU time that one audit spends on copies beyond the first ones
_WORTH_MEASURING_SECONDS = 0.02


class Copies(Protocol):
    """What makes copies: says whether it used one again, and can stop doing so."""

    @property
    def reused(self) -> bool:
        """True once a copy was used that remembered an earlier use."""

    def take_anew(self) -> None:
        """From now on make a copy for each use."""


def confirmed(copies: Copies, find: Callable[[], list[Result]]) -> list[Result]:
    """What `find` finds; once more with a copy for each use where one was used again.

    A cache whose key leaves out a part of what it was computed from gives wrong values only to a
    copy that is used twice, and is no reason to refuse anything.
    """
    found = find()
    if found and copies.reused:
        copies.take_anew()
        found = find()
    return found


class FreshCopies(Generic[Found]):
    """Copies of what a user's modules give: a new one for each use, as long as that is cheap.

    The first six uses have a copy each, whatever it costs; then copies may take 0.1 s in all, and
    the newest one is used again. (A file with a compiled kernel of its own compiles it again with
    each copy.) Code that is no user's is used as it is.

    Parameters
    ----------
    module
        Name of one of the user's modules; those beside it are made anew with it.
    take
        Gives what is wanted of the new modules.
    original
        What is used where the module is no user's file, or cannot be run a second time.
    """

    def __init__(self, module: str, take: Take[Found], original: Found) -> None:
        self._original, self._take = original, take
        self._package = module.rpartition(".")[0] if is_own_module(module) else None
        self._outside = OutsideData()
        self._newest: tuple[FreshPackage, Found] | None = None
        self._copies, self._copy_seconds, self._spent_seconds = 0, 0.0, 0.0
        self._is_broken = self._always = False
        self.reused = False
        """True once a copy was used that remembered an earlier use."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the code read from outside so far, and where it could not be run anew."""
        return self._outside.notes

    def run(self, work: Callable[[Found], Result]) -> Result:
        """What `work` gives for a fresh copy."""
        if self._package is None:  # code of the package, or made where there is no file
            return work(self._original)
        with watched(self._outside):
            if not self._may_copy():
                self.reused = True
                return self._again(work)
            began = time.thread_time()
            if not self._load():
                return work(self._original)
            loaded = time.thread_time()
            result = self._again(work)
            took = time.thread_time() - began
            if self._copies == 1:
                self._copy_seconds = max(loaded - began, self._beyond_work(took, work))
            self._spent_seconds += self._copy_seconds
        return result

    def take_anew(self) -> None:
        """From now on make a copy for each use, whatever it costs."""
        self._always, self.reused = True, False

    def _may_copy(self) -> bool:
        if self._is_broken:
            return False
        if self._always or self._copies < _LEAST_COPIES:
            return True
        return self._spent_seconds + self._copy_seconds <= _COPY_SECONDS

    def _beyond_work(self, took: float, work: Callable[[Found], Result]) -> float:
        """Seconds that the copy cost beyond the work, such as for compiling a kernel."""
        if took < _WORTH_MEASURING_SECONDS:
            return 0.0
        began = time.thread_time()
        self._again(work)
        return took - (time.thread_time() - began)

    def _again(self, work: Callable[[Found], Result]) -> Result:
        if self._newest is None:
            return work(self._original)
        package, found = self._newest
        with package:
            return work(found)

    def _load(self) -> bool:
        package = FreshPackage(self._package or "")
        try:
            # what the file prints or warns of was said when it was loaded first
            with (
                package,
                warnings.catch_warnings(),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                warnings.simplefilter("ignore")
                found = self._take(lambda name: importlib.import_module(package.module_name(name)))
        except (Exception, SystemExit) as error:
            self._outside.add(
                f"cannot be run a second time in one process ({type(error).__name__}: {error})"
            )
            self._newest, self._is_broken = None, True
            return False
        self._newest, self._copies = (package, found), self._copies + 1
        return True
