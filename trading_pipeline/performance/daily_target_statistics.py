"""How often a day reached its profit target. Money in account currency, shares as fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.trade_metrics import longest_streak

__all__ = ["daily_target_statistics", "daily_target_table"]

_NEEDED = ("date", "pnl", "trades", "target_hit")


def daily_target_statistics(daily: pd.DataFrame) -> dict[str, float]:
    """Statistics of a result's `daily` frame (date, pnl, trades, target_hit), one row per day.

    - days, trading_days (a trade closed), target_hit_days, target_hit_rate (of all days) and
      target_hit_rate_of_trading_days.
    - up_day_rate: days with pnl above 0; average_pnl, median_pnl, pnl_deviation (n - 1), best_day,
      worst_day.
    - average_pnl_on_hit_days, average_pnl_on_other_days; average_trades a day.
    - longest_hit_streak and longest_miss_streak, in days in a row.

    NaN for a value that has no days to measure, 0.0 for counts. Raises `DataQualityError` for a
    missing column.
    """
    missing = [column for column in _NEEDED if column not in daily.columns]
    if missing:
        raise DataQualityError(
            f"The daily frame lacks the column(s) {', '.join(missing)}; a result's `daily` has "
            "them.",
            missing=missing,
        )
    pnl = daily["pnl"].to_numpy(dtype=np.float64)
    trades = daily["trades"].to_numpy(dtype=np.float64)
    hit = daily["target_hit"].to_numpy(dtype=np.bool_)
    traded = trades > 0.0
    days, none = pnl.size, math.nan
    return {
        "days": float(days),
        "trading_days": float(np.count_nonzero(traded)),
        "target_hit_days": float(np.count_nonzero(hit)),
        "target_hit_rate": float(hit.mean()) if days else none,
        "target_hit_rate_of_trading_days": float(hit[traded].mean()) if traded.any() else none,
        "up_day_rate": float((pnl > 0.0).mean()) if days else none,
        "average_pnl": float(pnl.mean()) if days else none,
        "median_pnl": float(np.median(pnl)) if days else none,
        "pnl_deviation": float(pnl.std(ddof=1)) if days > 1 else none,
        "best_day": float(pnl.max()) if days else none,
        "worst_day": float(pnl.min()) if days else none,
        "average_pnl_on_hit_days": float(pnl[hit].mean()) if hit.any() else none,
        "average_pnl_on_other_days": float(pnl[~hit].mean()) if (~hit).any() else none,
        "average_trades": float(trades.mean()) if days else none,
        "longest_hit_streak": float(longest_streak(hit)),
        "longest_miss_streak": float(longest_streak(~hit)),
    }


def daily_target_table(daily: pd.DataFrame, targets: Sequence[float]) -> pd.DataFrame:
    """For each target, the days that ended at or above it: columns target, days, rate.

    Counts the actual pnl of each day. It does not show how trading would have gone with that target
    set; run a backtest with `daily_profit_target` for that. Raises `ConfigurationError` for a
    target that is not above 0.

    >>> frame = pd.DataFrame({"pnl": [50.0, 150.0, -20.0, 100.0]})
    >>> daily_target_table(frame, [100.0]).to_dict("records")
    [{'target': 100.0, 'days': 2, 'rate': 0.5}]
    """
    wrong = [target for target in targets if not (math.isfinite(target) and target > 0.0)]
    if wrong:
        raise ConfigurationError(
            f"A daily target is {wrong[0]}; it must be an amount of account currency above 0.",
            target=wrong[0],
        )
    pnl = daily["pnl"].to_numpy(dtype=np.float64)
    counts = [int(np.count_nonzero(pnl >= target)) for target in targets]
    rates = [count / pnl.size if pnl.size else math.nan for count in counts]
    return pd.DataFrame(
        {
            "target": np.array(targets, dtype=np.float64),
            "days": np.array(counts, dtype=np.int64),
            "rate": np.array(rates, dtype=np.float64),
        }
    )
