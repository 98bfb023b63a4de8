"""Returns by calendar period: day, week, month, quarter, year. Fractions, UTC dates."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.errors import ConfigurationError, did_you_mean
from trading_pipeline.performance.bar_returns import checked_returns, equity_array

__all__ = ["Period", "monthly_return_table", "period_returns"]

Period = Literal["day", "week", "month", "quarter", "year"]
_CODES = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y-DEC"}


def period_returns(
    equity: pd.Series, period: Period, *, initial_equity: float | None = None
) -> pd.DataFrame:
    """Return of each calendar period that has a bar, in time order; they compound to the whole.

    A bar belongs to the period of its `ts` in UTC (a daily bar's `ts` is its session's date). Index
    `period_start`, aware UTC. Columns: `return`, the last equity of the period over the last one
    before it, less 1; `bars`; `first_ts` and `last_ts`, so that a part of a period shows as one.
    Weeks start on Monday. The first period is counted from `initial_equity`, or without it from its
    own first bar. NaN after an equity at or below 0.

    Raises `ConfigurationError` for an unknown period; other errors as in `equity_array`.
    """
    if period not in _CODES:
        raise ConfigurationError(
            f"There is no period '{period}'. {did_you_mean(str(period), _CODES)}", period=period
        )
    checked = equity_array(equity.to_numpy(dtype=np.float64), initial_equity=initial_equity)
    start, values = checked[0], checked[len(checked) - len(equity) :]
    stamps = utc_index(equity.index)
    labels = stamps.tz_localize(None).to_period(_CODES[period])
    codes = labels.asi8
    last = np.flatnonzero(np.concatenate((codes[1:] != codes[:-1], [True])))
    first = np.concatenate(([0], last[:-1] + 1))
    ends = values[last]
    starts = labels[last].to_timestamp().tz_localize("UTC").as_unit("us")
    return pd.DataFrame(
        {
            "return": checked_returns(np.concatenate(([start], ends))),
            "bars": last - first + 1,
            "first_ts": stamps[first],
            "last_ts": stamps[last],
        },
        index=pd.DatetimeIndex(starts, name="period_start"),
    )


def monthly_return_table(equity: pd.Series, *, initial_equity: float | None = None) -> pd.DataFrame:
    """Months as columns 1 to 12 and the `year`'s return, one row per year; NaN without bars."""
    months = period_returns(equity, "month", initial_equity=initial_equity)
    years = period_returns(equity, "year", initial_equity=initial_equity)
    starts = pd.DatetimeIndex(months.index)
    year_numbers = pd.DatetimeIndex(years.index).year
    table = pd.DataFrame(
        np.nan, index=pd.Index(year_numbers, name="calendar_year"), columns=[*range(1, 13), "year"]
    )
    values = table.to_numpy(copy=True)
    rows = np.searchsorted(year_numbers.to_numpy(), starts.year.to_numpy())
    values[rows, starts.month.to_numpy() - 1] = months["return"].to_numpy()
    values[:, 12] = years["return"].to_numpy()
    return pd.DataFrame(values, index=table.index, columns=table.columns)
