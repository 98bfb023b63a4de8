"""This file holds the sentences that must be shown beside a portfolio's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["portfolio_warnings"]


def portfolio_warnings(
    settings: BacktestSettings,
    stats: Any,
    quantity: Any,
    clock: AccountClock,
    bars: Mapping[str, ValidatedBars],
) -> tuple[str, ...]:
    """Look-ahead, ruin, idle sessions, and positions in instruments whose bars have ended before the account's.

    An instrument's bars count as ended once they are missing for longer than ever before; so a
    weekend after the last session is no news. `quantity` is None where every instrument has every bar.
    """
    found = []
    if settings.fill == "same_close":
        found.append(
            "Look-ahead: fill='same_close' fills each decision at the very close it was made from, "
            "which nobody can trade. Use fill='next_open' for results that can be believed."
        )
    ruin = int(stats[codes.S_FIRST_RUIN])
    if ruin >= 0:
        found.append(
            f"The equity fell to zero or below at bar {ruin} ({clock.index[ruin]}); returns after it "
            "have no meaning and are NaN."
        )
    if settings.session_close is not None:
        for name, each in bars.items():
            found += [f"{name}: {said}" for said in each.session_warning(settings.session_close)]
    for k, (name, each) in enumerate(bars.items() if quantity is not None else ()):
        held, silence = float(quantity[-1, k]), int(clock.ts[-1] - each.ts[-1])
        if held == 0.0 or silence == 0:
            continue
        longest = int(np.diff(each.ts).max()) if len(each) > 1 else 0
        if silence > longest:
            found.append(
                f"{name} has no bar after {each.index[-1]}, but a position of {held:g} is still open: "
                f"it is marked at its last close, {each.close[-1]:g}, to the end. Sell before a "
                "delisting, or give what the position was worth as a last bar."
            )
    return tuple(found)
