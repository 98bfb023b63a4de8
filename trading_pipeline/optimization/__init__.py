"""Searches over a strategy's parameters.

Read in this order: `search_space` (the combinations), `search_methods` (which of them are tried),
`evaluation` (their numbers, by the engine's sweep, in the columns of `evaluated_trials`),
`study_run` (all of it, with the audits), `walk_forward` (chosen on one span, traded on the next),
`held_out` (the bars of a frozen test).
`robustness` says how far the best can be believed, from the bar returns of the trials
(`trial_returns`) and reruns at other costs (`cost_stress`). The stages record the trials; nothing
here reads or writes storage.
"""

from __future__ import annotations

from trading_pipeline.optimization.search_space import parameter_combinations
from trading_pipeline.optimization.study_checks import check_study
from trading_pipeline.optimization.study_run import StudyResult, run_study

__all__ = [
    "StudyResult",
    "check_study",
    "parameter_combinations",
    "run_study",
]
