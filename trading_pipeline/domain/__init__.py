"""Values and contracts that every layer shares: no I/O, no configuration, no computed results.

Read `bars` (columns and index), `timeframe`, `instrument`, `membership` (when it belonged to the
universe), `windows`, `corporate_actions`, then what strategies return: `signals`, `target_weights`,
`crossing_plan`. `hashing` makes all of them comparable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.domain.bars import BAR_COLUMNS, normalize_bars
    from trading_pipeline.domain.bars_with_actions import BarsWithActions
    from trading_pipeline.domain.corporate_actions import CorporateAction
    from trading_pipeline.domain.crossing_plan import CrossingPlan
    from trading_pipeline.domain.hashing import canonical_hash, frame_hash
    from trading_pipeline.domain.instrument import Instrument
    from trading_pipeline.domain.membership import Membership, MemberSpan
    from trading_pipeline.domain.signals import Fraction, Price, Signals
    from trading_pipeline.domain.target_weights import TargetWeights
    from trading_pipeline.domain.timeframe import Timeframe
    from trading_pipeline.domain.windows import Window, WindowGrid

__all__ = [
    "BAR_COLUMNS",
    "BarsWithActions",
    "CorporateAction",
    "CrossingPlan",
    "Fraction",
    "Instrument",
    "MemberSpan",
    "Membership",
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
    "BAR_COLUMNS": "trading_pipeline.domain.bars",
    "BarsWithActions": "trading_pipeline.domain.bars_with_actions",
    "CorporateAction": "trading_pipeline.domain.corporate_actions",
    "CrossingPlan": "trading_pipeline.domain.crossing_plan",
    "Fraction": "trading_pipeline.domain.signals",
    "Instrument": "trading_pipeline.domain.instrument",
    "MemberSpan": "trading_pipeline.domain.membership",
    "Membership": "trading_pipeline.domain.membership",
    "Price": "trading_pipeline.domain.signals",
    "Signals": "trading_pipeline.domain.signals",
    "TargetWeights": "trading_pipeline.domain.target_weights",
    "Timeframe": "trading_pipeline.domain.timeframe",
    "Window": "trading_pipeline.domain.windows",
    "WindowGrid": "trading_pipeline.domain.windows",
    "canonical_hash": "trading_pipeline.domain.hashing",
    "frame_hash": "trading_pipeline.domain.hashing",
    "normalize_bars": "trading_pipeline.domain.bars",
}

__getattr__ = lazy_exports(__name__, _HOMES)
