"""Honest features that an audit could mistake: long memories, states, calendars, holes, codes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline_tests.features.audits.zoo.cases import Zoo

honest = Zoo()


def change(bars):
    return bars.close / bars.close.shift(1) - 1.0


def dates(bars):
    return pd.DatetimeIndex(bars.index).normalize()


@honest(1)
def return_of_the_bar(bars):
    return change(bars)


@honest(1)
def gap_of_this_open(bars):
    return (bars.open / bars.close.shift(1) - 1.0).abs() > 0.04


@honest(2)
def gap_of_the_bar_before(bars):
    return (bars.open / bars.close.shift(1) - 1.0).shift(1) > 0.04


@honest(0)
def share_of_the_range(bars):
    return (bars.close - bars.low) / (bars.high - bars.low)


@honest(0)
def integer_code_of_the_bar(bars):
    return (bars.close > bars.open) * 4 + (bars.high > bars.open * 1.02) * 2 + (bars.volume == 0)


@honest(400)
def long_exponential_mean(bars):
    return bars.close.ewm(span=50, adjust=False).mean() / bars.close


@honest(300)
def above_the_long_exponential_mean(bars):
    return bars.close > bars.close.ewm(span=30, adjust=False).mean()


@honest(250)
def rank_within_a_year(bars):
    return change(bars).rolling(250).rank(pct=True)


@honest(100)
def z_score_of_a_window(bars):
    moves = change(bars)
    return (moves - moves.rolling(100).mean()) / moves.rolling(100).std()


@honest(61)
def quantile_flag_of_a_window(bars):
    moves = change(bars)
    return moves > moves.rolling(60).quantile(0.98)


@honest(20)
def highest_of_twenty(bars):
    return bars.high == bars.high.rolling(20).max()


@honest(7)
def peak_known_late(bars):
    centred = bars.high == bars.high.rolling(7, center=True).max()
    return centred.shift(3).fillna(False).astype(float)


@honest(1)
def month_of_the_year(bars):
    return bars.index.month


@honest(1)
def month_ends_by_the_calendar(bars):
    return (pd.DatetimeIndex(bars.index) + pd.offsets.BDay(1)).month != bars.index.month


@honest(1)
def return_at_month_ends(bars):
    ends = (pd.DatetimeIndex(bars.index) + pd.offsets.BDay(1)).month != bars.index.month
    return np.where(ends, change(bars), 0.0)


@honest(10)
def weekly_close_joined_by_known_at(bars):
    weeks = bars.close.resample("W-FRI").last()
    known = weeks.shift(1).set_axis(weeks.index + pd.Timedelta(days=-4))
    return known.reindex(bars.index, method="ffill") / bars.close


@honest(10)
def week_so_far(bars):
    weeks = (pd.DatetimeIndex(bars.index).asi8 // 86_400_000_000 + 3) // 7
    return bars.high.groupby(weeks).cummax() / bars.close


@honest(23)
def month_so_far(bars):
    months = bars.index.year * 12 + bars.index.month
    return bars.close / bars.close.groupby(months).transform("first")


@honest(2)
def filled_zero_volume(bars):
    return np.log1p(bars.volume.where(bars.volume > 0, bars.volume.shift(1)))


@honest(1)
def no_volume(bars):
    return bars.volume == 0


@honest(20)
def volume_spike(bars):
    return bars.volume > 6.0 * bars.volume.rolling(20).median()


@honest(1)
def one_bar_of_five_hundred(bars):
    day = bars.index.asi8 // 86_400_000_000
    return np.where(day % 499 == 0, change(bars), 0.0)


@honest(20, keeps_nan=True)
def holes_outside_of_jumps(bars):
    return change(bars).where(change(bars).abs() > 0.03)


@honest(1, keeps_nan=True)
def holes_on_mondays(bars):
    return change(bars).where(bars.index.day_of_week != 0)


@honest(200)
def kalman_level(bars):
    level, out = float(bars.close.iloc[0]), []
    for price in bars.close.to_numpy():
        level += 0.1 * (price - level)
        out.append(level)
    return np.array(out) / bars.close.to_numpy()


@honest(400)
def volatility_by_recursion(bars):
    moves = change(bars).fillna(0.0).to_numpy()
    variance, out = 1e-4, []
    for move in moves:
        variance = 1e-6 + 0.08 * move * move + 0.9 * variance
        out.append(variance)
    return np.sqrt(out)


@honest(12)
def run_of_rises_at_most_ten(bars):
    up = change(bars) > 0
    runs = up.groupby((~up).cumsum()).cumsum()
    return runs.clip(upper=10)


@honest(60)
def correlation_with_volume(bars):
    return change(bars).rolling(50).corr(np.log1p(bars.volume))


@honest(21)
def slope_of_twenty(bars):
    weights = np.arange(20) - 9.5
    return np.convolve(np.log(bars.close), weights[::-1], mode="full")[: len(bars)]


@honest(2)
def jump_after_a_jump(bars):
    jump = change(bars).abs() > 0.03
    return jump & jump.shift(1, fill_value=False)


@honest(0, memory="all")
def expanding_z_score(bars):
    moves = change(bars)
    return (moves - moves.expanding(20).mean()) / moves.expanding(20).std()


@honest(0, memory="all")
def drawdown_since_the_start(bars):
    return bars.close / bars.close.cummax() - 1.0


@honest(0, memory="all")
def expanding_quantile_flag(bars):
    moves = change(bars)
    return moves > moves.expanding(50).quantile(0.98)


@honest(0, memory="all")
def on_balance_volume(bars):
    return (np.sign(change(bars).fillna(0.0)) * bars.volume).cumsum()


@honest(0, memory="all")
def bars_since_the_highest(bars):
    at_high = bars.close >= bars.close.cummax()
    return at_high.groupby(at_high.cumsum()).cumcount()


@honest(0, memory="all")
def share_of_rises_so_far(bars):
    return (change(bars) > 0).expanding().mean()


@honest(0, memory="all")
def state_with_a_band(bars):
    state, out = 0.0, []
    for move in change(bars).fillna(0.0):
        state = 1.0 if move > 0.03 else -1.0 if move < -0.03 else state
        out.append(state)
    return out


@honest(78, "five_minutes")
def day_so_far(bars):
    return bars.high.groupby(dates(bars)).cummax() / bars.close


@honest(78, "five_minutes")
def volume_weighted_price_of_the_day(bars):
    paid = (bars.close * bars.volume).groupby(dates(bars)).cumsum()
    return paid / bars.volume.groupby(dates(bars)).cumsum() / bars.close


@honest(78, "five_minutes")
def opening_range_once_it_has_ended(bars):
    minutes = bars.index.hour * 60 + bars.index.minute
    opening = bars.high.where(minutes < 13 * 60 + 60).groupby(dates(bars)).cummax()
    return (minutes >= 14 * 60) & (bars.close > opening.ffill())


@honest(78, "five_minutes")
def state_that_begins_anew_each_session(bars):
    jump = (change(bars).abs() > 0.004).astype(float)
    return jump.groupby(dates(bars)).cumsum()


@honest(26, "five_minutes")
def hour_that_has_ended(bars):
    hours = bars.close.resample("1h", label="right").last().dropna()
    # a bar's stamp is its start: at 14:55 the bar that ends the hour is known at its close
    known = hours.set_axis(hours.index - pd.Timedelta(minutes=5))
    return known.reindex(bars.index, method="ffill") / bars.close


@honest(0, "five_minutes")
def minutes_since_the_open(bars):
    return bars.index.hour * 60 + bars.index.minute - 810


@honest(14, "hourly")
def close_of_the_day_before(bars):
    daily = bars.close.groupby(dates(bars)).last().shift(1)
    return daily.reindex(dates(bars)).to_numpy() / bars.close.to_numpy()


@honest(7, "hourly")
def gap_of_the_session(bars):
    first = bars.index.hour == 13
    return np.where(first, bars.open / bars.close.shift(1) - 1.0, 0.0)


@honest(40, "hourly")
def week_of_hours_so_far(bars):
    weeks = (pd.DatetimeIndex(bars.index).asi8 // 86_400_000_000 + 3) // 7
    return bars.low.groupby(weeks).cummin() / bars.close


@honest(0, "hourly")
def sine_of_the_hour(bars):
    return np.sin(bars.index.hour / 24.0 * 2.0 * np.pi)
