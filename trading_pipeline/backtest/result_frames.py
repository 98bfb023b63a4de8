"""The way from the kernel's tables to frames that people read."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numba import njit

from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = [
    "EXIT_REASONS",
    "ORDER_REASONS",
    "BarClock",
    "daily_frame",
    "equity_frame",
    "order_frame",
    "trade_frame",
]


class BarClock(Protocol):
    """Stamps and days of a run's bars: those of one instrument, or of an account."""

    @property
    def ts(self) -> IntArray:
        """Stamps in microseconds UTC."""

    @property
    def index(self) -> pd.DatetimeIndex:
        """Aware UTC stamps."""

    @property
    def days(self) -> IntArray:
        """Days since 1970-01-01 UTC."""

    def local_days(self, zone: str) -> IntArray:
        """Days since 1970-01-01 in a time zone."""

    def __len__(self) -> int:
        """Number of bars."""


EXIT_REASONS: dict[int, str] = {
    codes.R_OPEN: "open",
    codes.R_SIGNAL: "signal",
    codes.R_REVERSAL: "reversal",
    codes.R_STOP_LOSS: "stop_loss",
    codes.R_TRAILING_STOP: "trailing_stop",
    codes.R_TAKE_PROFIT: "take_profit",
    codes.R_MAX_HOLDING: "max_holding",
    codes.R_SESSION_CLOSE: "session_close",
    codes.R_DAILY_TARGET: "daily_target",
    codes.R_DAILY_LOSS: "daily_loss",
    codes.R_MARGIN_CALL: "margin_call",
    codes.R_REBALANCE: "rebalance",
}
ORDER_REASONS: dict[int, str] = EXIT_REASONS | {
    codes.R_FILLED: "filled",
    codes.R_CLIPPED_TO_CASH: "clipped_to_cash",
    codes.R_ROUNDED_TO_LOT: "rounded_to_lot",
    codes.R_BELOW_ONE_LOT: "below_one_lot",
    codes.R_BELOW_MIN_NOTIONAL: "below_min_notional",
    codes.R_NO_CASH: "no_cash",
    codes.R_NO_SIZE: "no_size",
    codes.R_NO_STOP: "no_stop",
    codes.R_SHORT_NOT_ALLOWED: "short_not_allowed",
    codes.R_CONTRADICTION: "contradiction",
    codes.R_NO_NEXT_BAR: "no_next_bar",
    codes.R_CLIPPED_TO_VOLUME: "clipped_to_volume",
    codes.R_NO_VOLUME: "no_volume",
    codes.R_PYRAMIDING: "pyramiding_limit",
    codes.R_DAILY_HALT: "daily_halt",
    codes.R_EXPIRED: "expired",
    codes.R_REPLACED: "replaced",
    codes.R_WITHDRAWN: "withdrawn",
    codes.R_STILL_WORKING: "still_working",
    codes.R_EXIT_UNFILLED: "exit_unfilled",
}
_KINDS = {
    codes.K_MARKET: "market",
    codes.K_LIMIT: "limit",
    codes.K_STOP: "stop",
    codes.K_TRAILING: "trailing_stop",
    codes.K_STOP_LIMIT: "stop_limit",
}


def equity_frame(
    bars: ValidatedBars,
    settings: BacktestSettings,
    cash: FloatArray,
    quantity: FloatArray,
    equity: FloatArray,
) -> pd.DataFrame:
    """Cash, position value and equity at each close; the first two add up to the third exactly."""
    value = quantity * bars.close * (settings.multiplier * settings.delta)
    return pd.DataFrame({"cash": cash, "position_value": value, "equity": equity}, index=bars.index)


def trade_frame(
    bars: ValidatedBars,
    settings: BacktestSettings,
    rows: FloatArray,
    splits: tuple[IntArray, FloatArray],
) -> pd.DataFrame:
    """Round trips in the contract's columns; quantity and entry price as traded at the entry.

    `bars_held`: bars whose path the position lived through, in whole or in part. `mfe` and `mae`
    come from highs and lows of whole bars in the position and from the exit's price. A position
    that slippage sold short for nothing has no return and no excursions (NaN).
    """
    entry_bar = rows[:, codes.T_ENTRY_BAR].astype(np.int64)
    exit_bar = rows[:, codes.T_EXIT_BAR].astype(np.int64)
    first = entry_bar + (rows[:, codes.T_ENTRY_AT] == codes.AT_CLOSE)
    last = exit_bar - (rows[:, codes.T_EXIT_AT] == codes.AT_OPEN)
    whole = exit_bar - (rows[:, codes.T_EXIT_AT] != codes.AT_CLOSE)
    terms = _split_terms(len(bars), splits)
    mfe, mae = _excursions(bars.high, bars.low, terms, rows, entry_bar, first, whole, exit_bar)
    notional = (
        rows[:, codes.T_QUANTITY]
        * rows[:, codes.T_ENTRY_PRICE]
        * (settings.multiplier * settings.delta)
    )
    is_open = rows[:, codes.T_REASON] == codes.R_OPEN
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(notional > 0.0, rows[:, codes.T_PNL] / notional, np.nan)
    return pd.DataFrame(
        {
            "trade_no": np.arange(1, len(rows) + 1, dtype=np.int64),
            "side": _words(rows[:, codes.T_SIDE], {1: "long", -1: "short"}),
            "quantity": rows[:, codes.T_QUANTITY],
            "entry_ts": _stamps(bars, entry_bar),
            "entry_price": rows[:, codes.T_ENTRY_PRICE],
            "exit_ts": _stamps(bars, np.where(is_open, -1, exit_bar)),
            "exit_price": rows[:, codes.T_EXIT_PRICE],
            "fees": rows[:, codes.T_FEES],
            "slippage": rows[:, codes.T_SLIPPAGE],
            "pnl": rows[:, codes.T_PNL],
            "return": gain,
            "bars_held": last - first + 1,
            "mfe": mfe,
            "mae": mae,
            "exit_reason": _words(rows[:, codes.T_REASON], EXIT_REASONS),
            "is_open": is_open,
        }
    )


def order_frame(bars: BarClock, rows: FloatArray) -> pd.DataFrame:
    """Order log: decided_ts, ts of fill or refusal (NaT: never due), price NaN where unfilled."""
    asked, filled = rows[:, codes.O_REQUESTED], rows[:, codes.O_FILLED]
    partly = asked > filled * (1.0 + margins.ORDER)
    status = np.where(filled <= 0.0, "unfilled", np.where(partly, "clipped", "filled"))
    return pd.DataFrame(
        {
            "order_no": np.arange(1, len(rows) + 1, dtype=np.int64),
            "decided_ts": _stamps(bars, rows[:, codes.O_DECIDED_BAR].astype(np.int64)),
            "ts": _stamps(bars, rows[:, codes.O_BAR].astype(np.int64)),
            "side": _words(rows[:, codes.O_SIDE], {1: "buy", -1: "sell"}),
            "role": _words(rows[:, codes.O_IS_ENTRY], {1: "entry", 0: "exit"}),
            "kind": _words(rows[:, codes.O_KIND], _KINDS),
            "requested": asked,
            "filled": filled,
            "price": rows[:, codes.O_PRICE],
            "fee": rows[:, codes.O_FEE],
            "slippage": rows[:, codes.O_SLIPPAGE],
            "status": pd.Series(status, dtype="str"),
            "reason": _words(rows[:, codes.O_REASON], ORDER_REASONS),
        }
    )


def daily_frame(
    bars: BarClock, settings: BacktestSettings, equity: FloatArray, rows: FloatArray
) -> pd.DataFrame:
    """One row a date that has bars: pnl, trades closed on it, target hit.

    Dates are those of the session's zone where the settings name one, else of UTC.
    """
    zone = settings.session_close
    of_bar = bars.days if zone is None else bars.local_days(zone.zone)
    days, last = np.unique(of_bar[::-1], return_index=True)
    at_close = equity[len(bars) - 1 - last]
    pnl = np.diff(at_close, prepend=settings.initial_cash)
    closed = rows[rows[:, codes.T_REASON] != codes.R_OPEN, codes.T_EXIT_BAR].astype(np.int64)
    position = np.searchsorted(days, of_bar[closed])
    target = settings.daily_profit_target
    return pd.DataFrame(
        {
            "date": pd.to_datetime(days, unit="D").astype("datetime64[us]"),
            "pnl": pnl,
            "trades": np.bincount(position, minlength=len(days)).astype(np.int64),
            "target_hit": np.zeros(len(days), dtype=bool) if target is None else pnl >= target,
        }
    )


def _stamps(bars: BarClock, rows: IntArray) -> pd.DatetimeIndex:
    """Stamps of the bars in `rows`; NaT for -1."""
    values = np.where(rows >= 0, bars.ts[np.maximum(rows, 0)], np.iinfo(np.int64).min)
    return pd.DatetimeIndex(values.view("datetime64[us]")).tz_localize("UTC").as_unit("us")


def _words(values: FloatArray, names: dict[int, str]) -> pd.Series:
    # The type is said, since pandas would infer another one for no rows.
    return pd.Series([names[int(value)] for value in values], dtype="str")


def _split_terms(n: int, splits: tuple[IntArray, FloatArray]) -> FloatArray:
    """Shares at each bar that one share at the first bar has become."""
    steps = np.ones(n)
    for bar, ratio in zip(*splits, strict=True):
        steps[bar] *= ratio
    return np.asarray(np.cumprod(steps), dtype=np.float64)


@njit(cache=True, nogil=True)
def _excursions(
    high: FloatArray,
    low: FloatArray,
    terms: FloatArray,
    rows: FloatArray,
    entry_bar: IntArray,
    first: IntArray,
    whole: IntArray,
    exit_bar: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """(mfe >= 0, mae <= 0) of each trade as fractions of the entry price, in entry share terms."""
    mfe, mae = np.zeros(rows.shape[0]), np.zeros(rows.shape[0])
    for k in range(rows.shape[0]):
        start, side = entry_bar[k], rows[k, codes.T_SIDE]
        entry_price = rows[k, codes.T_ENTRY_PRICE]
        if not entry_price > 0.0:
            mfe[k], mae[k] = np.nan, np.nan
            continue
        top = rows[k, codes.T_EXIT_PRICE] * (terms[exit_bar[k]] / terms[start])
        bottom = top
        for i in range(first[k], whole[k] + 1):
            term = terms[i] / terms[start]
            top = max(top, high[i] * term)
            bottom = min(bottom, low[i] * term)
        best, worst = (top, bottom) if side > 0.0 else (bottom, top)
        mfe[k] = max(side * (best / entry_price - 1.0), 0.0)
        mae[k] = min(side * (worst / entry_price - 1.0), 0.0)
    return mfe, mae
