"""Names that a package offers and imports only when they are first used.

Importing a package then costs nothing, while `from package import name` works for every name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_exports", "public_name"]


def lazy_exports(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package; `homes`: name -> module that defines it (PEP 562)."""

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return find


def public_name(name: str) -> Any:
    """What the package offers under a name at its top, for a layer below the one that has it.

    The layer knows the name alone: a result shows its page by it, and makes none itself.
    """
    return getattr(importlib.import_module(__name__.partition(".")[0]), name)
