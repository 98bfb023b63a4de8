"""What a strategy's methods gave, checked for its type: a user's file may return anything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trading_pipeline.errors import StrategyError

__all__ = ["bar_count", "model_names", "primary_pair", "sentences"]


def bar_count(given: object, strategy: str) -> int:
    """What `warmup_bars` gave; `StrategyError` for anything but a whole number of 0 or more."""
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 0:
        raise _wrong(strategy, "warmup_bars", given, "a whole number of bars, 0 or more")
    return int(given)


def model_names(given: object, strategy: str) -> tuple[str, ...]:
    """What `required_predictions` gave; a text alone would be taken for a list of letters."""
    if not isinstance(given, (tuple, list)) or not all(isinstance(each, str) for each in given):
        raise _wrong(
            strategy, "required_predictions", given, "names of models, such as ('direction',)"
        )
    return tuple(given)


def primary_pair(given: object, strategy: str) -> tuple[str, Mapping[str, object]] | None:
    """What `primary` gave: a strategy's name and parameters, or None."""
    if given is None:
        return None
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Mapping)):
        raise _wrong(
            strategy, "primary", given, "a name and parameters, such as ('macd', {}), or None"
        )
    return given[0], given[1]


def sentences(given: object, strategy: str) -> tuple[str, ...]:
    """What `remarks` gave."""
    if not isinstance(given, (tuple, list)) or not all(isinstance(each, str) for each in given):
        raise _wrong(strategy, "remarks", given, "a list of sentences")
    return tuple(given)


def _wrong(strategy: str, method: str, given: object, expected: str) -> StrategyError:
    return StrategyError(
        f"{method} of '{strategy}' gave {given!r}; give {expected}.", name=strategy, method=method
    )
