"""Least squares of series on their own lags, the recursion, and its residual bootstrap.

Series have the shape (bars, k): one series of returns, or several that explain each other. The
recursion is linear, so that the spread of its bootstrap paths is the same from every origin and is
simulated once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "bootstrap_spread",
    "extend",
    "fitted_values",
    "lagged_rows",
    "least_squares",
    "residual_sample",
    "spectral_radius",
    "unrolled",
]

FloatArray = npt.NDArray[np.float64]
_SMALLEST_SHARE = 1e-8
"""Directions of the inputs that vary less than this, by the widest one, are left out of a fit."""


def lagged_rows(series: FloatArray, lags: int) -> FloatArray:
    """Each bar's own value and those before it, newest first; shape (bars - lags + 1, lags * k).

    Row i belongs to bar i + lags - 1. Within a lag the k series stand side by side.

    >>> lagged_rows(np.array([[1.0], [2.0], [3.0]]), 2).tolist()
    [[2.0, 1.0], [3.0, 2.0]]
    """
    windows = np.lib.stride_tricks.sliding_window_view(series, lags, axis=0)  # (rows, k, lags)
    return np.ascontiguousarray(windows[:, :, ::-1].transpose(0, 2, 1)).reshape(len(windows), -1)


def least_squares(
    inputs: FloatArray,
    outcomes: FloatArray,
    *,
    weights: FloatArray | None = None,
    penalty: float = 0.0,
) -> FloatArray:
    """Coefficients of `outcomes` on `inputs` and a constant; shape (1 + inputs, outcomes).

    The first row is the constant, which is never penalized. `penalty`: that of ridge regression on
    standardized inputs, as a share of the rows; 0 gives ordinary least squares, of smallest norm
    where the inputs do not determine it: a market without gaps opens at the last close, so that
    body and return are the same. `weights`: one a row, above 0.
    """
    rows = np.ones(len(inputs)) if weights is None else weights
    total = rows.sum()
    centre, level = rows @ inputs / total, rows @ outcomes / total
    moved = inputs - centre
    scale = np.sqrt(rows @ moved**2 / total)
    scale[scale == 0.0] = 1.0
    root = np.sqrt(rows)[:, None]
    left, right = root * (moved / scale), root * (outcomes - level)
    if penalty > 0.0:
        ridge = np.sqrt(penalty * total) * np.eye(left.shape[1])
        left = np.vstack([left, ridge])
        right = np.vstack([right, np.zeros((left.shape[1], right.shape[1]))])
    slopes = np.linalg.lstsq(left, right, rcond=_SMALLEST_SHARE)[0] / scale[:, None]
    return np.vstack([level - centre @ slopes, slopes])


def fitted_values(coefficients: FloatArray, inputs: FloatArray) -> FloatArray:
    """What the coefficients of `least_squares` give for rows of inputs."""
    values: FloatArray = coefficients[0] + inputs @ coefficients[1:]
    return values


def extend(
    coefficients: FloatArray, recent: FloatArray, steps: int, *, shocks: FloatArray | None = None
) -> FloatArray:
    """The next values of each path, every step from the values before it; (paths, steps, k).

    Parameters
    ----------
    coefficients
        Of `least_squares`, shape (1 + lags * k, k).
    recent
        The last values of each path, newest first, as `lagged_rows` gives them: (paths, lags * k).
    shocks
        What is added at each step, shape (steps, paths, k); None for the expected path.
    """
    series = coefficients.shape[1]
    state = np.array(recent, dtype="float64")
    path = np.empty((len(state), steps, series))
    for step in range(steps):
        value = fitted_values(coefficients, state)
        if shocks is not None:
            value = value + shocks[step]
        path[:, step] = value
        state = np.concatenate([value, state[:, :-series]], axis=1)
    return path


def unrolled(coefficients: FloatArray, steps: int) -> FloatArray:
    """Coefficients of every step of the expected path on the last values, by the recursion.

    Shape (steps, 1 + lags * k, k): step s of `extend` is `fitted_values(unrolled(...)[s], recent)`,
    for any number of origins without a loop over steps.
    """
    width = len(coefficients) - 1
    units = np.vstack([np.zeros(width), np.eye(width)])
    paths = extend(coefficients, units, steps)
    paths[1:] -= paths[0]
    return np.ascontiguousarray(paths.transpose(1, 0, 2))


def bootstrap_spread(
    coefficients: FloatArray, residuals: FloatArray, *, steps: int, paths: int, seed: int
) -> FloatArray:
    """How bootstrap paths differ from the expected path, shape (paths, steps, k).

    Each step draws a row of the residuals, with replacement, and the recursion carries it on. The
    difference depends on no origin, since the recursion is linear: added to the expected path of
    an origin it gives that origin's bootstrap paths. The draws of a step are centred, so that few
    paths do not move what is expected. Thombs and Schucany (1990), Journal of the
    American Statistical Association 85, without their new estimate of the coefficients.
    """
    draws = np.random.default_rng(seed).integers(len(residuals), size=(steps, paths))
    without_constant = np.vstack([np.zeros(coefficients.shape[1]), coefficients[1:]])
    still = np.zeros((paths, len(coefficients) - 1))
    shocks = residuals[draws]
    shocks -= shocks.mean(axis=1, keepdims=True)
    return extend(without_constant, still, steps, shocks=shocks)


def residual_sample(
    residuals: FloatArray, *, parameters: int, seed: int, most: int = 4000
) -> FloatArray:
    """Residuals to draw from: centred, as wide as the errors of new rows, at most so many.

    Least squares makes residuals smaller than the errors; the root of rows over rows less
    parameters makes up for it. More than `most` are thinned at random.
    """
    rows = len(residuals)
    wider = np.sqrt(rows / max(rows - parameters, 1))
    sample = (residuals - residuals.mean(axis=0)) * wider
    if rows > most:
        chosen = np.random.default_rng(seed).choice(rows, most, replace=False)
        sample = sample[np.sort(chosen)]
    return np.ascontiguousarray(sample)


def spectral_radius(coefficients: FloatArray) -> float:
    """Largest modulus of the recursion's roots; from 1 on its paths run away."""
    series = coefficients.shape[1]
    width = len(coefficients) - 1
    companion = np.zeros((width, width))
    companion[:series] = coefficients[1:].T
    companion[series:, :-series] = np.eye(width - series)
    return float(np.abs(np.linalg.eigvals(companion)).max())
