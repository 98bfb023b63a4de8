"""Metrics of round trips. Money in account currency, returns as fractions.

Rates, averages and streaks cover only CLOSED trades, in the order of the frame; open trades are
counted separately, because their result is not known yet. A trade that ended at exactly 0 is
neither a win nor a loss. Undefined metrics are NaN: no closed trade, or a ratio without a loss.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.return_metrics import ensure_periods_per_year, mean_or_nan

__all__ = ["TRADE_METRIC_NAMES", "longest_streak", "system_quality", "trade_metrics", "turnover"]

TRADE_METRIC_NAMES: tuple[str, ...] = (
    "trade_count",
    "open_trade_count",
    "long_trade_count",
    "short_trade_count",
    "win_rate",
    "profit_factor",
    "payoff_ratio",
    "expectancy",
    "expectancy_return",
    "average_win",
    "average_loss",
    "best_trade_return",
    "worst_trade_return",
    "sqn",
    "longest_winning_streak",
    "longest_losing_streak",
    "average_bars_held",
    "total_fees",
    "total_slippage",
)
_NEEDED = ("side", "fees", "slippage", "pnl", "return", "bars_held", "is_open")


def trade_metrics(trades: pd.DataFrame) -> dict[str, float]:
    """Every metric of `TRADE_METRIC_NAMES` from a trades frame, one row a round trip.

    - trade_count, long_trade_count, short_trade_count: all rows, open_trade_count among them.
    - win_rate: closed trades with pnl above 0 over closed trades.
    - profit_factor: sum of gains over size of the sum of losses.
    - payoff_ratio: average_win over size of average_loss (money a trade; the loss is negative).
    - expectancy: mean pnl in money; expectancy_return: mean of `return`.
    - sqn: system quality number, see `system_quality`.
    - average_bars_held: mean of `bars_held`.
    - total_fees, total_slippage: over all rows, open ones too, since they are paid.

    Raises `DataQualityError` naming a missing column or a pnl that is not finite.
    """
    missing = [column for column in _NEEDED if column not in trades.columns]
    if missing:
        raise DataQualityError(
            f"The trades lack the column(s) {', '.join(missing)}; a result's `trades` frame has "
            "them.",
            missing=missing,
        )
    is_open = trades["is_open"].to_numpy(dtype=np.bool_)
    is_long = (trades["side"] == "long").to_numpy(dtype=np.bool_)
    pnl = _column(trades, "pnl")
    if not np.isfinite(pnl).all():
        row = int(np.flatnonzero(~np.isfinite(pnl))[0])
        raise DataQualityError(
            f"The pnl of trade row {row} is {pnl[row]}; mark an open trade at the last close "
            "instead of leaving it empty.",
            row=row,
        )
    closed = ~is_open
    returns, held = _column(trades, "return")[closed], _column(trades, "bars_held")[closed]
    pnl = pnl[closed]
    gains, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    average_win, average_loss = mean_or_nan(gains), mean_or_nan(losses)
    return {
        "trade_count": float(is_open.size),
        "open_trade_count": float(np.count_nonzero(is_open)),
        "long_trade_count": float(np.count_nonzero(is_long)),
        "short_trade_count": float(np.count_nonzero(~is_long)),
        "win_rate": gains.size / pnl.size if pnl.size else math.nan,
        "profit_factor": float(gains.sum() / -losses.sum()) if losses.size else math.nan,
        "payoff_ratio": average_win / -average_loss if losses.size else math.nan,
        "expectancy": mean_or_nan(pnl),
        "expectancy_return": mean_or_nan(returns),
        "average_win": average_win,
        "average_loss": average_loss,
        "best_trade_return": float(returns.max()) if returns.size else math.nan,
        "worst_trade_return": float(returns.min()) if returns.size else math.nan,
        "sqn": system_quality(pnl),
        "longest_winning_streak": float(longest_streak(pnl > 0.0)),
        "longest_losing_streak": float(longest_streak(pnl < 0.0)),
        "average_bars_held": mean_or_nan(held),
        "total_fees": float(_column(trades, "fees").sum()),
        "total_slippage": float(_column(trades, "slippage").sum()),
    }


def system_quality(pnl: npt.ArrayLike) -> float:
    """System quality number (Tharp 2008): root of the trades times mean pnl over its deviation.

    Sample deviation (n - 1), no cap on the number of trades. NaN below two trades and where all
    trades ended alike.

    >>> round(system_quality([1.0, 2.0, 3.0]), 6)
    3.464102
    """
    values = np.asarray(pnl, dtype=np.float64)
    if values.size < 2 or values.min() == values.max():
        return math.nan
    return math.sqrt(values.size) * float(values.mean() / values.std(ddof=1))


def longest_streak(happened: npt.ArrayLike) -> int:
    """Longest run of True values.

    >>> longest_streak([True, True, False, True])
    2
    """
    breaks = np.flatnonzero(~np.asarray(happened, dtype=np.bool_))
    edges = np.concatenate(([-1], breaks, [np.size(happened)]))
    return int(np.diff(edges).max() - 1)


def turnover(
    trades: pd.DataFrame,
    *,
    average_equity: float,
    bars: int,
    periods_per_year: float,
    multiplier: float = 1.0,
) -> float:
    """How often a year the account is invested again: value of entries over mean equity and years.

    One-way: exits are not added, since each only undoes its entry. `multiplier`: account currency a
    point and contract. NaN without bars or for a mean equity that is not above 0.
    """
    ensure_periods_per_year(periods_per_year)
    if bars < 1 or not average_equity > 0.0:
        return math.nan
    value = float(np.abs(_column(trades, "quantity")) @ _column(trades, "entry_price"))
    return value * multiplier / average_equity * (periods_per_year / bars)


def _column(trades: pd.DataFrame, name: str) -> FloatArray:
    values: FloatArray = trades[name].to_numpy(dtype=np.float64)
    return values
