"""The most used indicators against their definitions, computed by pandas and NumPy alone.

Recursive ones are compared after their warm-up, where the two ways of starting them are forgotten;
windowed ones on every row that has a value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.features.indicators.wrapper import (
    indicator,
    indicator_lookback,
    indicator_warmup,
)

ROWS = 1100


def ema(values, period):
    return values.ewm(span=period, adjust=False).mean()


def wilder(values, period):
    return values.ewm(alpha=1.0 / period, adjust=False).mean()


def true_range(bars):
    before = bars.close.shift()
    reach = pd.concat(
        [bars.high - bars.low, (bars.high - before).abs(), (bars.low - before).abs()], axis=1
    )
    return reach.max(axis=1)


def typical(bars):
    return (bars.high + bars.low + bars.close) / 3.0


def rsi(bars):
    change = bars.close.diff().fillna(0.0)
    gain, loss = wilder(change.clip(lower=0.0), 14), wilder(-change.clip(upper=0.0), 14)
    return 100.0 * gain / (gain + loss)


def wma(values, period):
    weights = np.arange(1.0, period + 1.0)
    return values.rolling(period).apply(lambda w: w @ weights / weights.sum(), raw=True)


def dema(bars):
    once = ema(bars.close, 20)
    return 2.0 * once - ema(once, 20)


def tema(bars):
    once = ema(bars.close, 10)
    twice = ema(once, 10)
    return 3.0 * once - 3.0 * twice + ema(twice, 10)


def kama(bars):
    """Kaufman's: the constant moves between those of 2 and 30 bars with the efficiency ratio."""
    close = bars.close.to_numpy()
    period, fast, slow = 10, 2.0 / 3.0, 2.0 / 31.0
    result = np.full(len(close), np.nan)
    result[period - 1] = close[period - 1]
    for row in range(period, len(close)):
        path = np.abs(np.diff(close[row - period : row + 1])).sum()
        efficiency = abs(close[row] - close[row - period]) / path
        constant = (efficiency * (fast - slow) + slow) ** 2
        result[row] = result[row - 1] + constant * (close[row] - result[row - 1])
    return pd.Series(result, bars.index)


def macd(bars, part):
    line = ema(bars.close, 12) - ema(bars.close, 26)
    signal = ema(line, 9)
    return {"macd": line, "macdsignal": signal, "macdhist": line - signal}[part]


def band(bars, side):
    window = bars.close.rolling(20)
    return window.mean() + side * 2.0 * window.std(ddof=0)


def directional(bars):
    up, down = bars.high.diff(), -bars.low.diff()
    plus = up.where((up > down) & (up > 0.0), 0.0)
    minus = down.where((down > up) & (down > 0.0), 0.0)
    reach = wilder(true_range(bars), 14)
    return 100.0 * wilder(plus, 14) / reach, 100.0 * wilder(minus, 14) / reach


def dx(bars):
    plus, minus = directional(bars)
    return 100.0 * (plus - minus).abs() / (plus + minus)


def cci(bars):
    price = typical(bars)
    deviation = price.rolling(14).apply(lambda w: np.abs(w - w.mean()).mean(), raw=True)
    return (price - price.rolling(14).mean()) / (0.015 * deviation)


def raw_k(bars, period):
    low, high = bars.low.rolling(period).min(), bars.high.rolling(period).max()
    return 100.0 * (bars.close - low) / (high - low)


def williams(bars):
    return raw_k(bars, 14) - 100.0


def mfi(bars):
    price = typical(bars)
    flow = price * bars.volume
    up = flow.where(price.diff() > 0.0, 0.0).iloc[1:].rolling(14).sum()
    down = flow.where(price.diff() < 0.0, 0.0).iloc[1:].rolling(14).sum()
    return (100.0 * up / (up + down)).reindex(bars.index)


def aroon(bars, column, find):
    return bars[column].rolling(15).apply(lambda w: 100.0 * (14 - find(w[::-1])) / 14, raw=True)


def trix(bars):
    thrice = ema(ema(ema(bars.close, 15), 15), 15)
    return 100.0 * thrice.pct_change()


def ultimate(bars):
    floor = np.minimum(bars.low, bars.close.shift())
    pressure, reach = (bars.close - floor).iloc[1:], true_range(bars).iloc[1:]
    parts = [
        weight * pressure.rolling(n).sum() / reach.rolling(n).sum()
        for n, weight in ((7, 4.0), (14, 2.0), (28, 1.0))
    ]
    return (100.0 * sum(parts) / 7.0).reindex(bars.index)


def line(bars, period, at):
    """Slope (`at` None) or the value at row `at` of the line through the last closes."""
    rows = np.arange(float(period))

    def value(window):
        slope, start = np.polyfit(rows, window, 1)
        return slope if at is None else start + slope * at

    return bars.close.rolling(period).apply(value, raw=True)


def cmo(bars):
    change = bars.close.diff().fillna(0.0)
    gain, loss = wilder(change.clip(lower=0.0), 14), wilder(-change.clip(upper=0.0), 14)
    return 100.0 * (gain - loss) / (gain + loss)


def accumulation(bars):
    flow = ((bars.close - bars.low) - (bars.high - bars.close)) / (bars.high - bars.low)
    return (flow * bars.volume).cumsum()


def balance(bars):
    # TA-Lib's level begins with the first bar's volume
    moves = np.sign(bars.close.diff()) * bars.volume
    return moves.fillna(bars.volume.iloc[0]).cumsum()


def triangle(bars):
    return bars.close.rolling(5).mean().rolling(6).mean()


def correlation(bars):
    return bars.high.rolling(30).corr(bars.low)


CASES = [
    ("SMA", {"timeperiod": 20}, "real", lambda b: b.close.rolling(20).mean()),
    ("EMA", {"timeperiod": 20}, "real", lambda b: ema(b.close, 20)),
    ("WMA", {"timeperiod": 12}, "real", lambda b: wma(b.close, 12)),
    ("TRIMA", {"timeperiod": 10}, "real", triangle),
    ("DEMA", {"timeperiod": 20}, "real", dema),
    ("TEMA", {"timeperiod": 10}, "real", tema),
    ("KAMA", {"timeperiod": 10}, "real", kama),
    ("RSI", {}, "real", rsi),
    ("CMO", {}, "real", cmo),
    ("MACD", {}, "macd", lambda b: macd(b, "macd")),
    ("MACD", {}, "macdsignal", lambda b: macd(b, "macdsignal")),
    ("MACD", {}, "macdhist", lambda b: macd(b, "macdhist")),
    ("BBANDS", {"timeperiod": 20}, "upperband", lambda b: band(b, 1.0)),
    ("BBANDS", {"timeperiod": 20}, "middleband", lambda b: band(b, 0.0)),
    ("BBANDS", {"timeperiod": 20}, "lowerband", lambda b: band(b, -1.0)),
    ("TRANGE", {}, "real", lambda b: true_range(b).where(b.close.shift().notna())),
    ("ATR", {}, "real", lambda b: wilder(true_range(b), 14)),
    ("NATR", {}, "real", lambda b: 100.0 * wilder(true_range(b), 14) / b.close),
    ("PLUS_DI", {}, "real", lambda b: directional(b)[0]),
    ("MINUS_DI", {}, "real", lambda b: directional(b)[1]),
    ("DX", {}, "real", dx),
    ("ADX", {}, "real", lambda b: wilder(dx(b).fillna(0.0), 14)),
    ("CCI", {"timeperiod": 14}, "real", cci),
    (
        "STOCH",
        {"fastk_period": 14},
        "slowk",
        lambda b: raw_k(b, 14).rolling(3).mean(),
    ),
    (
        "STOCH",
        {"fastk_period": 14},
        "slowd",
        lambda b: raw_k(b, 14).rolling(3).mean().rolling(3).mean(),
    ),
    ("STOCHF", {}, "fastk", lambda b: raw_k(b, 5)),
    ("WILLR", {}, "real", williams),
    ("MFI", {}, "real", mfi),
    ("ROC", {"timeperiod": 10}, "real", lambda b: 100.0 * b.close.pct_change(10)),
    ("ROCP", {"timeperiod": 10}, "real", lambda b: b.close.pct_change(10)),
    ("MOM", {"timeperiod": 10}, "real", lambda b: b.close.diff(10)),
    ("AROON", {}, "aroonup", lambda b: aroon(b, "high", np.argmax)),
    ("AROON", {}, "aroondown", lambda b: aroon(b, "low", np.argmin)),
    ("TRIX", {"timeperiod": 15}, "real", trix),
    ("ULTOSC", {}, "real", ultimate),
    ("LINEARREG_SLOPE", {"timeperiod": 14}, "real", lambda b: line(b, 14, None)),
    ("LINEARREG", {"timeperiod": 14}, "real", lambda b: line(b, 14, 13.0)),
    ("TSF", {"timeperiod": 14}, "real", lambda b: line(b, 14, 14.0)),
    ("STDDEV", {"timeperiod": 20}, "real", lambda b: b.close.rolling(20).std(ddof=0)),
    ("VAR", {"timeperiod": 20}, "real", lambda b: b.close.rolling(20).var(ddof=0)),
    ("CORREL", {"timeperiod": 30}, "real", correlation),
    ("MAX", {"timeperiod": 9}, "real", lambda b: b.close.rolling(9).max()),
    ("MIN", {"timeperiod": 9}, "real", lambda b: b.close.rolling(9).min()),
    (
        "BOP",
        {},
        "real",
        lambda b: (b.close - b.open) / (b.high - b.low),
    ),
]


@pytest.mark.parametrize(
    ("name", "parameters", "output", "oracle"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES]
)
def test_indicator_equals_its_definition(walk_bars, name, parameters, output, oracle):
    bars = walk_bars(ROWS)
    own = indicator(name, bars, **parameters)[output]
    expected = oracle(bars)
    lookback = indicator_lookback(name, **parameters)
    warmup = indicator_warmup(name, **parameters)
    assert own.isna().sum() == lookback
    begin = warmup
    size = float(own.abs().median())
    np.testing.assert_allclose(own.iloc[begin:], expected.iloc[begin:], rtol=2e-6, atol=1e-6 * size)
    if warmup == lookback:
        assert expected.iloc[lookback:].notna().all()
        np.testing.assert_allclose(
            own.iloc[lookback:], expected.iloc[lookback:], rtol=1e-6, atol=1e-8 * size
        )


@pytest.mark.parametrize(("name", "oracle"), [("OBV", balance), ("AD", accumulation)])
def test_a_running_total_is_that_of_its_definition_up_to_its_start(walk_bars, name, oracle):
    bars = walk_bars(ROWS)
    own, expected = indicator(name, bars)["real"], oracle(bars)
    np.testing.assert_allclose(own.diff().iloc[1:], expected.diff().iloc[1:], rtol=1e-6, atol=1e-3)
    window, other = own.rolling(20), expected.rolling(20)
    np.testing.assert_allclose(
        (own - window.mean()) / window.std(), (expected - other.mean()) / other.std(), rtol=1e-6
    )


def test_forty_indicators_and_more_have_an_oracle():
    assert len({(name, output) for name, _, output, _ in CASES}) == len(CASES) >= 40
