"""Tests of the checks that warn: what they see and what they let pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.quality.checks import CheckSettings, check_bars, has_errors

START, END = pd.Timestamp("2012-01-01", tz="UTC"), pd.Timestamp("2012-10-01", tz="UTC")


@pytest.fixture
def walk() -> pd.DataFrame:
    """A quiet random walk of 188 days; opens are the closes before."""
    index = expected_bars(START, END, "1d", "XNYS")
    random = np.random.default_rng(5)
    close = 50.0 * np.exp(np.cumsum(0.004 * random.standard_normal(len(index))))
    return frame(index, close)


def frame(index: pd.DatetimeIndex, close: np.ndarray) -> pd.DataFrame:
    opened = np.append(close[0], close[:-1])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": 1000.0,
        },
        index=index,
    )


def only(findings, name):
    assert not has_errors(findings)
    return [finding for finding in findings if finding.check_name == name]


def test_quiet_walk_has_no_warning(walk, stock):
    assert check_bars(walk, instrument=stock) == []


def with_move(walk: pd.DataFrame, position: int, factor: float, *, back: bool) -> pd.DataFrame:
    close = walk["close"].to_numpy().copy()
    close[position : position + 1 if back else None] *= factor
    return frame(walk.index, close)


def test_spike_that_is_taken_back_warns_once_with_its_size(walk, stock):
    (finding,) = only(check_bars(with_move(walk, 120, 1.3, back=True), instrument=stock), "spike")
    assert finding.ts == walk.index[120]
    assert finding.value == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("factor", [1.3, 0.48])
def test_move_that_stays_is_no_spike(walk, stock, factor):
    assert (
        only(check_bars(with_move(walk, 120, factor, back=False), instrument=stock), "spike") == []
    )


def test_small_move_is_no_spike_however_quiet_the_market(stock):
    index = expected_bars(START, END, "1d", "XNYS")
    close = 50.0 + 1e-5 * (np.arange(len(index)) % 3)
    close[120] = 50.4
    assert only(check_bars(frame(index, close), instrument=stock), "spike") == []
    close[120] = 50.6
    assert len(only(check_bars(frame(index, close), instrument=stock), "spike")) == 1


def test_spike_early_in_a_window_is_seen_with_the_bars_before_it(walk, stock):
    spiked = with_move(walk, 120, 1.3, back=True)
    before, window = spiked.iloc[:119], spiked.iloc[119:]
    assert only(check_bars(window, instrument=stock), "spike") == []
    (finding,) = only(check_bars(window, instrument=stock, previous=before), "spike")
    assert finding.ts == walk.index[120]


def test_spike_before_the_window_belongs_to_the_window_before(walk, stock):
    spiked = with_move(walk, 120, 1.3, back=True)
    found = check_bars(spiked.iloc[125:], instrument=stock, previous=spiked.iloc[:125])
    assert found == []


def test_unrecorded_split_warns_and_a_recorded_one_does_not(walk, stock, make_action):
    split = walk.copy()
    split.iloc[120:, :4] /= 2.0
    split.iloc[120, :4] = walk.iloc[120, :4] / 2.0
    (finding,) = only(check_bars(split, instrument=stock), "level_shift")
    assert finding.ts == walk.index[120]
    assert finding.value == pytest.approx(0.5)
    recorded = [make_action(f"{walk.index[120]:%Y-%m-%d}", "split", 2.0)]
    assert check_bars(split, instrument=stock, actions=recorded) == []


@pytest.mark.parametrize(
    ("factor", "warns"), [(3.0, True), (0.1, True), (1.25, False), (0.8, False)]
)
def test_level_shift_means_a_ratio_that_companies_use(walk, stock, factor, warns):
    moved = walk.copy()
    moved.iloc[120:, :4] *= factor
    assert bool(only(check_bars(moved, instrument=stock), "level_shift")) is warns


def test_five_equal_days_are_stale_and_four_are_not(walk, stock):
    for length, warns in ((4, False), (5, True)):
        stale = walk.copy()
        stale.iloc[50 : 50 + length, :4] = stale.iloc[50, 3]
        found = only(check_bars(stale, instrument=stock), "stale")
        assert [(f.ts, f.value) for f in found] == ([(walk.index[50], 5.0)] if warns else [])


def test_stale_run_is_seen_across_the_start_of_the_window(walk, stock):
    stale = walk.copy()
    stale.iloc[50:55, :4] = stale.iloc[50, 3]
    found = check_bars(stale.iloc[53:], instrument=stock, previous=stale.iloc[:53])
    assert [f.ts for f in only(found, "stale")] == [walk.index[50]]


def test_minutes_may_stand_still_for_longer(stock):
    minute = replace(stock, timeframe=Timeframe.M1)
    index = expected_bars(START, START + pd.Timedelta(days=4), "1m", "XNYS")[:60]
    still = frame(index, np.where(np.arange(60) < 19, 10.0, 10.0 + 0.001 * np.arange(60)))
    assert only(check_bars(still, instrument=minute), "stale") == []
    strict = CheckSettings(stale_intraday_bars=19)
    assert len(only(check_bars(still, instrument=minute, settings=strict), "stale")) == 1


@pytest.mark.parametrize(
    ("asset_class", "share", "warns"),
    [("equity", 0.06, True), ("equity", 0.04, False), ("fx", 1.0, False), ("index", 1.0, False)],
)
def test_bars_without_volume_warn_where_volume_exists(walk, stock, asset_class, share, warns):
    walk.iloc[: round(share * len(walk)), 4] = 0.0
    instrument = replace(stock, asset_class=asset_class)
    found = only(check_bars(walk, instrument=instrument), "zero_volume")
    assert bool(found) is warns
    assert all(f.ts is None for f in found)
