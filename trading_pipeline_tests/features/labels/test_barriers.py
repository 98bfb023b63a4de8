from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.labels.barriers import trailing_volatility
from trading_pipeline.features.labels.labels import LABEL_KINDS, compute_labels
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline_tests.features.conftest import random_walk

# the volatility of the first three bars is that of two returns of +1 % and -1 %
START = [100.0, 100.0 * np.exp(0.01), 100.0]
VOLATILITY = 0.01 * np.sqrt(2.0)
SPEC = LabelSpec(
    type="triple_barrier",
    horizon_bars=4,
    volatility_bars=2,
    profit_volatilities=1.0,
    loss_volatilities=0.5,
)
UPPER, LOWER = 100 * np.exp(2 * VOLATILITY), 100 * np.exp(-VOLATILITY)  # the root of 4 is 2


def bars_after(*rows):
    """Three bars that set the volatility, then bars of (open, high, low, close)."""
    first = [(price, price, price, price) for price in START]
    index = pd.date_range("2012-01-02", periods=len(first) + len(rows), tz="UTC", name="ts")
    frame = pd.DataFrame(
        [*first, *rows], columns=["open", "high", "low", "close"], index=index.as_unit("us")
    )
    return frame.assign(volume=1.0)


def quiet(price=100.0):
    return (price, price, price, price)


def known(bars):
    return pd.DatetimeIndex(bars.index + pd.Timedelta(hours=21))


def third(spec, bars, side=None):
    """The label of the third bar, which enters at the fourth bar's open of 100."""
    given = None if side is None else pd.Series(side, index=bars.index, dtype="float64")
    return compute_labels(spec, bars, known(bars), side=given).frame.loc[bars.index[2]]


def test_the_volatility_is_of_the_returns_up_to_the_bar():
    volatility = trailing_volatility(np.array([*START, 500.0]), 2)
    assert np.isnan(volatility[:2]).all()
    assert volatility[2] == pytest.approx(VOLATILITY)


def test_the_upper_barrier_ends_the_label_at_the_bar_that_touches_it():
    bars = bars_after(quiet(), (100, UPPER + 0.01, 100, 101), quiet(90), quiet(90))
    label = third(SPEC, bars)
    assert (label["label"], label["ambiguous"]) == (1.0, 0.0)
    assert label["t1"] == known(bars)[4]
    assert label["exit_return"] == pytest.approx(UPPER / 100 - 1)


def test_the_lower_barrier_is_touched_by_a_low_although_the_close_is_above_it():
    bars = bars_after((100, 101, LOWER - 0.01, 100.5), quiet(), quiet(), quiet())
    label = third(SPEC, bars)
    assert label["label"] == -1.0
    assert label["t1"] == known(bars)[3]
    assert label["exit_return"] == pytest.approx(LOWER / 100 - 1)


def test_a_bar_that_opens_beyond_a_barrier_leaves_at_its_open_and_is_not_ambiguous():
    bars = bars_after(quiet(), (110, 111, 90, 95), quiet(), quiet())
    label = third(SPEC, bars)
    assert (label["label"], label["ambiguous"]) == (1.0, 0.0)
    assert label["exit_return"] == pytest.approx(0.10)


def test_a_bar_that_touches_both_is_flagged_and_taken_for_a_loss():
    bars = bars_after((100, UPPER + 1, LOWER - 1, 100), quiet(), quiet(), quiet())
    label = third(SPEC, bars)
    assert (label["label"], label["ambiguous"]) == (-1.0, 1.0)
    assert label["exit_return"] == pytest.approx(LOWER / 100 - 1)


def test_nothing_touched_is_zero_or_the_sign_of_the_return():
    bars = bars_after(quiet(), quiet(), quiet(), (100, 100.5, 100, 100.5), quiet())
    label = third(SPEC, bars)
    assert label["label"] == 0.0
    assert label["t1"] == known(bars)[6]
    assert label["exit_return"] == pytest.approx(0.005)
    signed = SPEC.model_copy(update={"untouched": "sign"})
    assert third(signed, bars)["label"] == 1.0


def test_a_touch_after_the_horizon_does_not_count():
    bars = bars_after(quiet(), quiet(), quiet(), quiet(), (100, 150, 50, 100))
    assert third(SPEC, bars)["label"] == 0.0


def test_a_label_that_was_touched_is_known_before_its_horizon_and_others_are_not():
    touched = bars_after((100, UPPER + 1, 100, 101))
    assert third(SPEC, touched)["label"] == 1.0
    open_still = bars_after(quiet(), quiet())
    labels = compute_labels(SPEC, open_still, known(open_still))
    assert len(labels.frame) == 0
    # the first two bars have no volatility yet, and after two flat returns the last one has none
    assert (labels.unfinished, labels.unscaled) == (2, 3)


META = LabelSpec(
    type="meta_label",
    horizon_bars=4,
    volatility_bars=2,
    profit_volatilities=1.0,
    loss_volatilities=0.5,
)


@pytest.mark.parametrize(
    ("rows", "long", "short"),
    [
        # far up: long in profit, short at a loss
        ([quiet(), (100, 120, 100, 119), quiet(), quiet()], 1.0, 0.0),
        # far down, and open there
        ([quiet(), quiet(80), quiet(), quiet()], 0.0, 1.0),
        # untouched, a little up
        ([quiet(), quiet(), quiet(), (100, 100.4, 100, 100.4)], 1.0, 0.0),
        # both touched in one bar: neither is said to have won
        ([(100, 130, 70, 100), quiet(), quiet(), quiet()], 0.0, 0.0),
    ],
)
def test_a_meta_label_says_whether_the_side_was_right(rows, long, short):
    bars = bars_after(*rows)
    for side, expected in ((2.5, long), (-1.0, short)):
        label = third(META, bars, [side] * len(bars))
        assert (label["label"], label["side"]) == (expected, np.sign(side))
        if not label["ambiguous"]:
            assert (label["exit_return"] > 0) == (expected == 1.0)


def test_the_barriers_of_a_short_are_mirrored():
    # between the short's loss barrier (half a width above) and the long's profit barrier
    bars = bars_after((100, 100 * np.exp(1.5 * VOLATILITY), 100, 100), quiet(), quiet(), quiet())
    assert third(META, bars, [-1.0] * 7)["exit_return"] == pytest.approx(1 - np.exp(VOLATILITY))
    assert third(META, bars, [1.0] * 7)["exit_return"] == pytest.approx(0.0)


def test_bars_without_a_side_have_no_meta_label():
    bars = random_walk(200, 1)
    side = pd.Series(np.tile([1.0, -1.0, 0.0, np.nan], 50), index=bars.index)
    labels = compute_labels(META, bars, known(bars), side=side)
    assert set(labels.frame["side"]) == {1.0, -1.0}
    assert len(labels.frame) + labels.unfinished + labels.unscaled == 200
    assert labels.unscaled == 102  # 100 without a side, and the first two, which have no volatility


def test_a_meta_label_needs_a_side_that_fits():
    bars = random_walk(50, 1)
    with pytest.raises(ConfigurationError, match="needs that signal"):
        compute_labels(META, bars, known(bars))
    with pytest.raises(DataQualityError, match="The side has 49 rows and the bars have 50"):
        compute_labels(META, bars, known(bars), side=pd.Series(1.0, index=bars.index[1:]))


def by_hand(spec, bars):
    """The rule once more, bar by bar: (label, exit row) by row."""
    volatility = trailing_volatility(bars["close"].to_numpy(), spec.volatility_bars)
    found = {}
    for t in range(len(bars) - 1):
        if not volatility[t] > 0:
            continue
        width = volatility[t] * np.sqrt(spec.horizon_bars)
        entry = bars["open"].iloc[t + 1]
        upper = entry * np.exp(spec.profit_volatilities * width)
        lower = entry * np.exp(-spec.loss_volatilities * width)
        for k in range(t + 1, min(t + spec.horizon_bars, len(bars) - 1) + 1):
            bar = bars.iloc[k]
            if bar["open"] >= upper or (bar["high"] >= upper and bar["low"] > lower):
                found[t] = (1.0, k)
            elif bar["low"] <= lower:
                found[t] = (-1.0, k)
            elif k == t + spec.horizon_bars:
                found[t] = (0.0, k)
            if t in found:
                break
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_the_compiled_loop_does_what_the_rule_says(seed):
    bars = random_walk(250, seed)
    spec = LabelSpec(type="triple_barrier", horizon_bars=7, volatility_bars=10)
    frame = compute_labels(spec, bars, known(bars)).frame
    expected = by_hand(spec, bars)
    rows = bars.index.get_indexer(frame.index)
    assert rows.tolist() == list(expected)
    assert frame["label"].tolist() == [label for label, _ in expected.values()]
    assert frame["t1"].tolist() == [known(bars)[k] for _, k in expected.values()]


@given(st.integers(0, 1000), st.integers(20, 119), st.sampled_from(LABEL_KINDS))
@settings(max_examples=60, deadline=None)
def test_labels_known_by_a_bar_do_not_change_with_later_ones(seed, cut, kind):
    bars = random_walk(120, seed)
    zone = {"dead_zone_bps": 20} if kind == "three_way" else {}
    spec = LabelSpec(type=kind, horizon_bars=5, **zone)
    side = bars["close"].diff()
    whole = compute_labels(spec, bars, known(bars), side=side).frame
    part = compute_labels(spec, bars.iloc[:cut], known(bars)[:cut], side=side.iloc[:cut])
    until = whole.loc[whole["t1"] <= known(bars)[cut - 1]]
    pd.testing.assert_frame_equal(part.frame, until, check_freq=False)
    assert len(part.frame) + part.unfinished + part.dead_zone + part.unscaled == cut
    assert (part.frame["t1"] > part.frame["t0"]).all()
    assert part.frame.notna().all().all()


def test_three_ways_have_a_middle_as_wide_as_the_costs():
    bars = bars_after((100, 101, 100, 100.1), (100, 101, 99, 101), (100, 100, 98, 98), quiet())
    spec = LabelSpec(type="three_way", horizon_bars=1, dead_zone_bps=50)
    frame = compute_labels(spec, bars, known(bars)).frame
    assert frame["label"].iloc[2:].tolist() == [0.0, 1.0, -1.0, 0.0]


def test_a_scaled_return_is_in_volatilities_over_the_horizon():
    bars = bars_after(quiet(), quiet(), quiet(), (100, 103, 100, 103))
    spec = LabelSpec(type="scaled_return", horizon_bars=4, volatility_bars=2)
    labels = compute_labels(spec, bars, known(bars))
    assert labels.frame["label"].tolist() == [pytest.approx(np.log(1.03) / (VOLATILITY * 2))]
    assert (labels.unfinished, labels.unscaled) == (4, 2)


def test_a_path_gives_back_every_bar_and_keeps_its_order():
    bars = random_walk(60, 3)
    frame = compute_labels(LabelSpec(type="ohlc_path", horizon_bars=3), bars, known(bars)).frame
    assert len(frame) == 57
    row = frame.iloc[10]
    for step in (1, 2, 3):
        actual = bars.iloc[10 + step]
        close = bars["close"].iloc[10] * np.exp(row[f"close_{step}"])
        opened = close * np.exp(-row[f"body_{step}"])
        high = max(opened, close) * np.exp(row[f"upper_{step}"])
        low = min(opened, close) * np.exp(-row[f"lower_{step}"])
        wanted = actual[["open", "high", "low", "close"]].tolist()
        assert [opened, high, low, close] == pytest.approx(wanted)
    wicks = frame[[c for c in frame.columns if c.startswith(("upper", "lower"))]]
    assert (wicks >= 0.0).all().all()
