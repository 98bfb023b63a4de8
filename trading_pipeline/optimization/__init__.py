"""Searches over a strategy's parameters.

`search_space` lists the combinations of a study, `grid_study` evaluates each with the engine's
sweep. Trials are recorded by the stages: nothing here reads or writes storage.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading_pipeline.optimization.grid_study import StudyResult, check_study, run_grid_study
    from trading_pipeline.optimization.search_space import parameter_combinations

__all__ = [
    "StudyResult",
    "check_study",
    "parameter_combinations",
    "run_grid_study",
]

_HOMES = {
    "StudyResult": "grid_study",
    "check_study": "grid_study",
    "parameter_combinations": "search_space",
    "run_grid_study": "grid_study",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pandas and its like take long to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
