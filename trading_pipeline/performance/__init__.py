"""This file holds the names of the performance layer: what a series of returns or trades is worth."""

from __future__ import annotations

from trading_pipeline.performance.summary import METRIC_NAMES, summarize

__all__ = ["METRIC_NAMES", "summarize"]
