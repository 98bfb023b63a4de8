"""This file holds which moments lie inside the trading hours of a calendar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.market_data.session_schedule import ALWAYS, session_schedule

__all__ = ["inside_sessions"]


def inside_sessions(index: pd.Index, calendar: str) -> npt.NDArray[np.bool_]:
    """True for each stamp at or after a session's open and before its close; on 24/7 for all.

    A break in the middle of a session counts as outside.
    """
    if calendar == ALWAYS or not len(index):
        return np.ones(len(index), dtype=np.bool_)
    moments = np.asarray(utc_index(index).asi8, dtype=np.int64)
    schedule = session_schedule(calendar, int(moments.min()), int(moments.max()))
    opens, closes = schedule.segments()
    position = np.searchsorted(opens, moments, side="right") - 1
    return np.asarray((position >= 0) & (moments < closes[np.maximum(position, 0)]))
