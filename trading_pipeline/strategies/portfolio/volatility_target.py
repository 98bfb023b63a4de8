"""A portfolio of constant risk: exposure falls where volatility rises."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.portfolio.base import PortfolioStrategy
from trading_pipeline.strategies.portfolio.panel import Panel
from trading_pipeline.strategies.portfolio.returns import (
    by_inverse_volatility,
    known_returns,
    weighted_covariance,
)

__all__ = ["VolatilityTarget", "VolatilityTargetParams"]

FloatArray = npt.NDArray[np.float64]


class VolatilityTargetParams(StrategyParams):
    """The annual volatility, how it is estimated, and what is scaled to it."""

    annual_volatility: Annotated[float, Field(gt=0.0, le=2.0)] = 0.1
    """Volatility a year that the weights are scaled to, as a fraction."""
    maximum_leverage: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0
    """Most that the weights add up to; above 1 the scenario's `limits.leverage` must allow it."""
    base: Literal["equal", "inverse_volatility"] = "equal"
    """The weights that are scaled."""
    covariance: Literal["rolling", "ewma"] = "rolling"
    """`ewma`: newer returns count more, by `decay`."""
    lookback_bars: Annotated[int, Field(ge=2, le=5_000)] = 63
    """Rows of returns that the covariance is estimated from."""
    decay: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.94
    """Weight of a return in terms of that of the row after it; used by `ewma` alone."""


class VolatilityTarget(PortfolioStrategy[VolatilityTargetParams]):
    """Scale equal or inverse-volatility weights to a target of annual volatility.

    The weights w are multiplied by target / sqrt(periods per year * w' C w), at most up to
    `maximum_leverage`; the rest is cash. C is the covariance of the last `lookback_bars` returns.
    Instruments without all of these returns are left out. Decided at the end of each month unless
    the scenario says otherwise. Sources: Moreira and Muir, Volatility-Managed Portfolios (2017);
    Harvey and others, The Impact of Volatility Targeting (2018); J.P. Morgan, RiskMetrics Technical
    Document (1996), for the decay of 0.94.
    """

    name: ClassVar[str] = "volatility_target"
    rebalancing = Rebalancing(calendar="month")

    def weights(self, panel: Panel, params: VolatilityTargetParams) -> FloatArray:
        """Weights on each due row at which the returns of an instrument are known."""
        found = np.full((len(panel), len(panel.instruments)), np.nan)
        decay = params.decay if params.covariance == "ewma" else None
        for row in map(int, np.flatnonzero(panel.due)):
            columns, returns = known_returns(panel, row, params.lookback_bars)
            if not len(columns):
                continue
            covariance = weighted_covariance(returns, decay)
            shares = np.full(len(columns), 1.0 / len(columns))
            if params.base == "inverse_volatility":
                shares = by_inverse_volatility(np.diag(covariance))
            variance = float(shares @ covariance @ shares) * panel.periods_per_year
            most = params.maximum_leverage
            scale = most
            if variance > 0.0:
                scale = min(params.annual_volatility / math.sqrt(variance), most)
            found[row] = 0.0
            found[row, columns] = scale * shares
        return found

    def warmup_bars(self, params: VolatilityTargetParams) -> int:
        """The rows of the covariance."""
        return params.lookback_bars
