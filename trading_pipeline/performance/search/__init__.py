"""How far the best of a search can be believed.

Read `standing_out` first: what the best would have to be after so many trials. Then, on returns of
all trials side by side (`trial_table`): `overfitting` (PBO), `superior_ability` (SPA and StepM) and
`effective_trials`. On parameters and values (`parameter_places`): `plateau` and `importance`. On
the best alone: `sub_periods`. Only arrays, parameters and stamps come in: no engine, no storage.
"""

from __future__ import annotations

from trading_pipeline.performance.search.effective_trials import effective_trials
from trading_pipeline.performance.search.importance import parameter_importance
from trading_pipeline.performance.search.overfitting import Overfitting, overfitting_probability
from trading_pipeline.performance.search.plateau import Plateau, plateau
from trading_pipeline.performance.search.standing_out import (
    NeededSharpe,
    deflated_numbers,
    needed_sharpe,
)
from trading_pipeline.performance.search.sub_periods import SubPeriod, SubPeriods, sub_periods
from trading_pipeline.performance.search.superior_ability import SuperiorAbility, superior_ability

__all__ = [
    "NeededSharpe",
    "Overfitting",
    "Plateau",
    "SubPeriod",
    "SubPeriods",
    "SuperiorAbility",
    "deflated_numbers",
    "effective_trials",
    "needed_sharpe",
    "overfitting_probability",
    "parameter_importance",
    "plateau",
    "sub_periods",
    "superior_ability",
]
