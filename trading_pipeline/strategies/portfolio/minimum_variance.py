"""The portfolio of least variance."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.portfolio.base import PortfolioStrategy
from trading_pipeline.strategies.portfolio.box_weights import least_variance
from trading_pipeline.strategies.portfolio.panel import Panel
from trading_pipeline.strategies.portfolio.returns import (
    known_returns,
    shrunk_covariance,
    weighted_covariance,
)

__all__ = ["MinimumVariance", "MinimumVarianceParams"]

FloatArray = npt.NDArray[np.float64]


class MinimumVarianceParams(StrategyParams):
    """Returns that the covariance is estimated from, and bounds of a weight."""

    lookback_bars: Annotated[int, Field(ge=2, le=5_000)] = 252
    """Rows of returns that the covariance is estimated from."""
    shrinkage: Literal["ledoit_wolf", "none"] = "ledoit_wolf"
    """`ledoit_wolf` draws the covariance towards equal variances, as far as its error asks for."""
    minimum_weight: Annotated[float, Field(ge=-1.0, le=0.0)] = 0.0
    """Least weight of an instrument; below 0 it may be sold short, and `limits.leverage` must allow
    the sum of all weights without their signs."""
    maximum_weight: Annotated[float, Field(gt=0.0, le=2.0)] = 1.0
    """Greatest weight of an instrument."""

    @model_validator(mode="after")
    def _possible(self) -> MinimumVarianceParams:
        if self.minimum_weight == 0.0 and self.maximum_weight > 1.0:
            raise ValueError(
                f"maximum_weight of {self.maximum_weight:g} has no effect without shorts; give at "
                "most 1, or a minimum_weight below 0"
            )
        return self


class MinimumVariance(PortfolioStrategy[MinimumVarianceParams]):
    """Hold the fully invested weights whose variance is least, long only unless told otherwise.

    The covariance of the last `lookback_bars` returns is drawn towards equal variances without
    correlation. Instruments without all of these returns are left out; where `maximum_weight`
    times the others is less than 1, each has it and the rest is cash. Where the covariance is
    singular (without shrinkage: more instruments than returns, or two that move alike), the
    solution nearest to equal weights is taken, and the result says so. Decided at the end of each
    month unless the scenario says otherwise. Sources: Markowitz, Portfolio Selection (1952);
    Clarke, de Silva and Thorley, Minimum-Variance Portfolios in the U.S. Equity Market (2006);
    Ledoit and Wolf, A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices (2004).
    """

    name: ClassVar[str] = "minimum_variance"
    rebalancing = Rebalancing(calendar="month")

    def weights(self, panel: Panel, params: MinimumVarianceParams) -> FloatArray:
        """Weights on each due row at which the returns of an instrument are known."""
        found = np.full((len(panel), len(panel.instruments)), np.nan)
        singular = []
        for row in map(int, np.flatnonzero(panel.due)):
            columns, returns = known_returns(panel, row, params.lookback_bars)
            count = len(columns)
            if not count:
                continue
            found[row] = 0.0
            if params.maximum_weight * count <= 1.0:
                found[row, columns] = params.maximum_weight
                continue
            plain = params.shrinkage == "none"
            covariance = weighted_covariance(returns, None) if plain else shrunk_covariance(returns)
            shares, regular = least_variance(
                covariance, params.minimum_weight, params.maximum_weight
            )
            found[row, columns] = shares
            if not regular:
                singular.append(row)
        if singular:
            panel.notes.append(
                f"Singular covariance on {len(singular)} of {int(panel.due.sum())} rows, first on "
                f"{panel.index[singular[0]]:%Y-%m-%d}: many weights have the same variance, and "
                "those nearest to equal weights are held. Set 'shrinkage: ledoit_wolf' or a longer "
                "'lookback_bars'."
            )
        return found

    def warmup_bars(self, params: MinimumVarianceParams) -> int:
        """The rows of the covariance."""
        return params.lookback_bars
