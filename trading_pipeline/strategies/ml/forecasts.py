"""What a model's predictions say of the price at one step: a return, a probability, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.signals import BoolArray, FloatArray
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies.market import AGE_COLUMN, Market

__all__ = ["Forecasts", "forecasts_of", "of_own_bar", "unpredicted"]

_QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecasts:
    """Forecasts made at each bar, one step ahead; NaN where the bar has none of its own.

    `expected_return`: a fraction, from this close on; None for a model that gives none. `p_up`:
    probability of a rise; None where nothing tells one. `horizon`: bars ahead.
    """

    expected_return: FloatArray | None
    p_up: FloatArray | None
    horizon: int

    @property
    def missing(self) -> BoolArray:
        """Bars without a forecast."""
        known = (each for each in (self.expected_return, self.p_up) if each is not None)
        missing: BoolArray = np.any([np.isnan(each) for each in known], axis=0)
        return missing


def forecasts_of(market: Market, model: str, horizon: int | None) -> Forecasts:
    """The forecasts of a model at a step, in bars; None for its only or last one.

    The return is `close` over the bar's close less 1, or `yhat` as the model gives it. Without a
    column `p_up` the probability is read from the quantiles `q05`, `q50` and `q95`, with straight
    lines between them; it lies from 0.05 to 0.95.

    Raises `StrategyError` for a model without predictions, a step that it does not have, columns
    that tell neither, and a number that is no probability.
    """
    told = market.predictions_at(model, horizon)
    steps = told["horizon"].dropna() if "horizon" in told.columns else pd.Series(dtype="float64")
    if horizon is None and len(told) and "horizon" not in told.columns:
        raise StrategyError(
            f"The predictions of '{model}' do not say how many bars ahead they are (no column "
            "horizon). Give 'horizon' in the scenario.",
            model=model,
        )
    ahead = horizon if horizon is not None else int(steps.max()) if len(steps) else 1
    expected: FloatArray | None = None
    if "close" in told.columns:
        expected = of_own_bar(told, "close") / market.close - 1.0
    elif "yhat" in told.columns:
        expected = of_own_bar(told, "yhat")
    p_up: FloatArray | None = None
    if "p_up" in told.columns:
        p_up = of_own_bar(told, "p_up")
        _check_probabilities(model, p_up, told.index)
    elif expected is not None and set(_QUANTILES) <= set(told.columns):
        p_up = _above_zero(*(of_own_bar(told, name) for name in _QUANTILES))
    if expected is None and p_up is None:
        raise StrategyError(
            f"The predictions of '{model}' tell neither a return nor a direction (columns yhat, "
            f"close or p_up). Found: {', '.join(map(str, told.columns))}. Choose another model.",
            model=model,
        )
    return Forecasts(expected_return=expected, p_up=p_up, horizon=ahead)


def of_own_bar(told: pd.DataFrame, column: str) -> FloatArray:
    """A column of aligned predictions; NaN where the newest prediction is of an older bar."""
    own = told[AGE_COLUMN].to_numpy(dtype=np.float64) == 0.0
    return np.where(own, told[column].to_numpy(dtype=np.float64), np.nan)


def unpredicted(model: str, missing: BoolArray, what: str, meaning: str) -> tuple[str, ...]:
    """The warning that so many of these `what` have no prediction; none where all have one.

    >>> unpredicted("meta", np.array([True, False]), "entries", "They were not taken.")
    ("The model 'meta' has no prediction for 1 of 2 entries. They were not taken.",)
    """
    count = int(missing.sum())
    if not count:
        return ()
    of = f"{count:,} of {len(missing):,} {what}"
    return (f"The model '{model}' has no prediction for {of}. {meaning}",)


def _above_zero(low: FloatArray, middle: FloatArray, high: FloatArray) -> FloatArray:
    """Share of a distribution with these quantiles that lies above 0."""
    quantiles = np.array([low, middle, high])
    shares = np.array(list(_QUANTILES.values()))
    below = np.where(quantiles[0] > 0.0, shares[0], shares[-1])
    for part in (0, 1):
        left, right = quantiles[part], quantiles[part + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = shares[part] - left / (right - left) * (shares[part + 1] - shares[part])
        below = np.where((left <= 0.0) & (right > 0.0), share, below)
    return np.where(np.isnan(quantiles).any(axis=0), np.nan, 1.0 - below)


def _check_probabilities(model: str, p_up: FloatArray, index: pd.Index) -> None:
    wrong = (p_up < 0.0) | (p_up > 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise StrategyError(
            f"The prediction of '{model}' at {index[row]} is {p_up[row]}; p_up must be a "
            "probability.",
            model=model,
            row=row,
        )
