from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.models.predictors.value_groups import grouped_values

COLUMN = st.lists(st.floats(-1e308, 1e308) | st.integers(-3, 3), min_size=1, max_size=60)


@given(COLUMN, st.integers(2, 10))
@settings(max_examples=150, deadline=None)
def test_groups_keep_the_order_and_are_as_few_as_asked(column, most):
    values = np.array(column, dtype="float64")[:, None]
    grouped = grouped_values(values, most_distinct=most)
    assert len(np.unique(grouped)) <= most
    order = np.argsort(values[:, 0], kind="stable")
    assert (np.diff(grouped[order, 0]) >= 0.0).all()
    assert values.min() <= grouped.min() <= grouped.max() <= values.max()


def test_columns_with_few_values_stay_as_they_are():
    values = np.array([[1.0, 0.0], [1.0, 5.0], [2.0, 0.0]])
    np.testing.assert_array_equal(grouped_values(values, most_distinct=2), values)


def test_groups_of_continuous_values_hold_about_equally_many_rows():
    values = np.random.default_rng(1).normal(size=(2550, 1))
    grouped = grouped_values(values, most_distinct=255)
    distinct, counts = np.unique(grouped, return_counts=True)
    assert len(distinct) == 255
    assert counts.min() >= 9
    assert counts.max() <= 11
    assert np.abs(grouped - values).mean() < 0.01
