"""Chart patterns on a causal zigzag: each is known at the close of one bar and never changes after.

Read `kinds.py` first (what each pattern is), then `zigzag.py` (swing highs and lows) and
`search.py` (patterns as rows). The compiled loops are in `zigzag_kernel.py`, `kernels.py` and
`break_kernels.py`. The columns that a model sees are the feature set `sets/patterns.py`; drawing is
no part of this.
"""

from __future__ import annotations

from trading_pipeline.features.patterns.kinds import FAMILIES, KINDS, PatternKind, pattern_kind
from trading_pipeline.features.patterns.search import PATTERN_COLUMNS, find_patterns
from trading_pipeline.features.patterns.zigzag import Zigzag, find_pivots

__all__ = [
    "FAMILIES",
    "KINDS",
    "PATTERN_COLUMNS",
    "PatternKind",
    "Zigzag",
    "find_patterns",
    "find_pivots",
    "pattern_kind",
]
