"""Wilder's ratios where a market stands still, against TA-Lib where it does not; their warm-up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib

from trading_pipeline.features.audits.causality import audit_warmup, ensure_causal
from trading_pipeline.features.rolling.wilder_kernels import STILL
from trading_pipeline.features.sets import core_formulas
from trading_pipeline.features.sets.registry import compute_features, feature_set

CORE = feature_set("core")
NAMES = ("di_difference_14", "rsi_14", "adx_14")
RATIOS = replace(CORE, specs=tuple(spec for spec in CORE.specs if spec.name in NAMES))
WARMUPS = {spec.name: spec.warmup for spec in RATIOS.specs}
LENGTHS = (90, 130, 170, 210, 250, 390, 700)


def computed(bars):
    return compute_features(RATIOS, bars)


def with_stillness(bars, lengths=LENGTHS, moving=230):
    """Equal bars of each length, `moving` bars of the walk before each; also where they begin."""
    bars, begins, row = bars.copy(), [], 420
    for length in lengths:
        bars.iloc[row : row + length, :4] = bars["close"].iloc[row - 1]
        begins.append(row)
        row += length + moving
    return bars.iloc[:row], begins


@pytest.fixture
def halted(walk_bars):
    return with_stillness(walk_bars(5000))


def arrays(bars):
    return [bars[name].to_numpy() for name in ("high", "low", "close")]


def expected_of_talib(bars):
    high, low, close = arrays(bars)
    plus, minus = talib.PLUS_DI(high, low, close, 14), talib.MINUS_DI(high, low, close, 14)
    return {
        "di_difference_14": (plus - minus) / 100.0,
        "rsi_14": talib.RSI(close, 14) / 100.0,
        "adx_14": talib.ADX(high, low, close, 14) / 100.0,
    }


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e5])
def test_ratios_of_a_market_that_moves_are_those_of_talib_from_the_first_row_on(walk_bars, unit):
    bars = walk_bars(1500)
    bars[["open", "high", "low", "close"]] *= unit
    for spec in RATIOS.specs:
        own, other = spec.values(bars), expected_of_talib(bars)[spec.name]
        assert np.isnan(own).sum() == spec.lookback
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-12)


def test_ratios_keep_to_their_warm_up_however_long_a_market_stands_still(halted):
    bars, _ = halted
    assert audit_warmup(computed, bars, WARMUPS, cuts=60, rows=400) == []
    ensure_causal(computed, bars, warmup=WARMUPS)


def test_a_warm_up_of_every_row_around_a_long_stillness_is_forgotten(walk_bars):
    bars, (begin,) = with_stillness(walk_bars(1100), (300,), moving=380)
    whole = computed(bars)
    for row in range(begin + 14, begin + 640, 9):
        part = computed(bars.iloc[row - 400 :]) if row >= 400 else whole
        np.testing.assert_allclose(part.loc[bars.index[row]], whole.iloc[row], rtol=0, atol=1e-8)


def test_talibs_own_ratios_are_found_by_the_audit_on_the_same_bars(halted):
    bars, _ = halted
    findings = audit_warmup(
        lambda part: pd.DataFrame(expected_of_talib(part), part.index), bars, 400, cuts=60, rows=400
    )
    assert {finding.column for finding in findings} == set(NAMES)


def test_ratios_are_neutral_in_the_stillness_and_talibs_own_until_shortly_before(halted):
    bars, begins = halted
    features, other = computed(bars), expected_of_talib(bars)
    for begin, length in zip(begins, LENGTHS, strict=True):
        if length < 250:
            continue
        last = begin + length - 1
        assert features["rsi_14"].iloc[last] == 0.5
        assert features["di_difference_14"].iloc[last] == 0.0
        assert 0.0 < features["adx_14"].iloc[last] < 0.02
        # 80 bars leave 0.3% of an average: still far more than is negligible
        for name in ("rsi_14", "di_difference_14"):
            np.testing.assert_allclose(
                features[name].iloc[begin : begin + 80], other[name][begin : begin + 80], atol=1e-12
            )


def test_a_ratio_leaves_its_value_gradually_between_once_and_twice_the_border(halted):
    bars, begins = halted
    close = bars["close"].to_numpy()
    before = np.append(np.nan, close[:-1])
    moves = pd.Series(np.abs(close - before)[1:])
    size = moves.ewm(alpha=1.0 / 14.0, adjust=False).mean().to_numpy()
    share = np.append(np.nan, size) / close
    own = core_formulas.rsi(bars, timeperiod=14)
    talibs = expected_of_talib(bars)["rsi_14"]
    rows = np.arange(begins[-1], begins[-1] + LENGTHS[-1])
    between = rows[(share[rows] > STILL) & (share[rows] < 2.0 * STILL)]
    assert between.size >= 8
    weight = share[between] / STILL - 1.0
    np.testing.assert_allclose(
        own[between], 0.5 + weight * (talibs[between] - 0.5), rtol=0, atol=1e-9
    )
    assert (own[rows[share[rows] <= STILL]] == 0.5).all()


def test_the_directional_index_falls_in_the_stillness_and_rises_again_after_it(halted):
    bars, begins = halted
    index = computed(bars)["adx_14"].to_numpy()
    begin, end = begins[-1], begins[-1] + LENGTHS[-1]
    assert (np.diff(index[begin + 200 : end]) < 0.0).all()
    assert index[end - 1] < 1e-9
    assert index[end + 40] > 0.01


def test_movement_after_a_stillness_counts_at_once(halted):
    bars, begins = halted
    bars = bars.copy()
    row = begins[-1] + 600
    bars.iloc[row:, :4] *= 1.01
    values = computed(bars)
    assert values["rsi_14"].iloc[row - 1] == 0.5
    assert values["rsi_14"].iloc[row] == pytest.approx(1.0, abs=1e-6)
    assert values["di_difference_14"].iloc[row] == pytest.approx(1.0, abs=1e-6)
    # the first direction in a long while weighs a fourteenth
    assert values["adx_14"].iloc[row] == pytest.approx(1.0 / 14.0, abs=1e-6)


@pytest.mark.parametrize("rows", [0, 1, 13, 14, 15, 27, 28])
def test_few_bars_have_as_few_values_as_with_talib(walk_bars, rows):
    bars = walk_bars(rows)
    difference, index = core_formulas.directional_movement(bars, timeperiod=14)
    strength = core_formulas.rsi(bars, timeperiod=14)
    assert np.isnan(strength).sum() == np.isnan(difference).sum() == min(rows, 14)
    assert np.isnan(index).sum() == min(rows, 27)


@pytest.mark.parametrize(("price", "tick", "every"), [(100.0, 0.01, 45), (1.1, 1e-5, 15)])
def test_a_rare_tick_is_not_stillness(walk_bars, price, tick, every):
    bars, rows = walk_bars(900), np.arange(900)
    # one tick up, one tick down
    close = price + np.where(rows // every % 2 == 0, tick, 0.0)
    for name in ("open", "high", "low", "close"):
        bars[name] = close
    own, other = core_formulas.rsi(bars, timeperiod=14), expected_of_talib(bars)["rsi_14"]
    np.testing.assert_allclose(own[400:], other[400:], rtol=0, atol=1e-9)
    assert np.ptp(own[400:]) > 0.2


def test_recursive_columns_forget_a_wild_beginning(walk_bars):
    bars = walk_bars(1000)
    quiet = 1.0 + 1e-4 * (bars / bars.iloc[0] - 1.0)
    bars[["open", "high", "low", "close"]] = quiet[["open", "high", "low", "close"]]
    # a level two thirds lower up to row 430, from where on a day's range is a tenth of a thousandth
    bars.iloc[:430, :4] /= 3.0
    columns = ("macd_histogram", "atr_14", "close_to_ema_20")
    chosen = replace(CORE, specs=tuple(spec for spec in CORE.specs if spec.name in columns))
    whole = compute_features(chosen, bars)
    sizes = whole.abs().median()
    for spec in chosen.specs:
        for begin in (420, 428, 429):
            part = compute_features(chosen, bars.iloc[begin:])[spec.name].dropna()
            apart = (part - whole[spec.name].loc[part.index]).abs().max()
            assert apart <= 1e-6 * sizes[spec.name], (spec.name, begin)
