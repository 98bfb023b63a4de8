"""Equity curves that are small enough for a page of many: a few hundred points each, rounded."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MOST_CURVES", "MOST_POINTS", "Curve", "small_curve"]

MOST_POINTS = 300
"""Points of one curve; about 2.5 kB of the page."""
MOST_CURVES = 200
"""Curves of one page; about 0.5 MB of it."""


class Curve(TypedDict):
    """Equity by time: point i is `first` plus the sum of `steps` up to i, times `unit`.

    `first`: epoch seconds, UTC. `unit`: seconds. `values`: equity in percent of that of the first
    point.
    """

    first: int
    unit: int
    steps: list[int]
    values: list[float]


def small_curve(equity: pd.Series, most_points: int = MOST_POINTS) -> Curve | None:
    """At most `most_points` points of an equity curve, among them the first and the last.

    Every n-th bar before the last is kept, as it is. Bars without a finite equity are left out;
    None where fewer than two are left, or the first is not positive.

    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> small_curve(pd.Series([50.0, 60.0, 45.0], days))["values"]
    [100.0, 120.0, 90.0]
    """
    found = equity[np.isfinite(equity.to_numpy(dtype=np.float64))]
    values = found.to_numpy(dtype=np.float64)
    if len(values) < 2 or values[0] <= 0.0:
        return None
    kept = _kept(len(values), most_points)
    index = pd.DatetimeIndex(found.index[kept]).as_unit("s")
    seconds = index.asi8
    steps = np.diff(seconds)
    unit = max(int(np.gcd.reduce(steps)), 1)
    return Curve(
        first=int(seconds[0]),
        unit=unit,
        steps=[0, *(steps // unit).tolist()],
        values=np.round(values[kept] / values[0] * 100.0, 2).tolist(),
    )


def _kept(count: int, most: int) -> npt.NDArray[np.intp]:
    """Positions from the last backwards at equal distance, and the first."""
    step = -(-(count - 1) // (most - 1))
    return np.unique(np.append(np.arange(count - 1, -1, -step), 0))
