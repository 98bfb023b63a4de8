"""Imports a user's files from their texts, as packages that come and go.

Each set of texts is a package of its own, whose name tells folder and texts apart: two folders do
not mix, a changed file is a new module, and what is hashed is what runs. A package can be made anew
beside the first one (`FreshPackage`), so that nothing of what its modules remember is there.
"""

from __future__ import annotations

import itertools
import linecache
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from trading_pipeline.domain.hashing import short_hash

__all__ = ["FreshPackage", "is_own_file", "is_own_module", "package_of"]

_PREFIX = "own_code_"
_numbers = itertools.count(1)


def package_of(texts: Mapping[Path, str]) -> str:
    """Name of the package of these texts, by file."""
    return _FINDER.package_of(texts)


def is_own_module(name: str) -> bool:
    """True for the name of a module that was made from a user's file.

    >>> is_own_module("trading_pipeline.strategies")
    False
    """
    return name in _FINDER.texts


def is_own_file(path: str) -> bool:
    """True for the path of a file that modules of a user were made from."""
    return path in _FINDER.paths


class FreshPackage:
    """A user's package made anew: all files of its folder are new modules, no other module is.

    The modules can be imported by the names of `module_name` inside a `with` block, which may be
    entered again; outside of it they are in no table of modules.
    """

    def __init__(self, package: str) -> None:
        self.name = f"{package}_again_{next(_numbers)}"
        self._modules = {self.name: _empty_package(self.name)}
        self._texts = {
            self.module_name(name): text
            for name, text in list(_FINDER.texts.items())
            if name.rpartition(".")[0] == package
        }

    def module_name(self, original: str) -> str:
        """The name of the new module in place of an original one."""
        return f"{self.name}.{original.rpartition('.')[2]}"

    def __enter__(self) -> FreshPackage:
        """Let the modules be imported."""
        _FINDER.texts.update(self._texts)
        sys.modules.update(self._modules)
        return self

    def __exit__(self, *error: object) -> None:
        """Take the modules out of the table again; they keep what they remember."""
        names = [self.name, *self._texts]
        self._modules = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        for name in self._texts:
            _FINDER.texts.pop(name, None)


class _Finder(MetaPathFinder, InspectLoader):
    """Finds the modules of users' packages; `texts` has file and text by the module's name."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[Path, str]] = {}
        self.paths: set[str] = set()

    def package_of(self, texts: Mapping[Path, str]) -> str:
        """Name of the package of these texts."""
        name = f"{_PREFIX}{short_hash([[str(path), text] for path, text in texts.items()])}"
        if name not in sys.modules:
            sys.modules[name] = _empty_package(name)
        for path, text in texts.items():
            self.texts[f"{name}.{path.stem}"] = (path, text)
            self.paths.add(str(path))
            # tracebacks and code identity read the text that runs, not the file a moment later
            lines = text.splitlines(keepends=True)
            linecache.cache[str(path)] = (len(text), None, lines, str(path))
        return name

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the names are unique
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Where a module of a user's folder comes from; None for any other module."""
        known = self.texts.get(fullname)
        return None if known is None else spec_from_file_location(fullname, known[0], loader=self)

    def get_source(self, fullname: str) -> str:
        """The text that was read."""
        return self.texts[fullname][1]

    def get_code(self, fullname: str) -> CodeType:
        """The text, compiled under the file's own name."""
        path, text = self.texts[fullname]
        return _compiled(text, str(path))


@lru_cache(maxsize=256)
def _compiled(text: str, path: str) -> CodeType:
    code: CodeType = compile(text, path, "exec", dont_inherit=True)
    return code


def _empty_package(name: str) -> ModuleType:
    package = ModuleType(name, "Files of a user.")
    package.__path__ = []
    return package


_FINDER = _Finder()
sys.meta_path.append(_FINDER)
