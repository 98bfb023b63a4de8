"""Each column of `core` against a second computation, by pandas alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.features.indicators.wrapper import indicator_warmup
from trading_pipeline.features.sets import core_formulas
from trading_pipeline.features.sets.registry import compute_features, feature_set

CORE = feature_set("core")
WARMUPS = {spec.name: spec.warmup for spec in CORE.specs}
ROWS = 900


def wilder(values, period=14):
    return values.ewm(alpha=1.0 / period, adjust=False).mean()


def true_range(bars):
    before = bars.close.shift()
    reach = pd.concat(
        [bars.high - bars.low, (bars.high - before).abs(), (bars.low - before).abs()], axis=1
    )
    return reach.max(axis=1)


def rsi(bars):
    change = bars.close.diff().fillna(0.0)
    gain, loss = wilder(change.clip(lower=0.0)), wilder(-change.clip(upper=0.0))
    return gain / (gain + loss)


def macd_histogram(bars):
    fast = bars.close.ewm(span=12, adjust=False).mean()
    line = fast - bars.close.ewm(span=26, adjust=False).mean()
    return (line - line.ewm(span=9, adjust=False).mean()) / bars.close


def directional(bars):
    up, down = bars.high.diff(), -bars.low.diff()
    plus = up.where((up > down) & (up > 0.0), 0.0)
    minus = down.where((down > up) & (down > 0.0), 0.0)
    reach = wilder(true_range(bars))
    return wilder(plus) / reach, wilder(minus) / reach


def adx(bars):
    plus_di, minus_di = directional(bars)
    return wilder((plus_di - minus_di).abs() / (plus_di + minus_di))


def trend_slope(bars):
    rows = np.arange(20.0)
    return np.log(bars.close).rolling(20).apply(lambda w: np.polyfit(rows, w, 1)[0], raw=True)


def aroon(bars):
    # the later of equal extremes counts
    high = bars.high.rolling(26).apply(lambda w: 25 - np.argmax(w[::-1]), raw=True)
    low = bars.low.rolling(26).apply(lambda w: 25 - np.argmin(w[::-1]), raw=True)
    return (high - low) / 25


def raw_stochastic(bars):
    low, high = bars.low.rolling(14).min(), bars.high.rolling(14).max()
    return (bars.close - low) / (high - low)


def typical(bars):
    return bars[["high", "low", "close"]].mean(axis=1)


def cci(bars):
    price = typical(bars)
    deviation = price.rolling(20).apply(lambda w: np.abs(w - w.mean()).mean(), raw=True)
    return (price - price.rolling(20).mean()) / (0.015 * deviation) / 100.0


def mfi(bars):
    price = typical(bars)
    flow = price * bars.volume
    up = flow.where(price.diff() > 0.0, 0.0).iloc[1:].rolling(14).sum()
    down = flow.where(price.diff() < 0.0, 0.0).iloc[1:].rolling(14).sum()
    return (up / (up + down)).reindex(bars.index)


def z_score(values):
    window = values.rolling(20)
    return (values - window.mean()) / window.std()


def weekday(bars, function):
    return pd.Series([function(2 * np.pi * ts.weekday() / 7) for ts in bars.index], bars.index)


ORACLES = {
    "log_return_1": lambda b: np.log(b.close).diff(1),
    "log_return_5": lambda b: np.log(b.close).diff(5),
    "log_return_20": lambda b: np.log(b.close).diff(20),
    "close_to_sma_10": lambda b: b.close / b.close.rolling(10).mean() - 1,
    "close_to_sma_50": lambda b: b.close / b.close.rolling(50).mean() - 1,
    "close_to_sma_200": lambda b: b.close / b.close.rolling(200).mean() - 1,
    "roc_10": lambda b: b.close.pct_change(10),
    "rsi_14": rsi,
    "macd_histogram": macd_histogram,
    "adx_14": adx,
    "stochastic_k_14": lambda b: raw_stochastic(b).rolling(3).mean(),
    "stochastic_d_14": lambda b: raw_stochastic(b).rolling(3).mean().rolling(3).mean(),
    "williams_r_14": lambda b: (
        -(b.high.rolling(14).max() - b.close) / (b.high.rolling(14).max() - b.low.rolling(14).min())
    ),
    "cci_20": cci,
    "volatility_20": lambda b: np.log(b.close).diff().rolling(20).std(),
    "bollinger_position_20": lambda b: (
        (b.close - (b.close.rolling(20).mean() - 2 * b.close.rolling(20).std(ddof=0)))
        / (4 * b.close.rolling(20).std(ddof=0))
    ),
    "bollinger_width_20": lambda b: (
        4 * b.close.rolling(20).std(ddof=0) / b.close.rolling(20).mean()
    ),
    "atr_14": lambda b: wilder(true_range(b)) / b.close,
    "mfi_14": mfi,
    "volume_z_20": lambda b: z_score(b.volume),
    "obv_z_20": lambda b: z_score((np.sign(b.close.diff()).fillna(0.0) * b.volume).cumsum()),
    "log_return_60": lambda b: np.log(b.close).diff(60),
    "overnight_return": lambda b: np.log(b.open) - np.log(b.close).shift(),
    "intraday_return": lambda b: np.log(b.close) - np.log(b.open),
    "log_range": lambda b: np.log(b.high) - np.log(b.low),
    "close_in_range": lambda b: (b.close - b.low) / (b.high - b.low),
    "close_to_ema_20": lambda b: b.close / b.close.ewm(span=20, adjust=False).mean() - 1,
    "trend_slope_20": trend_slope,
    "di_difference_14": lambda b: directional(b)[0] - directional(b)[1],
    "aroon_25": aroon,
    "volatility_60": lambda b: np.log(b.close).diff().rolling(60).std(),
    "volatility_ratio_5_60": lambda b: (
        np.log(b.close).diff().rolling(5).std() / np.log(b.close).diff().rolling(60).std()
    ),
    "parkinson_20": lambda b: np.sqrt(
        (np.log(b.high / b.low) ** 2).rolling(20).mean() / (4 * np.log(2))
    ),
    "garman_klass_20": lambda b: np.sqrt(
        (np.log(b.high / b.low) ** 2 / 2 - (2 * np.log(2) - 1) * np.log(b.close / b.open) ** 2)
        .rolling(20)
        .mean()
    ),
    "volume_ratio_5_20": lambda b: b.volume.rolling(5).mean() / b.volume.rolling(20).mean(),
    "weekday_sine": lambda b: weekday(b, np.sin),
    "weekday_cosine": lambda b: weekday(b, np.cos),
    "month_sine": lambda b: pd.Series(np.sin(2 * np.pi * (b.index.month - 1) / 12), b.index),
    "month_cosine": lambda b: pd.Series(np.cos(2 * np.pi * (b.index.month - 1) / 12), b.index),
    "month_end": lambda b: pd.Series(
        [float((ts + pd.offsets.BDay()).month != ts.month) for ts in b.index], b.index
    ),
    "session_elapsed": lambda b: pd.Series(1.0, b.index),
    "hours_to_close": lambda b: pd.Series(0.0, b.index),
}
TALIB = {
    "stochastic_k_14": lambda h, low, c, v: talib.STOCH(h, low, c, 14, 3, 0, 3, 0)[0] / 100,
    "stochastic_d_14": lambda h, low, c, v: talib.STOCH(h, low, c, 14, 3, 0, 3, 0)[1] / 100,
    "williams_r_14": lambda h, low, c, v: talib.WILLR(h, low, c, 14) / 100,
    "cci_20": lambda h, low, c, v: talib.CCI(h, low, c, 20) / 100,
    "mfi_14": lambda h, low, c, v: talib.MFI(h, low, c, v, 14) / 100,
    "roc_10": lambda h, low, c, v: talib.ROCP(c, 10),
    "bollinger_width_20": lambda h, low, c, v: (
        (talib.BBANDS(c, 20)[0] - talib.BBANDS(c, 20)[2]) / talib.BBANDS(c, 20)[1]
    ),
}


def test_every_column_has_an_oracle():
    assert set(ORACLES) == set(CORE.columns)
    assert len(CORE.columns) == 42


@pytest.mark.parametrize("column", CORE.columns)
def test_column_equals_its_pandas_oracle(walk_bars, column):
    bars = walk_bars(ROWS)
    own = compute_features(CORE, bars)[column]
    other = ORACLES[column](bars).where(own.notna())
    size = float(own.abs().median())
    np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-6 * size)
    assert own.notna().sum() == ROWS - WARMUPS[column]


@pytest.mark.parametrize("column", sorted(TALIB))
def test_windowed_column_equals_talib_too(walk_bars, column):
    bars = walk_bars(ROWS)
    arrays = [bars[name].to_numpy() for name in ("high", "low", "close", "volume")]
    own = compute_features(CORE, bars)[column].to_numpy()
    other = TALIB[column](*arrays)
    # TA-Lib begins %K where %D begins
    assert np.isnan(other[: WARMUPS[column]]).all()
    begun = ~np.isnan(other)
    assert begun.sum() >= ROWS - 20
    np.testing.assert_allclose(own[begun], other[begun], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("spec", CORE.specs, ids=lambda spec: spec.name)
def test_the_first_value_stands_at_the_declared_lookback(walk_bars, spec):
    values = spec.values(walk_bars(500))
    assert np.isnan(values[: spec.lookback]).all()
    assert np.isfinite(values[spec.lookback :]).all()


@settings(max_examples=12, deadline=None)
@given(st.floats(1e-4, 1e5), st.floats(1e-6, 1e6), st.integers(0, 50))
def test_no_feature_depends_on_the_unit_of_price_or_volume(price_unit, volume_unit, seed):
    bars = _bars(seed)
    scaled = bars.copy()
    scaled[["open", "high", "low", "close"]] *= price_unit
    scaled["volume"] *= volume_unit
    own, other = compute_features(CORE, bars), compute_features(CORE, scaled)
    np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-7)


def _bars(seed):
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.02, 430)))
    wick = np.exp(np.abs(generator.normal(0, 0.01, (2, 430))))
    frame = pd.DataFrame(
        {
            "open": close,
            "high": close * wick[0],
            "low": close / wick[1],
            "close": close,
            "volume": generator.integers(1, 9999, 430).astype(float),
        }
    )
    return frame.set_axis(pd.date_range("2001-01-01", periods=430, tz="UTC", name="ts"), axis=0)


def test_an_index_without_volume_has_neutral_volume_features(walk_bars):
    features = compute_features(CORE, walk_bars(600, volume=False)).iloc[420:]
    assert features.notna().all(axis=None)
    assert (features["mfi_14"] == 0.5).all()
    assert (features["volume_z_20"] == 0.0).all()
    assert (features["obv_z_20"] == 0.0).all()


def test_a_market_that_stands_still_has_neutral_features(walk_bars):
    bars = walk_bars(1000)
    bars.iloc[:, :4] = 12.34
    bars["volume"] = 0.1
    features = compute_features(CORE, bars).iloc[-1]
    expected = {
        "rsi_14": 0.5,
        "stochastic_k_14": 0.5,
        "stochastic_d_14": 0.5,
        "williams_r_14": -0.5,
        "bollinger_position_20": 0.5,
        "mfi_14": 0.5,
        "cci_20": 0.0,
        "volatility_20": 0.0,
        "atr_14": 0.0,
        "adx_14": 0.0,
        "volume_z_20": 0.0,
        "overnight_return": 0.0,
        "close_in_range": 0.5,
        "close_to_ema_20": 0.0,
        "trend_slope_20": 0.0,
        "di_difference_14": 0.0,
        "aroon_25": 0.0,
        "volatility_ratio_5_60": 1.0,
        "parkinson_20": 0.0,
        "garman_klass_20": 0.0,
        "volume_ratio_5_20": 1.0,
    }
    assert features[list(expected)].to_dict() == pytest.approx(expected, abs=1e-12)


def test_rsi_of_a_fall_without_any_rise_stays_zero(walk_bars):
    bars = walk_bars(400)
    fall = 1000.0 - np.arange(400.0)
    for column in ("open", "high", "low", "close"):
        bars[column] = fall
    assert core_formulas.rsi(bars, timeperiod=14)[-1] == 0.0


def test_rsi_is_neutral_after_a_long_time_without_a_move_and_not_soon(walk_bars):
    bars = walk_bars(700)
    bars.iloc[300:, :4] = bars["close"].iloc[299]
    values = core_formulas.rsi(bars, timeperiod=14)
    last_move = 299
    still = last_move + indicator_warmup("RSI", timeperiod=14)
    assert values[last_move + 100] == pytest.approx(values[last_move], rel=1e-12)
    assert values[last_move] != 0.5
    assert (values[still:] == 0.5).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_core_is_causal_and_keeps_to_its_warm_up_on_random_walks(walk_bars, seed):
    ensure_causal(lambda b: compute_features(CORE, b), walk_bars(1200, seed), warmup=WARMUPS)


def test_core_is_causal_on_the_real_index_and_on_flat_spells(walk_bars, index_bars):
    ensure_causal(lambda b: compute_features(CORE, b), index_bars, warmup=WARMUPS, cuts=8)
    halted = walk_bars(1500)
    halted.iloc[600:640, :4] = halted["close"].iloc[599]
    halted.iloc[600:640, 4] = 0.0
    ensure_causal(lambda b: compute_features(CORE, b), halted, warmup=WARMUPS, rows=100)
