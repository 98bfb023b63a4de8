"""This file holds the hashes of the source texts that features are computed by."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable

from trading_pipeline.errors import ConfigurationError

__all__ = ["source_hashes"]

_COVERED = ("trading_pipeline.features.", "trading_pipeline.market_data.")
# these declare and check features, and compute none: their texts change no value
_DECLARING = (
    "trading_pipeline.features.sets.feature_set",
    "trading_pipeline.features.sets.computation",
    "trading_pipeline.features.sets.registry",
    "trading_pipeline.features.own_features",
    __name__,
)


def source_hashes(modules: Iterable[str]) -> dict[str, str]:
    """sha256 of each module's text and of those of features and market data that they import from.

    Raises `ConfigurationError` for a module without a text, such as one typed at a prompt.
    """
    found: dict[str, str] = {}
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        module = sys.modules[name]
        try:
            source = inspect.getsource(module)
        except (OSError, TypeError) as error:
            raise ConfigurationError(
                f"The source text of the module {name!r}, which computes a feature, cannot be read, so "
                "a change of it would go unseen. Put the formula into a file.",
                module=name,
            ) from error
        found[name] = hashlib.sha256(source.encode()).hexdigest()
        used = {getattr(value, "__module__", None) or "" for value in vars(module).values()}
        used |= {value.__name__ for value in vars(module).values() if inspect.ismodule(value)}
        waiting |= {
            each
            for each in used
            if each.startswith(_COVERED) and each not in _DECLARING and each not in found
        }
    return found
