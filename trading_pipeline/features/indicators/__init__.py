"""TA-Lib behind one checked wrapper."""

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
