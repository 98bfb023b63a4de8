"""This file holds the hash of code: a change of the source text makes what it computed stale."""

from __future__ import annotations

import inspect
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from trading_pipeline.domain.hashing import canonical_hash

__all__ = ["folder_hash", "module_hash"]


def module_hash(*modules: ModuleType) -> str:
    """Hash of the modules' source text, in the order of their names."""
    return canonical_hash([_source_hash(m) for m in sorted(modules, key=lambda m: m.__name__)])


@lru_cache(maxsize=16)
def folder_hash(folder: Path, suffixes: tuple[str, ...]) -> str:
    """Hash of names and texts of the files below a folder that end so; line ends do not count."""
    files = sorted(each for each in folder.rglob("*") if each.suffix in suffixes)
    return canonical_hash(
        [[f.relative_to(folder).as_posix(), f.read_text("utf-8").splitlines()] for f in files]
    )


@lru_cache(maxsize=256)
def _source_hash(module: ModuleType) -> str:
    return canonical_hash([module.__name__, inspect.getsource(module)])
