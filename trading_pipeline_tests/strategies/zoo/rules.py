"""Rules of strategies by name, leaky and honest, for the audit to tell apart."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from trading_pipeline.domain.signals import Price, Signals
from trading_pipeline.strategies import Market, Strategy, StrategyParams

LEAKY = {}
HONEST = {}


class Rule(Strategy[StrategyParams]):
    """A strategy whose rule is given to it."""

    name: ClassVar[str] = "rule"
    params_type = StrategyParams

    def __init__(self, rule, warmup):
        self.rule, self.warmup = rule, warmup

    def signals(self, market, params):
        return self.rule(market)

    def warmup_bars(self, params):
        return self.warmup


def leaky(warmup, bars="daily"):
    return lambda rule: LEAKY.setdefault(rule.__name__, (Rule(rule, warmup), bars)) and rule


def honest(warmup, bars="daily"):
    return lambda rule: HONEST.setdefault(rule.__name__, (Rule(rule, warmup), bars)) and rule


def long_where(flags, exits=None, **others):
    flags = np.asarray(flags, dtype=bool)
    exits = ~flags if exits is None else np.asarray(exits, dtype=bool)
    return Signals.long_only(flags, exits, **others)


def change(bars):
    return bars.close / bars.close.shift(1) - 1.0


def crossed(bars, fast=5, slow=20):
    return bars.close.rolling(fast).mean() > bars.close.rolling(slow).mean()


def month_ends(bars):
    return (pd.DatetimeIndex(bars.index) + pd.offsets.BDay(1)).month != bars.index.month


def dates(bars):
    return pd.DatetimeIndex(bars.index).normalize()


@leaky(0)
def buys_before_a_rise(market: Market) -> Signals:
    return long_where(market.bars.close.shift(-1) > market.bars.close)


@leaky(20)
def guards_against_the_next_gap(market: Market) -> Signals:
    b = market.bars
    return long_where(crossed(b) & ~(b.open.shift(-1) / b.close < 0.97))


@leaky(20)
def knows_month_ends(market: Market) -> Signals:
    b = market.bars
    up = b.close.shift(-1) > b.close
    return long_where(np.where(month_ends(b), up, crossed(b)))


@leaky(100)
def knows_in_high_volatility(market: Market) -> Signals:
    b = market.bars
    wild = change(b).rolling(10).std() > 1.6 * change(b).rolling(90).std()
    return long_where(np.where(wild, b.close.shift(-1) > b.close, crossed(b)))


@leaky(20)
def leaves_before_a_crash(market: Market) -> Signals:
    b = market.bars
    return long_where(crossed(b), ~crossed(b) | (b.close.shift(-1) / b.close < 0.94))


@leaky(5)
def buys_at_a_centred_low(market: Market) -> Signals:
    low = market.bars.low
    return long_where(low == low.rolling(5, center=True).min())


@leaky(0)
def buys_below_the_mean_of_all(market: Market) -> Signals:
    return long_where(market.close < market.close.mean())


@leaky(1)
def buys_in_the_tails_of_all(market: Market) -> Signals:
    moves = change(market.bars)
    return long_where(moves < moves.quantile(0.01))


@leaky(0)
def stop_at_the_lowest_low_to_come(market: Market) -> Signals:
    lowest = market.bars.low[::-1].rolling(3, min_periods=1).min()[::-1]
    return long_where(market.close > 0, stop_loss=Price(market.to_raw(lowest * 0.9)))


@leaky(20)
def target_at_the_next_high_after_a_loss(market: Market) -> Signals:
    b = market.bars
    following = b.high.shift(-1).fillna(b.high)
    target = np.where(change(b) < -0.03, following, b.high) * 1.1
    return long_where(crossed(b), take_profit=Price(market.to_raw(target)))


@leaky(1)
def buys_on_fridays_before_a_rise(market: Market) -> Signals:
    b = market.bars
    return long_where((b.index.day_of_week == 4) & (b.open.shift(-1) > b.close))


@leaky(1)
def one_bar_of_five_hundred(market: Market) -> Signals:
    b = market.bars
    chosen = (b.index.asi8 // 86_400_000_000) % 251 == 0
    return long_where(np.where(chosen, b.close.shift(-1) > b.close, change(b) > 0))


@leaky(20)
def after_six_rises(market: Market) -> Signals:
    b = market.bars
    run = (change(b) > 0).astype(float).rolling(6).sum() == 6
    return long_where(np.where(run, b.close.shift(-2) > b.close, crossed(b)))


@leaky(10)
def week_known_from_monday_on(market: Market) -> Signals:
    b = market.bars
    weeks = b.close.resample("W-FRI", label="left").last()
    return long_where(weeks.reindex(b.index, method="ffill") > b.close)


@leaky(1)
def waits_without_volume(market: Market) -> Signals:
    b = market.bars
    quiet = b.volume == 0
    return long_where(np.where(quiet, b.close.shift(-1) > b.close, change(b) > 0))


@leaky(1)
def holds_until_before_a_loss(market: Market) -> Signals:
    # a state over the whole past, and an exit that knows a rare loss
    b = market.bars
    losses = (b.close.shift(-1) / b.close - 1.0).fillna(0.0).to_numpy()
    held, entries, exits = False, [], []
    for move, following in zip(change(b).fillna(0.0), losses, strict=True):
        leave = held and (move < -0.03 or following < -0.05)
        enter = not held and move > 0.02
        held = (held or enter) and not leave
        entries.append(enter)
        exits.append(leave)
    return long_where(entries, exits)


@leaky(7, "hourly")
def close_of_the_same_day(market: Market) -> Signals:
    b = market.bars
    return long_where(b.close.groupby(dates(b)).transform("last") > b.close)


@leaky(7, "hourly")
def overnight_gap_at_the_close(market: Market) -> Signals:
    b = market.bars
    late = b.index.hour == 19
    return long_where(np.where(late, b.open.shift(-1) > b.close * 1.01, change(b) > 0.01))


@leaky(14, "hourly")
def last_bar_of_the_session(market: Market) -> Signals:
    b = market.bars
    return long_where(b.close.groupby(dates(b)).cumcount(ascending=False) == 0)


@leaky(78, "five_minutes")
def opening_range_before_it_ends(market: Market) -> Signals:
    b = market.bars
    minutes = b.index.hour * 60 + b.index.minute
    opening = b.high.where(minutes < 840).groupby(dates(b)).transform("max")
    return long_where(b.close > 0.999 * opening)


@leaky(60)
def new_high_that_holds(market: Market) -> Signals:
    b = market.bars
    high = b.close >= b.close.rolling(60).max()
    return long_where(high & (b.low.shift(-1) > b.close * 0.995), b.close < b.close.shift(1))


@leaky(20)
def confidence_from_tomorrow(market: Market) -> Signals:
    b = market.bars
    confidence = (0.5 + (b.close.shift(-1) / b.close - 1.0).fillna(0.0)).clip(0.0, 1.0)
    return long_where(crossed(b), confidence=confidence.to_numpy())


@honest(20)
def crossover(market: Market) -> Signals:
    return long_where(crossed(market.bars))


@honest(1)
def after_a_gap(market: Market) -> Signals:
    b = market.bars
    return long_where((b.open / b.close.shift(1) - 1.0).abs() > 0.03)


@honest(1)
def on_month_ends(market: Market) -> Signals:
    return long_where(month_ends(market.bars))


@honest(1)
def on_fridays_after_a_rise(market: Market) -> Signals:
    return long_where((market.bars.index.day_of_week == 4) & (change(market.bars) > 0))


@honest(1)
def state_with_a_band(market: Market) -> Signals:
    held, entries, exits = False, [], []
    for move in change(market.bars).fillna(0.0):
        enter, leave = not held and move > 0.03, held and move < -0.03
        held = (held or enter) and not leave
        entries.append(enter)
        exits.append(leave)
    return long_where(entries, exits)


@honest(0)
def drawdown_since_the_start(market: Market) -> Signals:
    close = market.bars.close
    return long_where(close / close.cummax() < 0.9)


@honest(50)
def expanding_quantile(market: Market) -> Signals:
    moves = change(market.bars)
    return long_where(moves < moves.expanding(50).quantile(0.05))


@honest(100)
def exponential_means(market: Market) -> Signals:
    close = market.bars.close
    return long_where(close.ewm(span=10, adjust=False).mean() > close.ewm(span=40).mean())


@honest(20)
def stop_at_the_lowest_low(market: Market) -> Signals:
    low = market.bars.low.rolling(20, min_periods=1).min() * 0.99
    return long_where(crossed(market.bars), stop_loss=Price(market.to_raw(low)))


@honest(0)
def every_tenth_bar(market: Market) -> Signals:
    return long_where(np.arange(len(market)) % 10 == 0)


@honest(14)
def reversion(market: Market) -> Signals:
    moves = market.bars.close.diff()
    up = moves.clip(lower=0.0).ewm(alpha=1 / 14, adjust=False).mean()
    down = (-moves.clip(upper=0.0)).ewm(alpha=1 / 14, adjust=False).mean()
    strength = 100.0 - 100.0 / (1.0 + up / down)
    return long_where(strength < 30.0, strength > 55.0)


@honest(60)
def breakout(market: Market) -> Signals:
    b = market.bars
    return long_where(
        b.close > b.high.rolling(60).max().shift(1), b.close < b.low.rolling(20).min().shift(1)
    )


@honest(2)
def leaves_after_a_crash(market: Market) -> Signals:
    return long_where(change(market.bars) > 0.01, change(market.bars) < -0.06)


@honest(1)
def without_volume(market: Market) -> Signals:
    return long_where(market.bars.volume > 0, market.bars.volume == 0)


@honest(10)
def week_before(market: Market) -> Signals:
    b = market.bars
    weeks = b.close.resample("W-FRI").last()
    known = weeks.set_axis(weeks.index + pd.Timedelta(days=3))
    return long_where(known.reindex(b.index, method="ffill") < b.close)


@honest(7, "hourly")
def close_of_the_day_before(market: Market) -> Signals:
    b = market.bars
    daily = b.close.groupby(dates(b)).last().shift(1)
    return long_where(daily.reindex(dates(b)).to_numpy() < b.close.to_numpy())


@honest(7, "hourly")
def at_the_close_by_the_clock(market: Market) -> Signals:
    return long_where(market.bars.index.hour == 19, market.bars.index.hour == 13)


@honest(7, "hourly")
def day_so_far(market: Market) -> Signals:
    b = market.bars
    return long_where(b.close >= b.high.groupby(dates(b)).cummax() * 0.999)


@honest(78, "five_minutes")
def opening_range_once_it_has_ended(market: Market) -> Signals:
    b = market.bars
    minutes = b.index.hour * 60 + b.index.minute
    opening = b.high.where(minutes < 840).groupby(dates(b)).cummax().ffill()
    return long_where((minutes >= 840) & (b.close > opening), minutes >= 1190)


@honest(78, "five_minutes")
def state_of_the_session(market: Market) -> Signals:
    b = market.bars
    jumps = (change(b).abs() > 0.004).astype(int).groupby(dates(b)).cumsum()
    return long_where(jumps == 1, jumps > 3)


@honest(200)
def sizes_by_volatility(market: Market) -> Signals:
    moves = change(market.bars)
    calm = (0.01 / moves.rolling(20).std()).clip(0.1, 2.0).to_numpy()
    return long_where(crossed(market.bars, 20, 100), size=calm)
