"""How splits and dividends turn traded prices into comparable ones. Pure, no clock.

Forward-adjusted prices start from the price of the first bar and use nothing later than their own
bar: a split multiplies what follows by its ratio, a dividend is reinvested. So history never
changes when a later action comes. Back-adjusted prices end at the traded price and do change; for
charts only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS, TS_DTYPE
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.moments import DAY, Floats, Moments, microseconds, moments_of
from trading_pipeline.errors import DataQualityError

__all__ = [
    "EVENT_COLUMNS",
    "adjustment_events",
    "back_adjust",
    "forward_adjust",
    "forward_factors",
]

EVENT_COLUMNS = ("ex_date", "split_factor", "dividend_factor")


def adjustment_events(
    actions: Iterable[CorporateAction],
    bars: pd.DataFrame,
    *,
    sessions: pd.DatetimeIndex | None = None,
) -> pd.DataFrame:
    """One row for each ex-date that changes prices: ex_date (aware UTC midnight) and two factors.

    `split_factor` is the product of the day's split ratios. `dividend_factor` is `1 / (1 - D / C)`
    with D the day's cash per share (dividends, and gains that a fund pays out) and C the close of
    the last bar before the ex-date, in the shares that D is paid on (so divided by a split of the
    same day); it is what one share becomes when its dividend buys more at the price that the
    payment leaves (CRSP's reinvestment convention).

    `bars` are as traded and hold the whole series, so that the factors do not depend on the part
    that is adjusted later. `sessions` gives the session date of each bar; without it the UTC date
    counts. Actions on or before the first bar's date change no ratio of prices and are left out.
    Raises `DataQualityError` for a dividend that is not below the close before it.

    >>> from datetime import UTC, datetime
    >>> days = pd.DatetimeIndex(["2020-01-01", "2020-01-02"], tz="UTC", name="ts").as_unit("us")
    >>> bars = pd.DataFrame({"close": [50.0, 24.0]}, index=days)
    >>> split = CorporateAction(
    ...     instrument="X_1d", ex_date=date(2020, 1, 2), kind="split", value=2.0,
    ...     source="doc", seen_at=datetime(2020, 1, 2, tzinfo=UTC))
    >>> adjustment_events([split], bars)[["split_factor", "dividend_factor"]].values.tolist()
    [[2.0, 1.0]]
    """
    days = _session_days(bars.index, sessions)
    closes = bars["close"].to_numpy(dtype=np.float64)
    by_date: dict[date, list[CorporateAction]] = defaultdict(list)
    for action in actions:
        by_date[action.ex_date].append(action)
    rows: list[tuple[pd.Timestamp, float, float]] = []
    for ex_date in sorted(by_date):
        ex_day = pd.Timestamp(ex_date, tz="UTC").as_unit("us")
        position = int(np.searchsorted(days, microseconds(ex_day), side="left"))
        if position == 0:
            continue
        group = by_date[ex_date]
        split = float(np.prod([action.value for action in group if action.kind == "split"]))
        cash = sum(action.value for action in group if action.kind != "split")
        previous = closes[position - 1] / split
        if cash and not previous > cash:
            raise DataQualityError(
                f"{group[0].instrument}: the dividend of {cash} with ex-date {ex_date} is not "
                f"below the close of {previous} before it. Correct the corporate action, or its "
                "split of the same day.",
                instrument=group[0].instrument,
                ex_date=ex_date,
                dividend=cash,
                previous_close=previous,
            )
        rows.append((ex_day, split, 1.0 / (1.0 - cash / previous)))
    return pd.DataFrame(
        {
            "ex_date": pd.DatetimeIndex([row[0] for row in rows], dtype=TS_DTYPE),
            "split_factor": np.array([row[1] for row in rows], dtype=np.float64),
            "dividend_factor": np.array([row[2] for row in rows], dtype=np.float64),
        }
    )


def forward_factors(
    index: pd.DatetimeIndex,
    events: pd.DataFrame,
    *,
    sessions: pd.DatetimeIndex | None = None,
) -> pd.DataFrame:
    """Factors of each bar, columns `split` and `total`, both 1.0 before the first event.

    `split(t)` is the product of the split factors with ex_date <= t; `total(t)` that of splits and
    dividends. `events` are those of `adjustment_events`; `index` may be any part of the series.
    """
    order = np.argsort(events["ex_date"].to_numpy(), kind="stable")
    ex_days = moments_of(pd.DatetimeIndex(events["ex_date"]))[order]
    split = events["split_factor"].to_numpy(dtype=np.float64)[order]
    dividend = events["dividend_factor"].to_numpy(dtype=np.float64)[order]
    passed = np.searchsorted(ex_days, _session_days(index, sessions), side="right")
    return pd.DataFrame(
        {
            "split": np.concatenate([[1.0], np.cumprod(split)])[passed],
            "total": np.concatenate([[1.0], np.cumprod(split * dividend)])[passed],
        },
        index=index,
    )


def forward_adjust(
    bars: pd.DataFrame, events: pd.DataFrame, *, sessions: pd.DatetimeIndex | None = None
) -> pd.DataFrame:
    """Prices times the total factor, volume divided by the split factor (shares of the first bar).

    Any row depends on its own bar and on events up to it; NaN stays NaN. Other columns are kept.
    """
    factors = forward_factors(pd.DatetimeIndex(bars.index), events, sessions=sessions)
    return _scaled(bars, factors["total"].to_numpy(), factors["split"].to_numpy())


def back_adjust(
    bars: pd.DataFrame, events: pd.DataFrame, *, sessions: pd.DatetimeIndex | None = None
) -> pd.DataFrame:
    """The forward-adjusted series scaled so that it ends at the traded price of all events.

    Every price changes when a new event comes: for charts, never for features or signals.
    """
    factors = forward_factors(pd.DatetimeIndex(bars.index), events, sessions=sessions)
    split = events["split_factor"].to_numpy(dtype=np.float64)
    total = split * events["dividend_factor"].to_numpy(dtype=np.float64)
    return _scaled(
        bars,
        factors["total"].to_numpy() / float(np.prod(total)),
        factors["split"].to_numpy() / float(np.prod(split)),
    )


def _scaled(bars: pd.DataFrame, price: Floats, shares: Floats) -> pd.DataFrame:
    columns = {column: bars[column] * price for column in PRICE_COLUMNS if column in bars}
    if "volume" in bars:
        columns["volume"] = bars["volume"] / shares
    return bars.assign(**columns)


def _session_days(index: pd.Index, sessions: pd.DatetimeIndex | None) -> Moments:
    days = pd.DatetimeIndex(index if sessions is None else sessions)
    if len(days) != len(index):
        raise DataQualityError(
            f"{len(days)} session dates were given for {len(index)} bars; give one for each bar.",
            bars=len(index),
            sessions=len(days),
        )
    moments = moments_of(days)
    return moments - moments % DAY
