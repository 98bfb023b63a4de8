"""How far the best of a search can be believed.

Read `standing_out` first: what the best would have to be after so many trials. Then, on returns of
all trials side by side (`trial_table`): `overfitting` (PBO), `superior_ability` (SPA and StepM) and
`effective_trials`. On parameters and values (`parameter_places`): `plateau` and `importance`. On
the best alone: `sub_periods`. Only arrays, parameters and stamps come in: no engine, no storage.

Nothing is imported here: `standing_out` is light, the others load numba or scipy.
"""

from __future__ import annotations

__all__: list[str] = []
