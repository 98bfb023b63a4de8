"""This file holds the repairs of fetched bars: none by default, each one leaves a finding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.quality.findings import (
    CheckSettings,
    Finding,
    Repair,
    findings_at,
)
from trading_pipeline.market_data.resampling import outside_sessions

__all__ = ["repair_bars"]

Mask = npt.NDArray[np.bool_]


def repair_bars(
    bars: pd.DataFrame, timeframe: Timeframe, calendar: str, settings: CheckSettings
) -> tuple[pd.DataFrame, list[Finding]]:
    """Bars without what the setting `repairs` lets go, and a WARN `repair` for each bar left out.

    `drop_equal_duplicates`: a bar whose stamp and values another one before it has; other values
    under one stamp stay, since nobody knows which holds. `drop_outside_session`: a bar that no
    session of the calendar holds. Nothing else is ever changed, and without the setting nothing is.
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
    bars: pd.DataFrame, index: pd.DatetimeIndex, timeframe: Timeframe, calendar: str
) -> tuple[Mask, str]:
    del index, timeframe, calendar
    gone = bars.reset_index().duplicated(keep="first").to_numpy()
    return gone, "the bar stands here a second time with equal values and was left out."


def _outside(
    bars: pd.DataFrame, index: pd.DatetimeIndex, timeframe: Timeframe, calendar: str
) -> tuple[Mask, str]:
    del bars
    gone = outside_sessions(index, timeframe, calendar)
    return gone, f"no session of {calendar} holds the bar, and it was left out."


_REPAIRS: dict[
    Repair, Callable[[pd.DataFrame, pd.DatetimeIndex, Timeframe, str], tuple[Mask, str]]
] = {
    "drop_equal_duplicates": _equal_duplicates,
    "drop_outside_session": _outside,
}
