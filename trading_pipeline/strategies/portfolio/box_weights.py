"""The weights of least variance within bounds, solved exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["least_variance"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_SINGULAR = 1e-10  # of the largest eigenvalue
_ZERO = 1e-13


def least_variance(covariance: FloatArray, low: float, high: float) -> tuple[FloatArray, bool]:
    """Weights w in [low, high] that add up to 1 and make w' C w smallest, and whether C is regular.

    Solved by an active set: the bounds that hold are found one by one, and the others follow from
    linear equations, so the answer is exact up to rounding. A singular C has many solutions of
    the same variance; then the one nearest to equal weights is given, by a ridge of 1e-10 of the
    largest eigenvalue, and the second value is False. `low` must be at most 1 / n and `high` at
    least that. Source: Nocedal and Wright, Numerical Optimization (2006), algorithm 16.3.

    >>> least_variance(np.diag([1.0, 3.0]), 0.0, 1.0)[0].tolist()
    [0.75, 0.25]
    """
    count = len(covariance)
    # of the size of 1, so that the tolerances below hold for returns of any size
    size = float(np.trace(covariance)) / count
    if not size > 0.0:
        return np.full(count, 1.0 / count), False
    matrix = covariance / size
    eigenvalues = np.linalg.eigvalsh(matrix)
    regular = bool(eigenvalues[0] > _SINGULAR * eigenvalues[-1])
    if not regular:
        matrix = matrix + 2.0 * _SINGULAR * eigenvalues[-1] * np.eye(count)
    weights, bound = _start(matrix, low, high)
    for _ in range(20 * count + 20):
        target, price = _free_solution(matrix, weights, bound)
        step, blocking = _longest_step(weights, target, bound == 0, low, high)
        weights = weights + step * (target - weights)
        if blocking >= 0:
            at_low = target[blocking] < weights[blocking]
            bound[blocking] = -1 if at_low else 1
            weights[blocking] = low if at_low else high
            continue
        # a bound is given up where variance falls by leaving it
        slope = (matrix @ weights - price) * bound
        worst = int(np.argmax(slope))
        if slope[worst] <= _ZERO * count:
            break
        bound[worst] = 0
    return np.clip(weights, low, high), regular  # rounding may pass a bound by a bit


def _start(matrix: FloatArray, low: float, high: float) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Weights within the bounds to begin from, and which are at one: -1 `low`, 1 `high`, 0 free.

    All weights that leave their bounds are set to these at once, until none does. Most of them are
    right, which leaves the exact steps little to do; where this leads nowhere, equal weights are.
    """
    count = len(matrix)
    weights, bound = np.full(count, 1.0 / count), np.zeros(count, dtype=np.int64)
    for _ in range(count):
        target, _ = _free_solution(matrix, weights, bound)
        below, above = target < low, target > high
        if not (below | above).any():
            return target, bound
        bound[below], bound[above] = -1, 1
        weights = np.where(bound < 0, low, np.where(bound > 0, high, weights))
        if not (bound == 0).any():
            break
    return np.full(count, 1.0 / count), np.zeros(count, dtype=np.int64)


def _free_solution(
    matrix: FloatArray, weights: FloatArray, bound: npt.NDArray[np.int64]
) -> tuple[FloatArray, float]:
    """Least variance over the free weights, the bound ones as they are, and the sum's price."""
    free = bound == 0
    target = weights.copy()
    if not free.any():
        return target, float(np.median(matrix @ weights))
    count = int(free.sum())
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = matrix[np.ix_(free, free)]
    system[:count, count], system[count, :count] = -1.0, 1.0
    right = np.append(-matrix[np.ix_(free, ~free)] @ weights[~free], 1.0 - weights[~free].sum())
    solved = np.linalg.solve(system, right)
    target[free] = solved[:count]
    return target, float(solved[count])


def _longest_step(
    weights: FloatArray, target: FloatArray, free: BoolArray, low: float, high: float
) -> tuple[float, int]:
    """Share of the way to `target` that stays within the bounds, and what stops it (-1: none)."""
    change = target - weights
    limit = np.where(change < 0.0, low, high)
    moves = free & (np.abs(change) > _ZERO)
    shares = np.full(len(weights), np.inf)
    shares[moves] = (limit[moves] - weights[moves]) / change[moves]
    first = int(np.argmin(shares))
    return (1.0, -1) if shares[first] >= 1.0 else (max(float(shares[first]), 0.0), first)
