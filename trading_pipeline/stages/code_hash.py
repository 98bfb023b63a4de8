"""This file holds the hash of code: a change of the source text makes what it computed stale."""

from __future__ import annotations

import inspect
from functools import lru_cache
from types import ModuleType

from trading_pipeline.domain.hashing import canonical_hash

__all__ = ["module_hash"]


def module_hash(*modules: ModuleType) -> str:
    """Hash of the modules' source text, in the order of their names."""
    return canonical_hash([_source_hash(m) for m in sorted(modules, key=lambda m: m.__name__)])


@lru_cache(maxsize=256)
def _source_hash(module: ModuleType) -> str:
    return canonical_hash([module.__name__, inspect.getsource(module)])
