"""Strategies that decide one bar at a time: slower than arrays, and easier to write.

Read `signal.py` (what a bar's decision is), `history.py` (what `on_bar` sees), then `strategy.py`.
"""

from __future__ import annotations

from trading_pipeline.strategies.bar_by_bar.history import History
from trading_pipeline.strategies.bar_by_bar.signal import Signal, SignalType
from trading_pipeline.strategies.bar_by_bar.strategy import BarByBarStrategy

__all__ = ["BarByBarStrategy", "History", "Signal", "SignalType"]
