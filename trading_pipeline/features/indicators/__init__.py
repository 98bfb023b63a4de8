"""TA-Lib behind one checked wrapper.

Read `wrapper.py` first (the only place that calls TA-Lib), then `warmups.py` (bars until an
indicator forgets where the bars begin) and `columns.py` (indicators as features, for YAML sets).
Formulas of our own do not go here: they are in `sets/` and `rolling/`.
"""

from __future__ import annotations

from trading_pipeline.features.indicators.wrapper import (
    indicator,
    indicator_arrays,
    indicator_inputs,
    indicator_lookback,
    indicator_names,
    indicator_outputs,
    indicator_parameters,
    indicator_warmup,
)

__all__ = [
    "indicator",
    "indicator_arrays",
    "indicator_inputs",
    "indicator_lookback",
    "indicator_names",
    "indicator_outputs",
    "indicator_parameters",
    "indicator_warmup",
]
