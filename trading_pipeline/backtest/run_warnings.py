"""Sentences that must be shown beside the numbers of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.result_frames import BarClock
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = [
    "bar_warnings",
    "ended_instruments",
    "not_finite",
    "run_warnings",
    "split_warning",
    "tick_warning",
]


def run_warnings(settings: BacktestSettings, stats: FloatArray, clock: BarClock) -> list[str]:
    """Look-ahead, numbers that are not finite, and ruin."""
    found = list(not_finite(stats))
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


def not_finite(stats: FloatArray) -> tuple[str, ...]:
    """One warning where equity or returns are infinite or no number; ruin has its own.

    Returns that never change have no skew and no Sharpe ratio by definition, which is no news.
    """
    ruined, flat = stats[codes.S_FIRST_RUIN] >= 0.0, stats[codes.S_SD] == 0.0
    needed = [codes.S_FINAL_EQUITY, codes.S_MAX_DRAWDOWN, codes.S_FEES]
    if not ruined:
        needed.append(codes.S_MEAN)
    if not (ruined or flat or math.isnan(stats[codes.S_SD])):
        needed += [codes.S_SD, codes.S_SKEW, codes.S_KURTOSIS, codes.S_SHARPE]
    if np.isfinite(stats[needed]).all():
        return ()
    return (
        "Not finite: equity, returns or their moments are infinite or NaN (the final equity is "
        f"{stats[codes.S_FINAL_EQUITY]:g}, the mean return {stats[codes.S_MEAN]:g}), so this "
        "result's numbers have no meaning. Prices, cash, leverage, multiplier or costs are too "
        "large or too small for the arithmetic; check their units.",
    )


def bar_warnings(
    tick_size: float | None, bars: ValidatedBars, actions: Sequence[CorporateAction] | None
) -> tuple[str, ...]:
    """A tick above prices, and jumps like splits' in bars that came without actions."""
    found = () if tick_size is None else tick_warning(tick_size, bars)
    return found + split_warning(bars) if actions is None else found


def tick_warning(tick_size: float, bars: ValidatedBars) -> tuple[str, ...]:
    """One warning for a tick larger than some prices of the bars, or all of them."""
    if tick_size <= (lowest := float(bars.low.min())):
        return ()
    below = int(np.count_nonzero(bars.low < tick_size))
    return (
        f"The tick_size is {tick_size:g}, and {below} of {len(bars)} bars have lower prices (down "
        f"to {lowest:g}): fills there are rounded to 0 or to a multiple of the price. Give the "
        "smallest step of the price, or None.",
    )


def split_warning(bars: ValidatedBars) -> tuple[str, ...]:
    """One warning for jumps like those of splits in bars that came without actions."""
    rows = bars.split_like
    if not rows.size:
        return ()
    first = int(rows[0])
    ratio = float(bars.open[first] / bars.close[first - 1])
    others = f" (and at {rows.size - 1} more bars)" if rows.size > 1 else ""
    return (
        f"Split-like jump: the open of {bars.index[first]} is {ratio:.4g} times the close before "
        f"it{others}, and no corporate actions were given. Where it is a split, a holding gains or "
        "loses here what it did not; give the instrument's actions (read_bars gives them with the "
        "bars), or actions=() to say that there were none.",
    )
