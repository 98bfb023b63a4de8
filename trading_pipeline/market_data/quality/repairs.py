"""Repairs of fetched bars: none by default, and each one leaves a finding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.domain.moments import Flags
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.quality.findings import (
    CheckSettings,
    Finding,
    Repair,
    findings_at,
)
from trading_pipeline.market_data.resampling import outside_sessions

__all__ = ["repair_bars"]


def repair_bars(
    bars: pd.DataFrame, timeframe: Timeframe, calendar: str, settings: CheckSettings
) -> tuple[pd.DataFrame, list[Finding]]:
    """Bars without those that the setting `repairs` drops, and a WARN `repair` for each of them.

    `drop_equal_duplicates`: a bar that repeats stamp and values of an earlier one; bars that differ
    under one stamp stay, since it is unknown which is right. `drop_outside_session`: a bar in no
    session of the calendar. Nothing else is ever changed, and without the setting nothing is.
    """
    findings: list[Finding] = []
    for name in settings.repairs:
        index = pd.DatetimeIndex(bars.index)
        gone, words = _REPAIRS[name](bars, index, timeframe, calendar)
        findings += findings_at(
            "repair", "WARN", index, np.flatnonzero(gone), f"{name}: {words}", settings=settings
        )
        bars = bars.loc[~gone]
    return bars, findings


def _equal_duplicates(
    bars: pd.DataFrame, _index: pd.DatetimeIndex, _timeframe: Timeframe, _calendar: str
) -> tuple[Flags, str]:
    gone = bars.reset_index().duplicated(keep="first").to_numpy()
    return gone, "the bar occurs a second time with equal values and was left out."


def _outside(
    _bars: pd.DataFrame, index: pd.DatetimeIndex, timeframe: Timeframe, calendar: str
) -> tuple[Flags, str]:
    gone = outside_sessions(index, timeframe, calendar)
    return gone, f"the bar is outside every session of {calendar} and was left out."


_REPAIRS: dict[
    Repair, Callable[[pd.DataFrame, pd.DatetimeIndex, Timeframe, str], tuple[Flags, str]]
] = {
    "drop_equal_duplicates": _equal_duplicates,
    "drop_outside_session": _outside,
}
