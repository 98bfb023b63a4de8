from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.patterns.zigzag import Zigzag, average_true_range_14, find_pivots
from trading_pipeline_tests.features.conftest import random_walk
from trading_pipeline_tests.features.patterns.drawn_paths import legs, mirrored, path


def by_hand(bars, reversal_atrs):
    """The rule once more, in plain Python: pivots as (row, kind, known row)."""
    high, low, atr = bars["high"], bars["low"], average_true_range_14(bars)
    found, wanted, top, bottom = [], 0, 0, 0
    for t in range(1, len(bars)):
        new_top = wanted >= 0 and high.iloc[t] > high.iloc[top]
        new_bottom = wanted <= 0 and low.iloc[t] < low.iloc[bottom]
        top, bottom = (t if new_top else top), (t if new_bottom else bottom)
        far = reversal_atrs * atr[t]
        fell = wanted >= 0 and not new_top and high.iloc[top] - low.iloc[t] >= far
        rose = wanted <= 0 and not new_bottom and high.iloc[t] - low.iloc[bottom] >= far
        if fell and not rose:
            found.append((top, 1, t))
            wanted, bottom = -1, t
        elif rose and not fell:
            found.append((bottom, -1, t))
            wanted, top = 1, t
    return found


def listed(zigzag):
    columns = (zigzag.rows, zigzag.kinds, zigzag.known_rows)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_sp_500_has_388_swings_confirmed_after_4_bars_on_average(index_bars):
    zigzag = find_pivots(index_bars, reversal_atrs=2.5)
    assert len(zigzag) == 388
    assert (zigzag.known_rows - zigzag.rows).mean() == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("reversal", [1.0, 2.5, 4.0])
def test_the_compiled_loop_does_what_the_rule_says(reversal):
    for seed in (1, 2):
        bars = random_walk(600, seed)
        assert listed(find_pivots(bars, reversal_atrs=reversal)) == by_hand(bars, reversal)


def test_highs_and_lows_take_turns_and_are_known_later_only(index_bars):
    zigzag = find_pivots(index_bars)
    assert (np.diff(zigzag.kinds) != 0).all()
    assert (zigzag.known_rows > zigzag.rows).all()
    assert (np.diff(zigzag.rows) > 0).all()
    assert (np.diff(zigzag.known_rows) > 0).all()


def test_a_swing_is_the_extreme_between_two_confirmations(index_bars):
    zigzag = find_pivots(index_bars)
    high, low = index_bars["high"].to_numpy(), index_bars["low"].to_numpy()
    for i in range(1, len(zigzag)):
        between = slice(zigzag.known_rows[i - 1], zigzag.known_rows[i] + 1)
        extreme = high[between].max() if zigzag.kinds[i] > 0 else low[between].min()
        assert zigzag.prices[i] == extreme


@given(st.integers(0, 10_000), st.integers(20, 399))
@settings(max_examples=40, deadline=None)
def test_swings_known_by_a_bar_do_not_change_with_later_ones(seed, cut):
    bars = random_walk(400, seed)
    whole = listed(find_pivots(bars))
    part = listed(find_pivots(bars.iloc[:cut]))
    assert part == [pivot for pivot in whole if pivot[2] < cut]


def test_upside_down_highs_become_lows():
    bars = path(legs(106, 97, 108, 95, 104, 99))
    straight, turned = find_pivots(bars), find_pivots(mirrored(bars))
    assert len(straight) >= 5
    assert straight.rows.tolist() == turned.rows.tolist()
    assert straight.kinds.tolist() == (-turned.kinds).tolist()


@pytest.mark.parametrize("factor", [0.001, 7.0, 1e6])
def test_the_unit_of_prices_does_not_matter(factor):
    bars = random_walk(500, 3)
    scaled = bars.assign(**{c: bars[c] * factor for c in ("open", "high", "low", "close")})
    assert listed(find_pivots(scaled)) == listed(find_pivots(bars))


def test_a_drawn_path_has_the_swings_that_were_drawn():
    bars = path(legs(106, 97, 108))
    frame = find_pivots(bars).as_frame(pd.DatetimeIndex(bars.index))
    # the leg that goes on to the end is confirmed by nothing
    assert frame["price"].tolist()[-3:] == pytest.approx([90.9, 106.1, 96.9])
    assert frame["kind"].tolist()[-3:] == ["low", "high", "low"]
    assert (frame["known_ts"] > frame["ts"]).all()


def test_too_few_or_flat_bars_have_no_swing():
    assert listed(find_pivots(empty_bars())) == []
    assert isinstance(find_pivots(random_walk(14, 1)), Zigzag)
    assert len(find_pivots(random_walk(14, 1))) == 0
    flat = random_walk(60, 1).assign(open=5.0, high=5.0, low=5.0, close=5.0)
    assert len(find_pivots(flat)) == 0


def test_a_distance_of_nothing_and_bars_with_holes_are_refused():
    with pytest.raises(ConfigurationError, match="A reversal of 0 ATRs"):
        find_pivots(random_walk(60, 1), reversal_atrs=0)
    bars = random_walk(60, 1)
    bars.iloc[30, bars.columns.get_loc("high")] = np.nan
    with pytest.raises(DataQualityError, match="high"):
        find_pivots(bars)
