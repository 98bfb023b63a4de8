"""Sentences that must be shown beside the numbers of a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.result_frames import BarClock
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["ended_instruments", "run_warnings"]


def run_warnings(settings: BacktestSettings, stats: FloatArray, clock: BarClock) -> list[str]:
    """Look-ahead and ruin."""
    found = []
    if settings.fill == "same_close":
        found.append(
            "Look-ahead: fill='same_close' fills each decision at the very close it was made from, "
            "which is impossible in practice. Use fill='next_open' for realistic results."
        )
    ruin = int(stats[codes.S_FIRST_RUIN])
    if ruin >= 0:
        found.append(
            f"The equity fell to zero or below at bar {ruin} ({clock.index[ruin]}); returns after "
            "it have no meaning and are NaN."
        )
    return found


def ended_instruments(
    units: FloatArray, last_ts: int, bars: Mapping[str, ValidatedBars]
) -> list[str]:
    """Positions in instruments whose bars end before the account's.

    An instrument's bars count as ended once they are missing for longer than ever before; so a
    weekend after the last session is no news. `units`: held at the last close, one an instrument.
    """
    found = []
    for held, (name, each) in zip(units.tolist(), bars.items(), strict=True):
        silence = last_ts - int(each.ts[-1])
        if held == 0.0 or silence == 0:
            continue
        if silence > (int(np.diff(each.ts).max()) if len(each) > 1 else 0):
            found.append(
                f"{name} has no bar after {each.index[-1]}, but a position of {held:g} is still "
                f"open: it is marked at its last close, {each.close[-1]:g}, to the end. Sell "
                "before a delisting, or give what the position was worth as a last bar."
            )
    return found
