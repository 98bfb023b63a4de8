"""From an equity curve to returns, wealth and drawdowns. Fractions, one row per bar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError, InsufficientDataError

__all__ = [
    "FloatArray",
    "bar_returns",
    "checked_returns",
    "deepest_drawdowns",
    "drawdowns",
    "equity_array",
    "wealth_index",
]

FloatArray = npt.NDArray[np.float64]


def equity_array(equity: npt.ArrayLike, *, initial_equity: float | None = None) -> FloatArray:
    """Equity as a checked float64 array, with `initial_equity` in front where it is given.

    `equity` is in account currency at each bar's close. Raises `InsufficientDataError` for an empty
    curve and `DataQualityError` for another shape, a value that is not finite, or a start that is
    not above 0 (no return can be measured from it). Later values may be 0 or below, which means a
    ruined account.
    """
    values = np.asarray(equity, dtype=np.float64)
    if values.ndim != 1:
        raise DataQualityError(
            f"The equity curve has {values.ndim} dimensions; give one value a bar.",
            dimensions=values.ndim,
        )
    if values.size == 0:
        raise InsufficientDataError(
            "The equity curve has no bar, so nothing can be measured. Run the backtest on a span "
            "that holds bars."
        )
    if initial_equity is not None:
        values = np.concatenate(([float(initial_equity)], values))
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        where = row if initial_equity is None else row - 1
        name = "The initial equity" if where < 0 else f"The equity at bar {where}"
        raise DataQualityError(
            f"{name} is {values[row]}; every value must be finite.", bar=where, value=values[row]
        )
    if values[0] <= 0.0:
        raise DataQualityError(
            f"The equity curve starts at {values[0]}; returns can only be measured from a start "
            "above 0. Give the account's cash before the first bar as initial_equity.",
            value=float(values[0]),
        )
    return values


def bar_returns(equity: npt.ArrayLike, *, initial_equity: float | None = None) -> FloatArray:
    """Simple return of each bar, `equity[t] / equity[t-1] - 1`.

    With `initial_equity` there is one return for each bar, the first relative to that cash; without
    it the first bar is the start and has none. Once equity is at or below 0, returns have no
    meaning and are NaN, which makes every metric of the returns NaN.

    >>> bar_returns([110.0, 99.0], initial_equity=100.0).round(12).tolist()
    [0.1, -0.1]
    >>> bar_returns([110.0, 99.0]).round(12).tolist()
    [-0.1]
    """
    return checked_returns(equity_array(equity, initial_equity=initial_equity))


def wealth_index(returns: npt.ArrayLike) -> FloatArray:
    """What 1.0 has grown to: 1.0 first, then one value for each return (compounded, never summed).

    NaN in `returns` makes this and all later values NaN.

    >>> wealth_index([0.1, -0.5]).round(12).tolist()
    [1.0, 1.1, 0.55]
    """
    values = np.asarray(returns, dtype=np.float64)
    return np.concatenate(([1.0], np.cumprod(1.0 + values)))


def drawdowns(wealth: npt.ArrayLike) -> FloatArray:
    """Fraction below the highest value so far, at most 0; same length as `wealth`, first value 0.

    Below -1 only where the account owes money. NaN from the first NaN on.

    >>> drawdowns([1.0, 2.0, 1.0, 3.0]).tolist()
    [0.0, 0.0, -0.5, 0.0]
    """
    values = np.asarray(wealth, dtype=np.float64)
    if values.size == 0:
        return values
    return values / np.maximum.accumulate(values) - 1.0


def deepest_drawdowns(returns: FloatArray) -> FloatArray:
    """Deepest drawdown of each row of `returns` (histories, bars), counted from a wealth of 1.0."""
    wealth = np.cumprod(1.0 + returns, axis=1)
    peaks = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    deepest: FloatArray = np.minimum((wealth / peaks).min(axis=1) - 1.0, 0.0)
    return deepest


def checked_returns(values: FloatArray) -> FloatArray:
    """Simple returns of a checked equity curve, from its second value on; NaN after a ruin."""
    before, after = values[:-1], values[1:]
    if before.size == 0 or before.min() > 0.0:
        return after / before - 1.0
    returns = np.full(after.size, np.nan)
    solvent = np.minimum.accumulate(before) > 0.0
    returns[solvent] = after[solvent] / before[solvent] - 1.0
    return returns
