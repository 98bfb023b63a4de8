"""Searches over a strategy's parameters.

`search_space` lists the combinations of a study, `grid_study` evaluates each with the engine's
sweep. `robustness` says how far the best can be believed, from the bar returns of the trials
(`trial_returns`) and reruns at other costs (`cost_stress`). The stages record the trials; nothing
here reads or writes storage.
"""

from __future__ import annotations

from trading_pipeline.optimization.grid_study import StudyResult, check_study, run_grid_study
from trading_pipeline.optimization.search_space import parameter_combinations

__all__ = [
    "StudyResult",
    "check_study",
    "parameter_combinations",
    "run_grid_study",
]
