"""Features that read the next bar, or a later one, in a few rows only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline_tests.features.audits.zoo.cases import Zoo

leak = Zoo()


def change(bars):
    return bars.close / bars.close.shift(1) - 1.0


def ahead(bars, k=1):
    return bars.close.shift(-k) / bars.close - 1.0


def spread(bars):
    return (bars.high - bars.low) / bars.close


def next_business_day(bars):
    return pd.DatetimeIndex(bars.index) + pd.offsets.BDay(1)


@leak(1)
def gap_of_the_next_open(bars):
    return (bars.open.shift(-1) / bars.close - 1.0).abs() > 0.04


@leak(1)
def next_return_at_month_ends(bars):
    ends = next_business_day(bars).month != bars.index.month
    return np.where(ends, ahead(bars), change(bars))


@leak(100)
def next_return_in_high_volatility(bars):
    moves = change(bars)
    wild = moves.rolling(10).std() > 1.6 * moves.rolling(90).std()
    return np.where(wild, ahead(bars), moves)


@leak(1)
def narrow_bars_filled_backward(bars):
    narrow = spread(bars) < 0.004
    return np.where(narrow, bars.close.where(~narrow).bfill() / bars.close, 1.0)


@leak(1)
def first_bar_of_the_year(bars):
    years = pd.Series(bars.index.year, bars.index)
    return np.where(years != years.shift(1), ahead(bars), change(bars))


@leak(1)
def next_return_without_volume(bars):
    return np.where(bars.volume == 0, ahead(bars), change(bars))


@leak(20)
def after_six_rises(bars):
    rises = (change(bars) > 0).astype(float)
    return np.where(rises.rolling(6).sum() == 6, ahead(bars), 0.0)


@leak(1)
def next_return_after_a_loss(bars):
    moves = change(bars)
    return np.where(moves < -0.025, ahead(bars), moves)


@leak(1)
def one_bar_of_five_hundred(bars):
    day = bars.index.asi8 // 86_400_000_000
    return np.where(day % 499 == 0, ahead(bars), change(bars))


@leak(1)
def one_weekday(bars):
    return np.where(bars.index.day_of_week == 4, ahead(bars), change(bars))


@leak(1)
def third_friday(bars):
    third = (bars.index.day_of_week == 4) & (bars.index.day >= 15) & (bars.index.day <= 21)
    return np.where(third, bars.open.shift(-1) / bars.close - 1.0, 0.0)


@leak(1, "hourly")
def one_hour(bars):
    return np.where(bars.index.hour == 15, ahead(bars), change(bars))


@leak(1, "five_minutes")
def overnight_gap_at_the_close(bars):
    at_close = (bars.index.hour == 19) & (bars.index.minute == 55)
    return np.where(at_close, bars.open.shift(-1) / bars.close - 1.0, 0.0)


@leak(20)
def volume_spike_to_come(bars):
    return bars.volume.shift(-1) > 6.0 * bars.volume.rolling(20).median()


@leak(2)
def inside_bar_to_come(bars):
    inside = (bars.high.shift(-1) < bars.high) & (bars.low.shift(-1) > bars.low)
    return inside & (spread(bars) > 0.025)


@leak(1)
def crash_to_come(bars):
    return ahead(bars) < -0.07


@leak(1)
def rise_of_three_bars_to_come(bars):
    return ahead(bars, 3) > 0.12


@leak(30)
def next_open_in_narrow_ranges(bars):
    width = spread(bars)
    narrowest = width <= width.rolling(30).min()
    return np.where(narrowest, bars.open.shift(-1) / bars.close - 1.0, 0.0)


@leak(1)
def last_bar_before_a_holiday_gap(bars):
    late = (bars.index.month == 12) & (bars.index.day >= 30)
    return np.where(late, ahead(bars, 2), change(bars))


@leak(60)
def new_high_that_holds(bars):
    high = bars.close >= bars.close.rolling(60).max()
    return np.where(high & (ahead(bars) > 0.0), 1.0, 0.0)


@leak(60)
def doubled_volatility_picks_tomorrow(bars):
    moves = change(bars)
    ratio = moves.rolling(5).std() / moves.rolling(60).std()
    return np.where(ratio > 2.0, np.sign(ahead(bars)), 0.0)


@leak(3)
def gap_filled_next_bar(bars):
    gap = bars.open / bars.close.shift(1) - 1.0
    filled = bars.low.shift(-1) < bars.close.shift(1)
    return np.where(gap > 0.025, filled, 0.0)


@leak(1)
def price_near_a_round_number(bars):
    near = (bars.close % 10.0) < 0.05
    return np.where(near, ahead(bars), 0.0)


@leak(250)
def long_memory_and_month_ends(bars):
    trend = bars.close / bars.close.rolling(200).mean() - 1.0
    ends = next_business_day(bars).month != bars.index.month
    return np.where(ends, trend + ahead(bars), trend)


@leak(1, "hourly")
def first_hour_of_mondays(bars):
    first = (bars.index.day_of_week == 0) & (bars.index.hour == 13)
    return np.where(first, ahead(bars), change(bars))
