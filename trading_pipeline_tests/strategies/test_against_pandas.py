"""Strategies against the formulas of books, written once more with pandas, on random bars."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.strategies import Market
from trading_pipeline_tests.strategies.conftest import (
    bars_of,
    random_closes,
    signals_of,
    where,
    with_wicks,
)

FORGOTTEN = 250  # rows after which it no longer matters how an average was begun


@pytest.fixture(scope="module")
def market():
    """900 random daily bars."""
    return Market(with_wicks(bars_of(random_closes(900, seed=19))))


def average(values, window):
    return values.ewm(span=window, adjust=False).mean()


def wilder(values, window):
    return values.ewm(alpha=1 / window, adjust=False).mean()


def true_range(bars):
    before = bars["close"].shift(1)
    spans = [
        bars["high"] - bars["low"],
        (bars["high"] - before).abs(),
        (bars["low"] - before).abs(),
    ]
    return pd.concat(spans, axis=1).max(axis=1)


def crossed(first, second):
    before = first.shift(1) <= (second.shift(1) if isinstance(second, pd.Series) else second)
    return (first > second) & before


def same(flags, expected, since=FORGOTTEN):
    """Equal from a row on, and not for want of signals."""
    rows = where(flags[since:])
    assert rows == where(expected.to_numpy()[since:])
    assert len(rows) >= 2


def test_ema_crossover(market):
    close = market.bars["close"]
    fast, slow = average(close, 5), average(close, 20)
    found = signals_of("ema_crossover", market, fast=5, slow=20)
    same(found.entry_long, crossed(fast, slow))
    same(found.exit_long, crossed(slow, fast))


def test_ema_pullback(market):
    bars = market.bars
    fast, slow = average(bars["close"], 5), average(bars["close"], 20)
    dips = (fast > slow) & (bars["low"] <= fast) & (bars["close"] > fast)
    found = signals_of("ema_pullback", market, fast=5, slow=20, stop="2 atr")
    same(found.entry_long, dips)
    same(found.exit_long, bars["close"] < slow)
    stops = bars["close"] - 2 * wilder(true_range(bars), 14)
    rows = np.flatnonzero(dips[300:]) + 300
    np.testing.assert_allclose(found.stop_loss.values[rows], stops.to_numpy()[rows], rtol=1e-6)


def test_macd(market):
    line = average(market.bars["close"], 12) - average(market.bars["close"], 26)
    found = signals_of("macd", market)
    same(found.entry_long, crossed(line, average(line, 9)))
    same(found.exit_long, crossed(average(line, 9), line))


def test_donchian_breakout(market):
    bars = market.bars
    found = signals_of("donchian_breakout", market, stop=None, direction="long_short")
    same(found.entry_long, bars["close"] > bars["high"].rolling(20).max().shift(1), since=0)
    same(found.exit_long, bars["close"] < bars["low"].rolling(10).min().shift(1), since=0)
    same(found.entry_short, bars["close"] < bars["low"].rolling(20).min().shift(1), since=0)


def test_keltner_breakout(market):
    bars = market.bars
    middle, reach = average(bars["close"], 20), 1.5 * wilder(true_range(bars), 10)
    found = signals_of("keltner_breakout", market, width=1.5, direction="long_short")
    same(found.entry_long, crossed(bars["close"], middle + reach))
    same(found.entry_short, crossed(middle - reach, bars["close"]))


@pytest.mark.parametrize("kind", ["plain", "heikin_ashi"])
def test_supertrend(market, kind):
    bars = market.bars
    if kind == "heikin_ashi":
        close = bars[["open", "high", "low", "close"]].mean(axis=1)
        opens = [(bars["open"].iloc[0] + bars["close"].iloc[0]) / 2]
        for value in close.iloc[:-1]:
            opens.append((opens[-1] + value) / 2)
        ends = pd.DataFrame({"open": opens, "close": close.to_numpy()}, index=bars.index)
        bars = pd.DataFrame(
            {
                "high": np.maximum(bars["high"], ends.max(axis=1)),
                "low": np.minimum(bars["low"], ends.min(axis=1)),
                "close": close,
            }
        )
    middle, reach = (bars["high"] + bars["low"]) / 2, 2.0 * wilder(true_range(bars), 10)
    upper, lower, trend = [np.inf], [-np.inf], [1]
    closes = bars["close"].to_numpy()
    for row in range(1, len(bars)):
        above, below = middle.iloc[row] + reach.iloc[row], middle.iloc[row] - reach.iloc[row]
        upper.append(min(above, upper[-1]) if closes[row - 1] <= upper[-1] else above)
        lower.append(max(below, lower[-1]) if closes[row - 1] >= lower[-1] else below)
        turned = closes[row] < lower[row] if trend[-1] > 0 else closes[row] > upper[row]
        trend.append(-trend[-1] if turned else trend[-1])
    turns = pd.Series(trend).diff()
    found = signals_of("supertrend", market, bars=kind, width=2.0)
    same(found.entry_long, turns > 0)
    same(found.exit_long, turns < 0)


def test_atr_trailing(market):
    bars = market.bars
    found = signals_of("atr_trailing", market, entry=20)
    same(found.entry_long, bars["close"] > bars["close"].rolling(20).max().shift(1), since=20)
    trail = 3 * wilder(true_range(bars), 14)
    np.testing.assert_allclose(found.trailing_stop.values[300:], trail[300:], rtol=1e-6)


def monthly(market):
    """Month-end closes by month."""
    close = market.bars["close"].tz_localize(None)
    return close.groupby(close.index.to_period("M")).last()


def at_first_bars(market, by_month):
    """The value of each month on its first bar, False elsewhere."""
    months = market.bars.index.tz_localize(None).to_period("M")
    first = ~months.duplicated()
    return pd.Series(first & by_month.reindex(months).fillna(False).to_numpy(dtype=bool))


def test_time_series_momentum(market):
    ends = monthly(market)
    up = ends.shift(2) > ends.shift(13)
    found = signals_of("time_series_momentum", market)
    same(found.entry_long, at_first_bars(market, up), since=0)
    same(found.exit_long, at_first_bars(market, ends.shift(2) <= ends.shift(13)), since=0)


def test_monthly_trend(market):
    ends = monthly(market).shift(1)
    found = signals_of("monthly_trend", market)
    same(found.entry_long, at_first_bars(market, ends > ends.rolling(10).mean()), since=0)
    same(found.exit_long, at_first_bars(market, ends <= ends.rolling(10).mean()), since=0)


def rsi(close, window):
    change = close.diff().fillna(0.0)
    rises, falls = wilder(change.clip(lower=0), window), wilder(-change.clip(upper=0), window)
    return 100 * rises / (rises + falls)


def test_rsi_reversion(market):
    index = rsi(market.bars["close"], 14)
    found = signals_of("rsi_reversion", market, oversold=35.0)
    same(found.entry_long, (index < 35) & (index.shift(1) >= 35))
    same(found.exit_long, index >= 50)


def test_rsi_cross(market):
    index = rsi(market.bars["close"], 14)
    found = signals_of("rsi_cross", market, oversold=35.0, overbought=65.0)
    same(found.entry_long, crossed(index, 35))
    same(found.exit_long, (index < 65) & (index.shift(1) >= 65))


def test_bollinger_reversion(market):
    close = market.bars["close"]
    mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    found = signals_of("bollinger_reversion", market)
    same(found.entry_long, crossed(mean - 2 * deviation, close), since=0)
    same(found.exit_long, close >= mean, since=0)


def test_bollinger_breakout(market):
    close = market.bars["close"]
    mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    found = signals_of("bollinger_breakout", market)
    same(found.entry_long, crossed(close, mean + 2 * deviation), since=0)
    same(found.exit_long, close < mean, since=0)


def test_range_scalper(market):
    bars = market.bars
    high, low = bars["high"].rolling(10).max().shift(1), bars["low"].rolling(10).min().shift(1)
    narrow = high - low <= 3 * wilder(true_range(bars), 14).shift(1)
    found = signals_of("range_scalper", market)
    entries = narrow & (bars["close"] > high)
    same(found.entry_long, entries)
    same(found.exit_long, bars["close"] < low, since=0)
    rows = np.flatnonzero(entries[FORGOTTEN:]) + FORGOTTEN
    targets = bars["close"] + 2 * (bars["close"] - low)
    np.testing.assert_allclose(found.take_profit.values[rows], targets.to_numpy()[rows])


def test_awesome_oscillator(market):
    middle = (market.bars["high"] + market.bars["low"]) / 2
    oscillator = middle.rolling(5).mean() - middle.rolling(34).mean()
    found = signals_of("awesome_oscillator", market)
    same(found.entry_long, crossed(oscillator, 0.0), since=0)
    same(found.exit_long, crossed(-oscillator, 0.0), since=0)


def test_stochastic_trend(market):
    bars, close = market.bars, market.bars["close"]
    low, high = bars["low"].rolling(14).min(), bars["high"].rolling(14).max()
    k = (100 * (close - low) / (high - low)).rolling(3).mean()
    d, trend = k.rolling(3).mean(), average(close, 50)
    found = signals_of("stochastic_trend", market, trend=50, oversold=40.0)
    same(found.entry_long, crossed(k, d) & (d < 40) & (close > trend))
    same(found.exit_long, (crossed(d, k) & (d > 80)) | (close < trend))


def test_momentum_score(market):
    close = market.bars["close"]
    line = average(close, 12) - average(close, 26)
    votes = [
        close - average(close, 26),
        line,
        rsi(close, 14) - 50,
        line - average(line, 9),
        close - close.shift(14),
    ]
    score = sum(np.sign(vote) for vote in votes) / 5
    found = signals_of("momentum_score", market)
    same(found.entry_long, crossed(score, 0.5))
    same(found.exit_long, score <= 0)


def test_opening_range_breakout(session_market):
    bars = session_market.bars
    days = bars.index.tz_convert("America/New_York").date
    minutes = bars.groupby(days).cumcount() * 15
    opening = bars[minutes < 30].groupby(days[minutes < 30])
    high = opening["high"].max().reindex(days).to_numpy()
    size = minutes.groupby(days).transform("max")
    late = minutes >= size - 15  # the last two bars of a session, of an early close too
    breaks = (minutes >= 30) & ~late & (bars["close"] > high)
    first = breaks & (breaks.groupby(days).cumsum() == 1)
    found = signals_of("opening_range_breakout", session_market)
    complete = (days != days[-1])[: len(bars)]  # the last day is cut off
    same(found.entry_long & complete, first & complete, since=0)
    same(found.exit_long & complete, ((minutes < 30) | late) & complete, since=0)
