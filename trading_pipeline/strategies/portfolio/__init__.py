"""Portfolio strategies: rules that see several instruments at once and give target weights.

Read `panel.py` (what such a rule may look at), `base.py` (what it is), then
`cross_sectional_momentum.py` as an example. `audit.py` proves that weights read no future;
`returns.py` and `box_weights.py` hold the arithmetic that several rules share.
"""

from __future__ import annotations

from trading_pipeline.strategies.portfolio.base import PortfolioStrategy, checked_weights
from trading_pipeline.strategies.portfolio.panel import Panel

__all__ = ["Panel", "PortfolioStrategy", "checked_weights"]
