"""The walk from functions to all that they reach, and the hash of what was found."""

from __future__ import annotations

import ast
import functools
import gc
import hashlib
import inspect
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from trading_pipeline.code_identity.kept_hashes import KeptHashes
from trading_pipeline.code_identity.modules import Module, module_path, parsed, read_text
from trading_pipeline.code_identity.plain_code import FUNCTIONS, Target, Unit
from trading_pipeline.errors import ConfigurationError

__all__ = ["STOPS", "SourceTree"]

_PACKAGE = __name__.partition(".")[0]
STOPS = tuple(
    f"{_PACKAGE}.{name}"
    for name in (
        "code_identity",
        "own_code",
        "errors",
        "storage",
        "settings.catalog",
        "settings.environment",
        "settings.yaml_files",
        "models.registry.model_files",
        "stages.backtests.trial_identity",  # what counts as another trial
        "backtest.notebook_view",  # shows a result and makes none
        "stages.backtests.shown_result",  # what the UI shows of one
        "stages.backtests.result_lineage",  # says what a result was made with, and makes none
        "stages.features.unaudited",  # warnings
        "stages.reports.drawn_lines",  # reads inputs; the id of a result covers what is drawn
        "stages.features.known_findings",  # refuses, and changes no value
        "stages.models.primary_signals",  # its code is part of the hash of a meta model's features
        "stages.outcome",  # progress
        "stages.workspace",
        # look-ups by name: what was found is a root of its own, and no other entry counts
        "features.sets.registry",
        "models.predictors.catalogue",
        "stages.registries",
        "strategies.catalogue",
    )
)
"""Modules, and definitions in them, at which the walk stops; each stands for all below it."""


class _Place(NamedTuple):
    """A definition: a name at the top level of a module; `*` stands for the whole module."""

    module: str
    name: str


@dataclass(frozen=True)
class _Root:
    """A function or class by its place; `line` finds one that has no name, such as a lambda."""

    module: str
    name: str
    line: int = 0
    given: str = ""
    """Arguments of a `functools.partial` and values kept by a closure, as text."""


class SourceTree:
    """Source texts as they are reached, and the hashes made from them; `read` gives a file's text.

    Texts of this package are read once: the code that runs is the one that was imported. Those of
    other roots are read each time, because a user's file can be loaded again in the same process.
    `kept`: hashes of this package's code that earlier processes made; with another `read` they are
    of other texts, and are left alone.
    """

    def __init__(self, read: Callable[[Path], str | None] = read_text) -> None:
        self._read = read
        self._texts: dict[str, str | None] = {}
        self._modules: dict[str, tuple[str, Module]] = {}
        self._lines: dict[tuple[str, int], tuple[str, list[tuple[str, int]]]] = {}
        self._hashes: dict[tuple[_Root, ...], tuple[str, dict[str, str]]] = {}
        self.kept: KeptHashes | None = None

    def code_hash(self, *roots: object) -> str:
        """As the function `code_hash`, on these texts."""
        found = tuple(sorted({r for each in roots for r in _roots_of(each)}, key=repr))
        kept = self._hashes.get(found)
        # package code follows no other, so its hash follows from the package's files
        can_be_kept = self._read is read_text and all(_of_package(each.module) for each in found)
        file = self.kept if can_be_kept else None
        if kept is None and file is not None and (stored := file.get(repr(found))) is not None:
            kept = self._hashes[found] = (stored, {})
        if kept is None or any(self._text(name) != text for name, text in kept[1].items()):
            with _no_garbage_collection():
                parts, modules = self._walk(found)
            digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
            foreign = (m for m in modules if not _of_package(m))
            kept = self._hashes[found] = (digest, {m: self._modules[m][0] for m in foreign})
            if file is not None:
                file.keep(repr(found), digest)
        return kept[0]

    def reached_modules(self, *roots: object) -> set[str]:
        """Names of the modules whose definitions are part of the hash."""
        return self._walk([r for each in roots for r in _roots_of(each)])[1]

    def _walk(self, roots: Iterable[_Root]) -> tuple[list[str], set[str]]:
        """A line for each root and each statement reached, sorted, and the modules they are in."""
        lines: set[str] = set()
        done: set[tuple[str, int]] = set()
        waiting: list[tuple[str, int]] = []
        for root in roots:
            units = self._units_of_root(root)
            lines.add(f"root {root.given} {self._digest(units)}")
            waiting += units
        while waiting:
            at = waiting.pop()
            if at in done:
                continue
            done.add(at)
            line, reached = self._line_of(at)
            lines.add(line)
            waiting += reached
        return sorted(lines), {name for name, _ in done}

    def _line_of(self, at: tuple[str, int]) -> tuple[str, list[tuple[str, int]]]:
        """Hash of a statement with the meaning of its names, and the statements that they reach.

        Kept for statements of this package: they name no other, and its texts are read once.
        """
        kept = self._lines.get(at)
        if kept is not None:
            return kept
        module = self._module(at[0])
        unit = module.unit(at[1])
        bound = []
        reached: list[tuple[str, int]] = []
        for chain in sorted(unit.chains):
            meaning = self._resolve(module, unit, chain)
            if isinstance(meaning, _Place):
                units = self._units(meaning)
                reached += units
                bound.append([".".join(chain), self._digest(units)])
            elif meaning is not None:
                bound.append([".".join(chain), meaning])
        reached += self._noted_classes(module, unit)
        files = [text for name in unit.files if (text := self._data_file(module, name))]
        found = _sha256(repr([unit.text, bound, sorted(files)])), reached
        if at[0].partition(".")[0] == _PACKAGE:
            self._lines[at] = found
        return found

    def _units_of_root(self, root: _Root) -> list[tuple[str, int]]:
        if self._text(root.module) is None:
            raise ConfigurationError(
                f"The source text of the module {root.module!r} cannot be read, so a change of its "
                "code would go unseen. Put the code into a file.",
                module=root.module,
            )
        module = self._module(root.module)
        numbers = module.numbers(root.name) or [*module.at_line(root.line)]
        return [(root.module, number) for number in numbers or module.all_numbers()]

    def _units(self, place: _Place) -> list[tuple[str, int]]:
        module = self._module(place.module)
        whole = place.name == "*"
        numbers = module.all_numbers() if whole else module.numbers(place.name)
        return [(place.module, number) for number in numbers]

    def _digest(self, units: Iterable[tuple[str, int]]) -> str:
        return " ".join(sorted(self._module(name).unit(n).digest for name, n in units))

    def _noted_classes(self, module: Module, unit: Unit) -> list[tuple[str, int]]:
        """Classes that the annotations name, directly or by an alias."""
        found: list[tuple[str, int]] = []
        waiting = [(module, unit, chain) for chain in unit.noted]
        seen: set[_Place] = set()
        while waiting:
            place = self._resolve(*waiting.pop())
            if not isinstance(place, _Place) or place in seen:
                continue
            seen.add(place)
            for name, number in self._units(place):
                home = self._module(name)
                if isinstance(home.statements[number], ast.ClassDef):
                    found.append((name, number))
                elif not isinstance(home.statements[number], FUNCTIONS):
                    alias = home.unit(number)
                    waiting += [(home, alias, chain) for chain in alias.chains]
        return found

    def _resolve(self, module: Module, unit: Unit, chain: tuple[str, ...]) -> _Place | str | None:
        """The place of a dotted name, the name of what is in a library, None for a built-in."""
        first, rest = chain[0], chain[1:]
        if unit.owner and first == "self":
            return self._method(module, unit.owner, rest[0]) if rest else None
        if first in unit.imports:
            return self._locate(*unit.imports[first], rest, module)
        if first in module.places:
            return self._inside(_Place(module.name, first))
        if first in module.imports:
            return self._locate(*module.imports[first], rest, module)
        if first in module.exports and chain in unit.noted:
            return self._locate(*module.exports[first], rest, module)
        for star in module.stars:
            if self._follows(star, module) and first in self._module(star).places:
                return self._inside(_Place(star, first))
        return None

    def _method(self, module: Module, owner: str, name: str) -> _Place | None:
        """A method of a class or of the nearest of its bases that has it."""
        if module.numbers(f"{owner}.{name}"):
            return _Place(module.name, f"{owner}.{name}")
        for number in module.numbers(owner):
            unit = module.unit(number)
            for base in unit.bases:
                found = self._resolve(module, unit, base)
                if isinstance(found, _Place):
                    method = self._method(self._module(found.module), found.name, name)
                    if method is not None:
                        return method
        return None

    def _locate(
        self, name: str, member: str | None, rest: tuple[str, ...], asked: Module
    ) -> _Place | str:
        """Where `name.member.rest` is defined; packages that pass it on are looked through."""
        if not self._follows(name, asked):
            return f"{name}.{member}" if member else name
        if member is None:
            if not rest:
                return self._inside(_Place(name, "*"))
            return self._locate(name, rest[0], rest[1:], asked)
        module = self._module(name)
        if member in module.places:
            return self._inside(_Place(name, member))
        passed_on = module.imports.get(member) or module.exports.get(member)
        if passed_on not in (None, Target(name, member)):
            return self._locate(*passed_on, rest, module)
        below = f"{name}.{member}"
        return self._locate(below, None, rest, asked) if self._text(below) is not None else member

    def _inside(self, place: _Place) -> _Place | str:
        """The place, or only its name where the walk stops at it."""
        path = f"{place.module}.{place.name}"
        return "stop" if any(f"{path}.".startswith(f"{stop}.") for stop in STOPS) else place

    def _follows(self, name: str, asked: Module) -> bool:
        """True for modules of this package, of the asking one's, and beside a user's own file."""
        if name.partition(".")[0] not in (_PACKAGE, asked.name.partition(".")[0]):
            path = module_path(name)
            if path is None or path.parent != asked.path.parent or asked.name.startswith(_PACKAGE):
                return False
        return self._text(name) is not None

    def _module(self, name: str) -> Module:
        text = self._text(name) or ""
        kept = self._modules.get(name)
        if kept is None or kept[0] != text:
            path = module_path(name) or Path(name)
            kept = self._modules[name] = (text, parsed(name, path, text))
        return kept[1]

    def _text(self, name: str) -> str | None:
        if name not in self._texts:
            path = module_path(name)
            text = None if path is None else self._read(path)
            if name.partition(".")[0] != _PACKAGE:
                return text
            self._texts[name] = text
        return self._texts[name]

    def _data_file(self, module: Module, name: str) -> str | None:
        """Text of a script or style, looked for in the module's folder and those above it."""
        for folder in module.path.parents[: module.name.count(".")]:
            text = self._read(folder / name) if (folder / name).is_file() else None
            if text is not None:
                return "\n".join(text.splitlines())
        return None


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Syntax trees are many small objects in no cycle; searching them takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _roots_of(root: Any) -> Iterator[_Root]:
    if isinstance(root, functools.partial):
        keywords = sorted(root.keywords.items())
        held, given = _split([*root.args, *(value for _, value in keywords)])
        given += [name for name, _ in keywords]
        inner = _roots_of(root.func)
    else:
        function = getattr(root, "py_func", root)  # numba keeps the function that it compiled
        function = inspect.unwrap(getattr(function, "__func__", function))
        if not isinstance(function, type) and not inspect.isroutine(function):
            function = type(function)
        held, given = _split(_captured(function))
        if inspect.ismethod(root):
            held.append(type(root.__self__))
        code = getattr(function, "__code__", None)
        name = function.__qualname__.partition(".<locals>")[0]
        name = name.partition(".")[0] if isinstance(function, type) else name
        inner = iter([_Root(function.__module__, name, code.co_firstlineno if code else 0)])
    for each in held:
        yield from _roots_of(each)
    for found in inner:
        yield replace(found, given=found.given + (repr(given) if given else ""))


def _captured(function: Any) -> list[Any]:
    """Values that a function made by another one keeps from it."""
    if "<" not in function.__qualname__ or isinstance(function, type):
        return []
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return [each for each in (*cells, *defaults) if each is not function]


def _split(values: list[Any]) -> tuple[list[Any], list[Any]]:
    """Functions and classes to follow as roots of their own, and what else its text can tell."""
    followed = [each for each in values if callable(each) and not _is_of_library(each)]
    named = [f"{each.__module__}.{each.__qualname__}" for each in values if _is_of_library(each)]
    plain = (str, bytes, int, float, tuple, frozenset, type(None))
    told = [each for each in values if isinstance(each, plain) and " at 0x" not in repr(each)]
    return followed, [*named, *told]


def _is_of_library(value: Any) -> bool:
    name = getattr(value, "__module__", None)
    if not isinstance(name, str) or not hasattr(value, "__qualname__"):
        return False
    path = module_path(name)
    folders = [Path(sysconfig.get_path(each)) for each in ("stdlib", "purelib", "platlib")]
    outside = path is None or any(path.is_relative_to(each) for each in folders)
    return outside and name.partition(".")[0] != _PACKAGE


def _of_package(module: str) -> bool:
    return module.partition(".")[0] == _PACKAGE


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
