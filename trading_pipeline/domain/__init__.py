"""Values and contracts that every layer shares: no I/O, no configuration, no computing of results.

Read `bars` (columns and index), `timeframe`, `instrument`, `windows`, `corporate_actions`, then
what strategies give: `signals`, `target_weights`, `crossing_plan`. `hashing` makes all of them
comparable.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading_pipeline.domain.bars import BAR_COLUMNS, normalize_bars
    from trading_pipeline.domain.corporate_actions import CorporateAction
    from trading_pipeline.domain.crossing_plan import CrossingPlan
    from trading_pipeline.domain.hashing import canonical_hash, frame_hash
    from trading_pipeline.domain.instrument import Instrument
    from trading_pipeline.domain.signals import Fraction, Price, Signals
    from trading_pipeline.domain.target_weights import TargetWeights
    from trading_pipeline.domain.timeframe import Timeframe
    from trading_pipeline.domain.windows import Window, WindowGrid

__all__ = [
    "BAR_COLUMNS",
    "CorporateAction",
    "CrossingPlan",
    "Fraction",
    "Instrument",
    "Price",
    "Signals",
    "TargetWeights",
    "Timeframe",
    "Window",
    "WindowGrid",
    "canonical_hash",
    "frame_hash",
    "normalize_bars",
]

_HOMES = {
    "BAR_COLUMNS": "bars",
    "CorporateAction": "corporate_actions",
    "CrossingPlan": "crossing_plan",
    "Fraction": "signals",
    "Instrument": "instrument",
    "Price": "signals",
    "Signals": "signals",
    "TargetWeights": "target_weights",
    "Timeframe": "timeframe",
    "Window": "windows",
    "WindowGrid": "windows",
    "canonical_hash": "hashing",
    "frame_hash": "hashing",
    "normalize_bars": "bars",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pandas and its like take long to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
