"""Two instruments that moved together: sell the dear one and buy the cheap one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from trading_pipeline.errors import StrategyError, did_you_mean
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.portfolio.base import PortfolioStrategy
from trading_pipeline.strategies.portfolio.panel import Panel

__all__ = ["PairsReversion", "PairsReversionParams", "spread_scores"]

FloatArray = npt.NDArray[np.float64]


class PairsReversionParams(StrategyParams):
    """Rows of the regression, scores at which a pair is opened and closed, and its weights."""

    lookback_bars: Annotated[int, Field(ge=5, le=5_000)] = 60
    """Rows of the regression that gives hedge ratio and spread."""
    enter: Annotated[float, Field(gt=0.0, le=20.0)] = 2.0
    """Score of the spread, without its sign, from which on a pair is opened."""
    leave: Annotated[float, Field(ge=0.0, le=20.0)] = 0.5
    """Score down to which the spread must fall back for the pair to be closed."""
    stop: Annotated[float, Field(gt=0.0, le=100.0)] | None = 4.0
    """Score from which on the pair is given up, until the spread is back at `leave`; null: off."""
    weighting: Literal["dollar_neutral", "hedge_ratio"] = "dollar_neutral"
    """`dollar_neutral`: as much short as long; `hedge_ratio`: by the slope at the entry."""
    exposure: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    """Both weights without their signs; above 1 the scenario's `limits.leverage` must allow it."""
    dependent: str | None = None
    """The instrument that is explained by the other one; null: the first by name."""

    @model_validator(mode="after")
    def _in_order(self) -> PairsReversionParams:
        if self.leave >= self.enter:
            raise ValueError(
                f"'leave' of {self.leave:g} is not below 'enter' of {self.enter:g}; a pair would "
                "be closed where it is opened"
            )
        if self.stop is not None and self.stop <= self.enter:
            raise ValueError(
                f"'stop' of {self.stop:g} is not above 'enter' of {self.enter:g}; no pair could be "
                "opened"
            )
        return self


class PairsReversion(PortfolioStrategy[PairsReversionParams]):
    """Sell the dear and buy the cheap one of two instruments, until their spread is usual again.

    On each row log closes y of `dependent` are regressed on those x of the other one over the last
    `lookback_bars` rows: y = a + b x. The spread y - a - b x of the row over the standard error of
    the regression is its score. At a score of `enter` or above y is sold and x bought, at -`enter`
    or below the other way round. A pair is closed where the score is back at `leave` or has
    changed its side, at the stop, and where one of the two cannot be held. Weights are set when a
    pair is opened and then left alone. Sources: Gatev, Goetzmann and Rouwenhorst, Pairs Trading
    (2006), for entries by standard deviations and dollar neutrality; Ernest Chan, Algorithmic
    Trading (2013), for the rolling hedge ratio.
    """

    name: ClassVar[str] = "pairs_reversion"
    instrument_count = 2

    def weights(self, panel: Panel, params: PairsReversionParams) -> FloatArray:
        """Weights on rows at which a pair is opened or closed; flat on the first due row."""
        column = _dependent(panel, params)
        pair = [column, 1 - column]
        logs = np.log(panel.closes[:, pair])
        score, slope = spread_scores(logs[:, 0], logs[:, 1], params.lookback_bars)
        held = panel.available
        both = held[:, 0] & held[:, 1]
        found = np.full((len(panel), 2), np.nan)
        side, stopped, begun = 0, False, False
        for row in np.flatnonzero(panel.due):
            wanted, stopped = _side(side, score[row] if both[row] else np.nan, stopped, params)
            known = not np.isnan(score[row])
            if wanted == side and (begun or not known):
                continue
            begun, side = begun or known, wanted
            found[row, pair] = side * _legs(float(slope[row]), params) if side else 0.0
        return found

    def warmup_bars(self, params: PairsReversionParams) -> int:
        """The rows of the regression but the first."""
        return params.lookback_bars - 1


def spread_scores(y: FloatArray, x: FloatArray, bars: int) -> tuple[FloatArray, FloatArray]:
    """Score of the newest residual and slope of the regression of y on x over the last `bars` rows.

    The standard error has `bars - 2` degrees of freedom. NaN before the first whole window, where
    a value is missing, where x does not move, and where y lies on the line.
    """
    score, slope = np.full((2, len(y)), np.nan)
    if len(y) < bars:
        return score, slope
    windows = np.lib.stride_tricks.sliding_window_view
    ys, xs = windows(y, bars), windows(x, bars)
    dy, dx = (each - each.mean(axis=1, keepdims=True) for each in (ys, xs))
    xx, xy, yy = (dx * dx).sum(axis=1), (dx * dy).sum(axis=1), (dy * dy).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        b = xy / xx
        residuals = dy - b[:, None] * dx
        squares = (residuals * residuals).sum(axis=1)
        found = residuals[:, -1] / np.sqrt(squares / (bars - 2))
    moves = (xx > _ROUNDING * bars) & (squares > _ROUNDING * yy)
    score[bars - 1 :] = np.where(moves, found, np.nan)
    slope[bars - 1 :] = np.where(moves, b, np.nan)
    return score, slope


_ROUNDING = 1e-16


def _dependent(panel: Panel, params: PairsReversionParams) -> int:
    if len(panel.instruments) != 2:
        raise StrategyError(
            f"pairs_reversion trades two instruments and got {len(panel.instruments)}: "
            f"{', '.join(panel.instruments)}. List two under 'instruments'.",
            instruments=panel.instruments,
        )
    name = panel.instruments[0] if params.dependent is None else params.dependent
    if name not in panel.instruments:
        raise StrategyError(
            f"The parameter 'dependent' of pairs_reversion is {name!r}. "
            f"{did_you_mean(name, panel.instruments)} It must be one of the portfolio's "
            "instruments; change it under 'portfolio.strategy.params'.",
            name=name,
        )
    return panel.instruments.index(name)


def _side(side: int, score: float, stopped: bool, params: PairsReversionParams) -> tuple[int, bool]:
    """Side of the dependent instrument (1 long, -1 short, 0 flat), and whether a stop holds."""
    if np.isnan(score):
        return 0, stopped
    size = abs(score)
    if stopped or side:
        back = size <= params.leave or (side != 0 and np.sign(score) == side)
        if back:
            return 0, False
        given_up = params.stop is not None and size >= params.stop
        return (0, True) if stopped or given_up else (side, False)
    if params.stop is not None and size >= params.stop:
        return 0, True
    return (-int(np.sign(score)), False) if size >= params.enter else (0, False)


def _legs(slope: float, params: PairsReversionParams) -> FloatArray:
    """Weights of a long dependent instrument and of the other one against it."""
    if params.weighting == "dollar_neutral":
        return np.array([0.5, -0.5]) * params.exposure
    return np.array([1.0, -slope]) * (params.exposure / (1.0 + abs(slope)))
