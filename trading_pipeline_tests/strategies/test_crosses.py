"""Where one line crosses another."""

import numpy as np

from trading_pipeline.strategies.crosses import crosses_above, crosses_below


def test_touching_is_no_cross_but_leaving_a_touch_is():
    first = np.array([1.0, 2.0, 2.0, 3.0, 3.0, 1.0])
    second = np.array([2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert crosses_above(first, second).tolist() == [False, False, False, True, False, False]
    assert crosses_above(second, first).tolist() == [False, False, False, False, False, True]


def test_row_zero_and_rows_next_to_nan_never_cross():
    first = np.array([3.0, np.nan, 3.0, 1.0, 3.0])
    second = np.array([2.0, 2.0, 2.0, 2.0, np.nan])
    assert not crosses_above(first, second).any()
    assert crosses_above(np.array([]), np.array([])).size == 0


def test_a_line_crosses_below_a_number():
    line = np.array([31.0, 30.0, 29.0, 28.0, 31.0, np.nan, 29.0])
    assert crosses_below(line, 30.0).tolist() == [False, False, True, False, False, False, False]
