"""Frames of a portfolio: the single instrument's, put together by instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.result_frames import trade_frame
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = [
    "contribution_frame",
    "portfolio_trade_frame",
    "value_table",
    "with_instrument",
]


def portfolio_trade_frame(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    settings: Mapping[str, BacktestSettings],
    rows: FloatArray,
    splits: Mapping[str, tuple[IntArray, FloatArray]],
) -> pd.DataFrame:
    """Round trips of all instruments in the contract's columns, in the order of their entries.

    Each instrument's rows are told in its own bars first, so that holding times and excursions are
    those of a run of that instrument alone.
    """
    parts: list[pd.DataFrame] = []
    for k, (name, each) in enumerate(bars.items()):
        mine = np.flatnonzero(rows[:, codes.T_ASSET] == k)
        own = rows[mine].copy()
        for column in (codes.T_ENTRY_BAR, codes.T_EXIT_BAR):
            # an open trade ends at the account's last bar, which may be after the instrument's own
            place = np.searchsorted(clock.rows[name], own[:, column].astype(np.int64), side="right")
            own[:, column] = place - 1
        frame = trade_frame(each, settings[name], own, splits[name])
        frame["trade_no"] = mine + 1
        frame.insert(1, "instrument", pd.Series([name] * len(frame), dtype="str"))
        parts.append(frame)
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1]).sort_values("trade_no").reset_index(drop=True)


def with_instrument(
    frame: pd.DataFrame, instruments: Sequence[str], numbers: FloatArray
) -> pd.DataFrame:
    """The order log with the column instrument after its number."""
    names = [instruments[int(number)] for number in numbers]
    frame.insert(1, "instrument", pd.Series(names, dtype="str"))
    return frame


def value_table(
    bars: Mapping[str, ValidatedBars],
    clock: AccountClock,
    settings: Mapping[str, BacktestSettings],
    quantity: FloatArray,
) -> FloatArray:
    """Signed position values (account's bars, instruments), at each instrument's last close."""
    values = np.zeros(quantity.shape)
    for k, (name, each) in enumerate(bars.items()):
        place = np.searchsorted(clock.rows[name], np.arange(len(clock)), side="right") - 1
        marks = np.where(place >= 0, each.close[np.maximum(place, 0)], 0.0)
        point = settings[name].multiplier * settings[name].delta
        values[:, k] = quantity[:, k] * marks * point
    return values


def contribution_frame(
    instruments: Sequence[str], trades: pd.DataFrame, initial_cash: float
) -> pd.DataFrame:
    """One row an instrument, also where it never traded: trades, pnl, fees, slippage, contribution.

    `pnl` is net of fees and holds dividends and financing; `contribution` is pnl over the starting
    cash.
    """
    sums = trades.groupby("instrument")[["pnl", "fees", "slippage"]].sum()
    sums = sums.reindex(list(instruments), fill_value=0.0)
    counts = trades["instrument"].value_counts().reindex(list(instruments), fill_value=0)
    return pd.DataFrame(
        {
            "instrument": pd.Series(list(instruments), dtype="str"),
            "trades": counts.to_numpy(dtype=np.int64),
            **{name: sums[name].to_numpy() for name in sums.columns},
            "contribution": sums["pnl"].to_numpy() / initial_cash,
        }
    )
