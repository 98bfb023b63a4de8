"""Each of the 157 columns against its published definition, in pandas and window by window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.features.sets.registry import compute_features, feature_set

ALPHA158 = feature_set("alpha158")
WINDOWS = (5, 10, 20, 30, 60)
ROWS = 160
TINY = 1e-12


def definitions(bars, d):
    """The rolling columns as published, with pandas' methods and `apply`."""
    high, low, close, volume = (bars[c] for c in ("high", "low", "close", "volume"))
    change, volume_change = close.diff(), volume.diff()
    rows = np.arange(1.0, d + 1.0)

    def line(window):
        slope, start = np.polyfit(rows, window, 1)
        fitted = start + slope * rows
        return slope, np.corrcoef(rows, window)[0, 1] ** 2, window[-1] - fitted[-1]

    def rolled(series, function):
        return series.rolling(d).apply(function, raw=True)

    def corr(left, right):
        views = [np.lib.stride_tricks.sliding_window_view(s.to_numpy(), d) for s in (left, right)]
        found = [np.corrcoef(x, y)[0, 1] for x, y in zip(*views, strict=True)]
        return pd.Series(np.append(np.full(d - 1, np.nan), found), close.index)

    up, down = change.clip(lower=0.0), -change.clip(upper=0.0)
    volume_up, volume_down = volume_change.clip(lower=0.0), -volume_change.clip(upper=0.0)
    weighted = (close / close.shift() - 1.0).abs() * volume
    top = rolled(high, lambda w: w.argmax() + 1) / d
    bottom = rolled(low, lambda w: w.argmin() + 1) / d
    highest, lowest = high.rolling(d).max(), low.rolling(d).min()
    movement = change.abs().rolling(d).sum() + TINY
    volume_movement = volume_change.abs().rolling(d).sum() + TINY
    higher = (change > 0).astype(float).where(change.notna()).rolling(d).mean()
    lower = (change < 0).astype(float).where(change.notna()).rolling(d).mean()
    return {
        "ROC": close.shift(d) / close,
        "MA": close.rolling(d).mean() / close,
        "STD": close.rolling(d).std() / close,
        "BETA": rolled(close, lambda w: line(w)[0]) / close,
        "RSQR": rolled(close, lambda w: line(w)[1]),
        "RESI": rolled(close, lambda w: line(w)[2]) / close,
        "MAX": highest / close,
        "MIN": lowest / close,
        "QTLU": close.rolling(d).quantile(0.8) / close,
        "QTLD": close.rolling(d).quantile(0.2) / close,
        "RANK": close.rolling(d).rank(pct=True),
        "RSV": (close - lowest) / (highest - lowest + TINY),
        "IMAX": top,
        "IMIN": bottom,
        "IMXD": top - bottom,
        "CORR": corr(close, np.log(volume + 1.0)),
        "CORD": corr(close / close.shift(), np.log(volume / volume.shift() + 1.0)),
        "CNTP": higher,
        "CNTN": lower,
        "CNTD": higher - lower,
        "SUMP": up.rolling(d).sum() / movement,
        "SUMN": down.rolling(d).sum() / movement,
        "SUMD": (up.rolling(d).sum() - down.rolling(d).sum()) / movement,
        "VMA": volume.rolling(d).mean() / (volume + TINY),
        "VSTD": volume.rolling(d).std() / (volume + TINY),
        "WVMA": weighted.rolling(d).std() / (weighted.rolling(d).mean() + TINY),
        "VSUMP": volume_up.rolling(d).sum() / volume_movement,
        "VSUMN": volume_down.rolling(d).sum() / volume_movement,
        "VSUMD": (volume_up.rolling(d).sum() - volume_down.rolling(d).sum()) / volume_movement,
    }


def bar_definitions(bars):
    opened, high, low, close = (bars[c] for c in ("open", "high", "low", "close"))
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    length = high - low + TINY
    return {
        "KMID": (close - opened) / opened,
        "KLEN": (high - low) / opened,
        "KMID2": (close - opened) / length,
        "KUP": (high - top) / opened,
        "KUP2": (high - top) / length,
        "KLOW": (bottom - low) / opened,
        "KLOW2": (bottom - low) / length,
        "KSFT": (2 * close - high - low) / opened,
        "KSFT2": (2 * close - high - low) / length,
        "OPEN0": opened / close,
        "HIGH0": high / close,
        "LOW0": low / close,
    }


@pytest.mark.parametrize("window", WINDOWS)
def test_rolling_columns_are_their_published_definitions(walk_bars, window):
    bars = walk_bars(ROWS)
    own = compute_features(ALPHA158, bars)
    for name, expected in definitions(bars, window).items():
        column = own[f"{name}{window}"]
        np.testing.assert_allclose(column, expected, rtol=1e-8, atol=1e-10, err_msg=name)
        assert column.notna().sum() == ROWS - window + (expected.isna().sum() == window - 1)


def test_columns_of_one_bar_are_their_published_definitions(walk_bars):
    bars = walk_bars(100)
    own = compute_features(ALPHA158, bars)
    for name, expected in bar_definitions(bars).items():
        np.testing.assert_allclose(own[name], expected, rtol=1e-12, atol=1e-14, err_msg=name)


def test_there_are_157_columns_of_29_rolling_kinds_and_12_of_the_bar(walk_bars):
    rolling = definitions(walk_bars(70), 60)
    assert len(ALPHA158.columns) == 157 == 29 * 5 + 12
    named = {f"{name}{d}" for name in rolling for d in WINDOWS} | set(bar_definitions(walk_bars(2)))
    assert set(ALPHA158.columns) == named
    assert ALPHA158.warmup_bars == 60


def test_a_column_alone_is_the_same_as_among_all(walk_bars):
    bars = walk_bars(200)
    together = compute_features(ALPHA158, bars)
    for spec in ALPHA158.specs[::11]:
        alone = np.where(np.arange(200) < spec.warmup, np.nan, spec.values(bars))
        np.testing.assert_array_equal(together[spec.name], alone)


@pytest.mark.parametrize("spec", ALPHA158.specs[::7], ids=lambda spec: spec.name)
def test_a_column_reads_the_inputs_that_it_declares_and_no_other(walk_bars, spec):
    bars = walk_bars(200)
    before = spec.values(bars)[spec.warmup :]
    generator = np.random.default_rng(3)
    for column in bars.columns:
        changed = bars.copy()
        changed[column] *= np.exp(generator.normal(0.0, 0.01, len(bars)))
        after = spec.values(changed)[spec.warmup :]
        assert np.array_equal(before, after) == (column not in spec.inputs), column


def test_a_market_that_stands_still_without_volume_has_finite_columns(walk_bars):
    bars = walk_bars(200)
    bars.iloc[:, :4], bars["volume"] = 0.1, 0.0
    last = compute_features(ALPHA158, bars).iloc[-1]
    expected = {"RSQR60": 0.0, "CORR20": 0.0, "CORD20": 0.0, "VMA5": 0.0, "VSTD5": 0.0}
    expected |= {"RSV20": 0.0, "RANK5": 0.6, "IMAX10": 0.1, "STD30": 0.0, "BETA60": 0.0}
    assert last[list(expected)].to_dict() == pytest.approx(expected, abs=1e-12)
    assert last.notna().all()


def test_volume_that_comes_and_goes_gives_finite_columns(walk_bars):
    bars = walk_bars(300)
    bars.loc[bars.index[::7], "volume"] = 0.0
    bars.loc[bars.index[100:180], "volume"] = 0.0
    features = compute_features(ALPHA158, bars).iloc[60:]
    assert np.isfinite(features.to_numpy()).all()
    assert features.abs().max().max() < 1e7
