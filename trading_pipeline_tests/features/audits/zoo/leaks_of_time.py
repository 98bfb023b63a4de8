"""Features that know a day, a week or a month before it has ended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline_tests.features.audits.zoo.cases import Zoo

leak = Zoo()


def dates(bars):
    return pd.DatetimeIndex(bars.index).normalize()


@leak(10)
def weekly_close_joined_on_its_week(bars):
    weeks = bars.close.resample("W-FRI", label="left").last()
    return weeks.reindex(bars.index, method="ffill") / bars.close


@leak(10)
def weekly_high_from_monday_on(bars):
    weeks = bars.high.resample("W-MON", label="left", closed="left").max()
    return weeks.reindex(bars.index, method="ffill") / bars.close


@leak(30)
def monthly_high_from_the_first_on(bars):
    return bars.high.resample("MS").max().reindex(bars.index, method="ffill") > 1.1 * bars.close


@leak(30)
def mean_of_the_month(bars):
    months = bars.index.year * 12 + bars.index.month
    return bars.close / bars.close.groupby(months).transform("mean")


@leak(90)
def quarterly_range(bars):
    quarters = bars.index.year * 4 + bars.index.quarter
    grouped = bars.close.groupby(quarters)
    return (grouped.transform("max") - grouped.transform("min")) / bars.close


@leak(10)
def nearest_week_end(bars):
    weeks = bars.close.resample("W-FRI").last().rename("weekly").reset_index()
    weeks["ts"] = weeks["ts"].astype("datetime64[us, UTC]")
    joined = pd.merge_asof(bars.reset_index()[["ts"]], weeks, on="ts", direction="nearest")
    return joined["weekly"].to_numpy() / bars.close


@leak(20)
def close_of_the_month_in_rows_of_a_jump(bars):
    months = bars.index.year * 12 + bars.index.month
    last = bars.close.groupby(months).transform("last")
    return np.where((bars.close.pct_change() > 0.04), last / bars.close, 1.0)


@leak(78, "five_minutes")
def last_bar_of_the_session(bars):
    counts = bars.close.groupby(dates(bars)).cumcount(ascending=False)
    return counts == 0


@leak(78, "five_minutes")
def close_of_the_same_day(bars):
    return bars.close.groupby(dates(bars)).transform("last") / bars.close


@leak(78, "five_minutes")
def day_of_the_highest_bar(bars):
    highest = bars.high.groupby(dates(bars)).transform("idxmax")
    return bars.index == pd.DatetimeIndex(highest)


@leak(78, "five_minutes")
def share_of_the_days_volume(bars):
    return bars.volume / bars.volume.groupby(dates(bars)).transform("sum")


@leak(78, "five_minutes")
def opening_range_before_it_ends(bars):
    first = bars.index.hour * 60 + bars.index.minute < 13 * 60 + 60
    opening = bars.high.where(first).groupby(dates(bars)).transform("max")
    return opening / bars.close


@leak(13, "five_minutes")
def hour_joined_on_its_start(bars):
    hours = bars.close.resample("1h", label="left").last().dropna()
    return hours.reindex(bars.index, method="ffill") / bars.close


@leak(13, "five_minutes")
def half_hour_range_at_its_start(bars):
    halves = bars.high.resample("30min").max().dropna()
    return halves.reindex(bars.index) / bars.close


@leak(7, "hourly")
def daily_close_from_the_same_day(bars):
    daily = bars.close.groupby(dates(bars)).last()
    return daily.reindex(dates(bars)).to_numpy() / bars.close.to_numpy() > 1.01


@leak(14, "hourly")
def wide_day_known_in_the_morning(bars):
    grouped = bars.groupby(dates(bars))
    wide = grouped.high.transform("max") / grouped.low.transform("min") > 1.03
    return wide & (bars.index.hour == 14)


@leak(7, "hourly")
def next_days_open_on_fridays(bars):
    friday = (bars.index.day_of_week == 4) & (bars.index.hour == 19)
    return np.where(friday, bars.open.shift(-1) / bars.close - 1.0, 0.0)


@leak(40, "hourly")
def week_of_hours(bars):
    weeks = (pd.DatetimeIndex(bars.index).asi8 // 86_400_000_000 + 3) // 7
    return bars.low.groupby(weeks).transform("min") / bars.close


@leak(7, "hourly")
def second_half_filled_backward(bars):
    late = bars.close.where(bars.index.hour >= 17)
    return late.bfill() / bars.close
