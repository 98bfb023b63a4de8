"""Columns of many distinct values as columns of few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["grouped_values"]


def grouped_values(
    values: npt.NDArray[np.float64], *, most_distinct: int
) -> npt.NDArray[np.float64]:
    """`values` with at most `most_distinct` distinct values in each column, in the same order.

    A column with more is cut at its quantiles, and each value becomes the middle of its group's
    range. Columns with fewer stay as they are. Finite values only, shape (rows, columns).

    >>> grouped_values(np.array([[1.0], [2.0], [3.0], [5.0]]), most_distinct=2).ravel().tolist()
    [1.5, 1.5, 4.0, 4.0]
    """
    result = values.copy()
    shares = np.arange(1, most_distinct) / most_distinct
    for column in range(values.shape[1]):
        given = values[:, column]
        distinct = np.unique(given)
        if len(distinct) <= most_distinct:
            continue
        cuts = np.unique(np.quantile(given, shares))
        first = np.unique(np.searchsorted(distinct, cuts, side="right"))
        starts = np.unique(np.concatenate(([0], first[first < len(distinct)])))
        ends = np.append(starts[1:], len(distinct)) - 1
        # halves first: the sum of two large values could overflow
        middles = 0.5 * distinct[starts] + 0.5 * distinct[ends]
        group = np.searchsorted(distinct[starts], given, side="right") - 1
        result[:, column] = middles[group]
    return result
