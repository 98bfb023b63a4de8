from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.training.effective_rows import label_clock, row_uniqueness

CLOCK = pd.date_range("2012-01-02 21:00", periods=400, tz="UTC").as_unit("us")


def labels_of(spans):
    begins, ends = [b for b, _ in spans], [e for _, e in spans]
    return pd.DataFrame({"t0": CLOCK[begins], "t1": CLOCK[ends]}, index=CLOCK[begins])


def overlapping(rows, horizon):
    return labels_of([(row, row + horizon) for row in range(rows)])


def test_three_labels_by_hand():
    # bars 1 to 4, 3 to 6 and 6 to 8: bars 3 and 4 and bar 6 are shared by two
    worth = row_uniqueness(labels_of([(0, 4), (2, 6), (5, 8)]), CLOCK)
    assert worth == pytest.approx([3 / 4, (0.5 + 0.5 + 1.0 + 0.5) / 4, (0.5 + 1.0 + 1.0) / 3])


def test_labels_over_one_bar_are_worth_exactly_one_row_each():
    assert (row_uniqueness(overlapping(300, 1), CLOCK) == 1.0).all()


@pytest.mark.parametrize("horizon", [5, 20])
def test_labels_over_h_bars_are_worth_one_in_h(horizon):
    worth = row_uniqueness(overlapping(300, horizon), CLOCK)
    assert worth.sum() == pytest.approx(300 / horizon, rel=0.2)
    assert worth[horizon:-horizon] == pytest.approx(1 / horizon)
    assert worth[0] > worth[horizon]  # the first labels have fewer neighbours


def test_every_hth_label_overlaps_none_and_is_a_whole_row():
    assert row_uniqueness(overlapping(300, 20).iloc[::20], CLOCK) == pytest.approx(1.0)


SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda one: (one[0], one[0] + one[1])),
    min_size=1,
    max_size=25,
    unique_by=lambda span: span[0],
)


@given(SPANS)
@settings(max_examples=100, deadline=None)
def test_it_is_the_mean_share_of_the_bars_that_a_label_lives_on(spans):
    alive = [sum(b < t <= e for b, e in spans) for t in range(60)]
    expected = [np.mean([1 / alive[t] for t in range(b + 1, e + 1)]) for b, e in spans]
    worth = row_uniqueness(labels_of(spans), CLOCK)
    np.testing.assert_allclose(worth, expected)
    assert ((worth > 0.0) & (worth <= 1.0)).all()
    assert worth.sum() <= len(spans)
    mixed = np.random.default_rng(len(spans)).permutation(len(spans))
    np.testing.assert_allclose(row_uniqueness(labels_of(spans).iloc[mixed], CLOCK), worth[mixed])


def test_labels_at_every_bar_tell_all_bars():
    clock = label_clock(overlapping(300, 5))
    pd.testing.assert_index_equal(clock, CLOCK[:305], check_names=False, exact="equiv")
    np.testing.assert_array_equal(
        row_uniqueness(overlapping(300, 5), clock), row_uniqueness(overlapping(300, 5), CLOCK)
    )


def test_no_labels_have_no_worth_and_a_label_that_ends_before_it_begins_is_refused():
    assert row_uniqueness(labels_of([]), CLOCK).tolist() == []
    with pytest.raises(DataQualityError, match="lives from"):
        row_uniqueness(labels_of([(3, 1)]), CLOCK)
