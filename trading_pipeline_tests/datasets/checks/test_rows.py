"""Rows are counted once each, and order is judged within each symbol, however the batches fall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.datasets.checks.rows import RowTally
from trading_pipeline.datasets.reading.rows import RowBatch


def batch(moments, codes=None, prices=None, volume=1.0, **columns):
    n = len(moments)
    values = np.ones((n, 5))
    values[:, 4] = volume
    if prices is not None:
        values[:, :4] = prices
    columns = {
        name: np.zeros(n, dtype=bool) for name in ("aware", "loss", "short", "long", "formula")
    } | {
        "stamped": np.ones(n, dtype=bool),
        "values": values,
        "codes": np.asarray(np.zeros(n) if codes is None else codes, dtype=np.int64),
        **columns,
    }
    return RowBatch(moments=np.asarray(moments, dtype=np.int64), **columns)


def add(tally, one):
    tally.add(one, one.readable)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_falls_and_rises_are_those_of_each_symbol_alone(seed, n):
    rng = np.random.default_rng(seed)
    moments, codes = rng.integers(0, 9, n), rng.integers(0, 3, n)
    tally = RowTally()
    for part in np.split(np.arange(n), sorted(rng.integers(0, n + 1, 3))):
        if len(part):
            add(tally, batch(moments[part], codes[part]))
    falls = sum(int((np.diff(moments[codes == code]) < 0).sum()) for code in range(3))
    rises = sum(int((np.diff(moments[codes == code]) > 0).sum()) for code in range(3))
    assert (tally.falls, tally.rises) == (falls, rises)
    assert tally.is_ordered == (falls == 0 or rises == 0)
    assert (tally.rows, tally.first, tally.last) == (n, moments.min(), moments.max())


def test_cut_lines_skip_every_other_check():
    prices = np.array([[1.0, np.nan, -1.0, 9.0]])
    tally = RowTally()
    add(tally, batch([1], prices=prices, short=np.array([True])))
    assert tally.all_problems() == {"truncated_line": 1}
    assert tally.valid_rows == 0


def test_rows_without_a_stamp_are_no_bars_but_their_prices_count_as_read():
    tally = RowTally()
    add(tally, batch([0, 5], stamped=np.array([False, True])))
    assert tally.others["bad_timestamp"] == 1
    assert (tally.valid_rows, tally.first) == (1, 5)


def test_the_first_formula_row_is_told_over_batches():
    tally = RowTally()
    add(tally, batch([1, 2, 3]))
    add(tally, batch([4, 5], formula=np.array([False, True])))
    add(tally, batch([6], formula=np.array([True])))
    assert tally.first_formula_row == 5


@pytest.mark.parametrize(
    ("prices", "code"),
    [
        ([10, 9, 8, 8.5], "ohlc_inconsistent"),
        ([10, 12, 11, 11], "ohlc_inconsistent"),
        ([0, 1, 0, 1], "non_positive_price"),
    ],
)
def test_each_fault_of_a_price_has_its_code(prices, code):
    tally = RowTally()
    add(tally, batch([1], prices=np.array([prices], dtype=float)))
    assert tally.all_problems() == {code: 1}


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), faults=st.sampled_from([0.0, 0.02, 0.3]))
def test_any_cut_into_batches_counts_the_same_faults(seed, n, faults):
    """A batch without a fault is judged by few comparisons, a row alone mostly is one."""
    rng = np.random.default_rng(seed)
    prices = np.sort(rng.uniform(1, 2, (n, 4)), axis=1)[:, [1, 3, 0, 2]]
    odd = rng.choice([np.nan, np.inf, -np.inf, -1.0, 0.0, 1.5, 9.0], (n, 4))
    prices = np.where(rng.random((n, 4)) < faults, odd, prices)
    volume = np.where(rng.random(n) < faults, rng.choice([0.0, -1.0, np.nan, np.inf], n), 5.0)
    flags = {
        name: rng.random(n) < faults for name in ("aware", "loss", "short", "long", "formula")
    } | {"stamped": rng.random(n) >= faults}
    moments = rng.integers(0, 9, n)

    def counted(parts):
        tally = RowTally()
        for part in parts:
            chosen = {name: each[part] for name, each in flags.items()}
            add(tally, batch(moments[part], prices=prices[part], volume=volume[part], **chosen))
        found = {code: count for code, count in tally.others.items() if count}
        return (
            tally.all_problems(),
            found,
            tally.valid_rows,
            tally.aware_rows,
            tally.first_formula_row,
        )

    assert counted([np.arange(n)]) == counted([[i] for i in range(n)])
