"""Sharpe ratios that are too good to believe: more often a mistake than an edge.

Ratios are annual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["IMPLAUSIBLE", "SharpeLimits", "implausible_sharpe"]

IMPLAUSIBLE = "Implausible"
"""First word of the warning."""
_DAY = pd.Timedelta(hours=20)  # sessions follow each other after 23 hours where clocks change
_HOUR = pd.Timedelta(minutes=59)


@dataclass(frozen=True, kw_only=True)
class SharpeLimits:
    """Annual Sharpe ratios above which a result is called implausible, by the length of a bar.

    `daily`: bars of a day or a week; `hourly`: of 1 to 4 hours; `minutes`: shorter ones. A higher
    frequency of independent bets allows a higher ratio (Grinold's fundamental law).
    """

    daily: float = 4.0
    hourly: float = 6.0
    minutes: float = 10.0

    @property
    def lowest(self) -> float:
        """The lowest of the limits."""
        return min(self.daily, self.hourly, self.minutes)

    def of(self, index: pd.DatetimeIndex) -> tuple[float, str]:
        """The limit for bars with these stamps and what they are called, by their median spacing.

        Fewer than two bars count as daily ones.

        >>> SharpeLimits().of(pd.date_range("2024-01-02", periods=3, freq="h", tz="UTC"))
        (6.0, 'hourly')
        """
        stamps = index.as_unit("us").asi8
        spacing = _DAY if len(stamps) < 2 else pd.Timedelta(float(np.median(np.diff(stamps))), "us")
        if spacing >= _DAY:
            weekly = spacing > 5 * _DAY
            return self.daily, "weekly" if weekly else "daily"
        return (self.hourly, "hourly") if spacing >= _HOUR else (self.minutes, "intraday")


def implausible_sharpe(
    sharpe: float, index: pd.DatetimeIndex, limits: SharpeLimits | None = None
) -> tuple[str, ...]:
    """One warning for an annual Sharpe ratio above the limit of such bars; none for NaN.

    >>> days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    >>> implausible_sharpe(7.21, days)[0][:63]
    'Implausible: an annual Sharpe ratio of 7.21 on daily bars (abov'
    >>> implausible_sharpe(1.2, days)
    ()
    """
    limits = limits or SharpeLimits()
    if not sharpe > limits.lowest:
        return ()
    limit, bars = limits.of(index)
    if not sharpe > limit:
        return ()
    return (
        f"{IMPLAUSIBLE}: an annual Sharpe ratio of {sharpe:.2f} on {bars} bars (above {limit:g}) "
        "is more often a mistake than an edge: look-ahead, fills at prices that nobody got, costs "
        "left out, or bad bars. Look for it before you believe the result.",
    )
