"""Duplicates, stale runs, spikes and steps are the same however a series is cut into batches."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.datasets.checks import series as dataset_series_checks
from trading_pipeline.datasets.checks.series import MINUTE, MinuteMap, SeriesTally


def tallied(moments, values, cuts):
    tally = SeriesTally()
    for part in np.split(np.arange(len(moments)), sorted(cuts)):
        tally.add(moments[part], values[part])
    tally.finish()
    return tally


def counts(tally):
    return (
        tally.duplicate_rows,
        tally.duplicate_conflicts,
        tally.price_spikes,
        tally.stale_runs,
        dict(tally.steps),
        tally.stamps,
        tally.off_minute,
    )


def oracle(moments, values):
    """The same by plain loops and pandas."""
    rows = conflicts = 0
    seen = {}
    for moment, row in zip(moments.tolist(), map(tuple, values.tolist()), strict=True):
        group = seen.setdefault(moment, set())
        if row in group:
            rows += 1
        elif group:
            conflicts += 1
        group.add(row)
    first = ~pd.Series(moments).duplicated().to_numpy()
    moments, values = moments[first], values[first]
    runs, length = 0, 1
    for before, after in zip(values[:-1, :4].tolist(), values[1:, :4].tolist(), strict=True):
        length = length + 1 if before == after else 1
        runs += length == 5
    close = values[:, 3][values[:, 3] > 0]
    spikes = 0
    for a, b, c in zip(close[:-2], close[1:-1], close[2:], strict=True):
        up, down = np.log(b) - np.log(a), np.log(c) - np.log(b)
        spikes += bool(abs(up) > 1 and abs(up + down) < abs(up) / 2)
    steps = pd.Series(np.abs(np.diff(moments))).value_counts().to_dict()
    off = int((moments % MINUTE != 0).sum())
    return rows, conflicts, spikes, runs, steps, len(moments), off


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 80), newest_first=st.booleans())
def test_any_cut_into_batches_gives_what_plain_loops_give(seed, n, newest_first):
    rng = np.random.default_rng(seed)
    step = rng.choice([0, 0, 1, 1, 1, 2], n) * rng.choice([MINUTE, MINUTE, MINUTE // 2], n)
    moments = 1_700_000_040_000_000 + np.cumsum(step)
    levels = rng.choice([1.0, 10.0, 10.0, 10.0, 100.0, -1.0], n)
    values = np.column_stack([levels] * 4 + [rng.choice([0.0, 1.0], n)])
    if newest_first:
        moments, values = moments[::-1].copy(), values[::-1].copy()
    cuts = rng.integers(0, n + 1, rng.integers(0, 6))
    assert counts(tallied(moments, values, cuts)) == oracle(moments, values)


def test_equal_volumes_that_are_missing_are_the_same_values():
    moments = np.full(2, MINUTE)
    values = np.array([[1.0, 1.0, 1.0, 1.0, np.nan]] * 2)
    tally = tallied(moments, values, [])
    assert (tally.duplicate_rows, tally.duplicate_conflicts) == (1, 0)


def test_many_rows_of_one_stamp_do_not_pile_up():
    tally = SeriesTally()
    values = np.ones((100_000, 5))
    for _ in range(7):
        tally.add(np.full(100_000, MINUTE), values)
        assert tally._held is None or len(tally._held[0]) < 400_000
    tally.finish()
    assert tally.duplicate_rows >= 699_990


def test_the_map_knows_the_minutes_that_have_a_bar():
    minutes = MinuteMap()
    minutes.add(np.array([], dtype=np.int64))
    assert (minutes.first, minutes.last) == (None, None)
    minutes.add(np.array([5, 7, 7]) * MINUTE)
    minutes.add(np.array([-3 * MINUTE, 6 * MINUTE + 1]))  # before 1970, and between two minutes
    assert (minutes.first, minutes.last) == (-3, 7)
    assert minutes.between(-10, 7).tolist() == [-3, 5]
    assert minutes.flags(4, 8).tolist() == [False, True, False, True]


def test_the_map_reaches_from_1900_to_2100():
    minutes = MinuteMap()
    edges = pd.DatetimeIndex(["1900-01-01", "2100-01-01"]).as_unit("us").asi8
    minutes.add(np.asarray(edges))
    assert minutes.between(int(edges[1]) // MINUTE, int(edges[1]) // MINUTE + 1).size == 1
    assert minutes.first == int(edges[0]) // MINUTE


@pytest.mark.parametrize("length", [4, 5, 9])
def test_a_stale_run_over_many_batches_is_one(length):
    moments = np.arange(length) * MINUTE
    tally = tallied(moments, np.ones((length, 5)), range(1, length))
    assert tally.stale_runs == (length >= 5)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 80), newest_first=st.booleans())
def test_even_steps_and_near_closes_are_no_exception(seed, n, newest_first):
    """Most batches are so and are judged by a few comparisons."""
    rng = np.random.default_rng(seed)
    moments = 1_700_000_040_000_000 + np.arange(n) * rng.choice([MINUTE, 5 * MINUTE, MINUTE // 2])
    levels = rng.choice([1.0, 1.1, 2.6, 2.69], n)
    levels[rng.random(n) < 0.05] *= rng.choice([2.8, 30.0, -1.0])
    values = np.column_stack([levels] * 4 + [np.ones(n)])
    if newest_first:
        moments, values = moments[::-1].copy(), values[::-1].copy()
    cuts = rng.integers(0, n + 1, rng.integers(0, 6))
    assert counts(tallied(moments, values, cuts)) == oracle(moments, values)


@pytest.mark.parametrize("cuts", [[], [3], [9, 10, 11], range(1, 40)])
def test_steps_are_counted_over_exactly_so_many(monkeypatch, cuts):
    monkeypatch.setattr(dataset_series_checks, "_STEPS_WANTED", 10)
    moments = np.r_[np.arange(10), 9 + 2 * np.arange(1, 31)] * MINUTE
    assert tallied(moments, np.ones((40, 5)), cuts).steps == {MINUTE: 9, 2 * MINUTE: 1}
