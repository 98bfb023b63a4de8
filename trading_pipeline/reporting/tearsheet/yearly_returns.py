"""Returns by calendar year, of a strategy beside buy and hold. Fractions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["yearly_returns"]


def yearly_returns(
    equity: pd.Series,
    *,
    initial_equity: float,
    benchmark: pd.Series | None = None,
    trades: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a year: strategy, benchmark, difference, max_drawdown, trades (closed in that year).

    A year's return runs from the last close before it (the initial equity in the first year) to its
    own last close, so the years compound to the whole. `max_drawdown` is the deepest fall from a
    peak within the year or from its start. Years are in UTC; a return is NaN where the equity at
    the start of the year is not above 0.

    >>> days = pd.DatetimeIndex(["2011-06-01", "2011-12-30", "2012-12-31"], tz="UTC")
    >>> yearly_returns(pd.Series([105.0, 110.0, 99.0], index=days), initial_equity=100.0)[
    ...     "strategy"].round(6).to_dict()
    {2011: 0.1, 2012: -0.1}
    """
    years = pd.DatetimeIndex(equity.index).tz_convert("UTC").year
    table = pd.DataFrame({"strategy": _by_year(equity, years, initial_equity)})
    table["benchmark"] = np.nan if benchmark is None else _by_year(benchmark, years, initial_equity)
    table["difference"] = table["strategy"] - table["benchmark"]
    starts = equity.shift(1, fill_value=initial_equity).groupby(years).first()
    table["max_drawdown"] = pd.Series(
        {
            year: _deepest(np.append(starts[year], part.to_numpy()))
            for year, part in equity.groupby(years)
        }
    )
    table["trades"] = 0
    if trades is not None and len(trades):
        closed = pd.DatetimeIndex(pd.to_datetime(trades["exit_ts"].dropna(), utc=True)).year
        counts = pd.Series(closed).value_counts()
        table["trades"] = counts.reindex(table.index, fill_value=0).astype("int64")
    return table.rename_axis("year")


def _by_year(equity: pd.Series, years: pd.Index, initial_equity: float) -> pd.Series:
    ends = equity.groupby(years).last()
    starts = ends.shift(1, fill_value=initial_equity)
    return (ends / starts - 1.0).where(starts > 0.0)


def _deepest(values: npt.NDArray[np.float64]) -> float:
    peaks = np.maximum.accumulate(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(peaks > 0.0, values / peaks - 1.0, np.nan)
    return float(np.nanmin(depth)) if np.isfinite(depth).any() else float("nan")
