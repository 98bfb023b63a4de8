"""Speed of patterns, labels and audits; prints the table of docs/patterns-and-labels.md.

Run `python benchmarks/pattern_speed.py`. Process CPU time (the sum of all threads), best of
several, after one warm-up that compiles. The data is a seeded random walk of minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.labels import compute_labels, label_report
from trading_pipeline.features.patterns import find_patterns, find_pivots
from trading_pipeline.features.patterns.search import search
from trading_pipeline.features.patterns.zigzag import average_true_range_14
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.settings.label_spec import LabelSpec

ROWS = 1_000_000

MINUTES = FeatureContext(Timeframe.M1, "24/7")


def market(rows: int) -> pd.DataFrame:
    """A seeded random walk of minutes."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.0005, rows))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.001, rows)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.001, rows)))
    index = pd.date_range("1990-01-01", periods=rows, freq="min", tz="UTC", name="ts").as_unit("us")
    prices = {"open": open_, "high": high, "low": low, "close": close, "volume": 1e6}
    return pd.DataFrame(prices, index=index)


def measure(work: Callable[[], Any], times: int = 3) -> float:
    """Process CPU seconds, the best of `times` calls after one warm-up."""
    work()
    cpu = np.inf
    for _ in range(times):
        began = time.process_time()
        work()
        cpu = min(cpu, time.process_time() - began)
    return float(cpu)


def main() -> None:
    """Measure and print."""
    bars, few = market(ROWS), market(5_000)
    atr = average_true_range_14(bars)
    core, patterns = feature_set("core"), feature_set("patterns")
    barriers = LabelSpec(type="triple_barrier", horizon_bars=10)
    known_at = pd.DatetimeIndex(bars.index)
    labels = compute_labels(barriers, bars, known_at).frame
    audit = measure(lambda: audit_feature_set(core, few, context=MINUTES))
    compute = measure(lambda: compute_features(core, few, context=MINUTES))
    rows = [
        ("zigzag, 1 million bars", measure(lambda: find_pivots(bars, atr=atr))),
        ("zigzags and all patterns, 1 million bars", measure(lambda: search(bars))),
        ("the same as a frame of rows", measure(lambda: find_patterns(bars))),
        ("set patterns, 1 million bars", measure(lambda: compute_features(patterns, bars))),
        (
            "triple barrier, 1 million bars",
            measure(lambda: compute_labels(barriers, bars, known_at)),
        ),
        ("label report, 1 million labels", measure(lambda: label_report(labels, known_at))),
        ("audit of core, 5,000 bars", audit),
        ("core, 5,000 bars", compute),
    ]
    width = max(len(name) for name, _ in rows)
    for name, seconds in rows:
        sys.stdout.write(f"{name:<{width}}  {seconds:8.4f} s CPU\n")
    sys.stdout.write(
        f"patterns found: {len(search(bars)):,}; audit / core: {audit / compute:.0f}\n"
    )


if __name__ == "__main__":
    main()
