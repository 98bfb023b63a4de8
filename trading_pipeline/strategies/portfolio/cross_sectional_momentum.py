"""Rotation into the instruments that rose most over the months before."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.portfolio.base import PortfolioStrategy
from trading_pipeline.strategies.portfolio.panel import Panel
from trading_pipeline.strategies.portfolio.returns import by_inverse_volatility, known_returns

__all__ = ["CrossSectionalMomentum", "CrossSectionalMomentumParams"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class CrossSectionalMomentumParams(StrategyParams):
    """Months of the ranking return, how many instruments are held, and their weights."""

    lookback_months: Annotated[int, Field(ge=1, le=120)] = 12
    """Calendar months from the close where the ranking return begins to the row's own month."""
    skip_months: Annotated[int, Field(ge=0, le=12)] = 1
    """Calendar months from the close where it ends; 0: up to the row itself."""
    top: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Instruments that are held; null: see `top_share`."""
    top_share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Share of the ranked instruments that is held, at least one; null beside a null `top`: 1/3."""
    weighting: Literal["equal", "inverse_volatility"] = "equal"
    """`inverse_volatility`: in proportion to 1 / volatility of the last `volatility_bars` rows."""
    volatility_bars: Annotated[int, Field(ge=2, le=5_000)] = 63
    """Rows of the volatility; used by `inverse_volatility` alone."""

    @model_validator(mode="after")
    def _possible(self) -> CrossSectionalMomentumParams:
        if self.skip_months >= self.lookback_months:
            raise ValueError(
                f"skip_months of {self.skip_months} leaves nothing of the {self.lookback_months} "
                "lookback_months; it must be less"
            )
        if self.top is not None and self.top_share is not None:
            raise ValueError("'top' and 'top_share' both say how many are held; give one of them")
        return self


class CrossSectionalMomentum(PortfolioStrategy[CrossSectionalMomentumParams]):
    """Hold the instruments whose price rose most over a year, without the latest month.

    On a row of month m, instruments are ranked by the return from the last close of month m -
    `lookback_months` to that of month m - `skip_months`; at a month's end this is the usual 12-1.
    Those that cannot be held, or have no close so old, are left out. Equal returns are ranked by
    name. Decided at the end of each month unless the scenario says otherwise. Sources: Jegadeesh
    and Titman, Returns to Buying Winners and Selling Losers (1993); Asness, Moskowitz and Pedersen,
    Value and Momentum Everywhere (2013), for 12-1.
    """

    name: ClassVar[str] = "cross_sectional_momentum"
    rebalancing = Rebalancing(calendar="month")

    def weights(self, panel: Panel, params: CrossSectionalMomentumParams) -> FloatArray:
        """Weights that add up to 1 on each due row at which an instrument can be ranked."""
        found = np.full((len(panel), len(panel.instruments)), np.nan)
        old, new = (_month_rows(panel, ago) for ago in (params.lookback_months, params.skip_months))
        for row in map(int, np.flatnonzero(panel.due & (old >= 0))):
            ranked = _ranked(panel, row, panel.closes[new[row]] / panel.closes[old[row]])
            if not len(ranked):
                continue
            if params.weighting == "equal":
                held = ranked[: _count(params, len(ranked))]
                shares = np.full(len(held), 1.0 / len(held))
            else:
                columns, returns = known_returns(panel, row, params.volatility_bars)
                moving = columns[returns.std(axis=0) > 0.0] if len(columns) else columns
                ranked = ranked[np.isin(ranked, moving)]
                if not len(ranked):
                    continue
                held = ranked[: _count(params, len(ranked))]
                variances = returns.var(axis=0, ddof=1)
                shares = by_inverse_volatility(variances[np.searchsorted(columns, held)])
            found[row] = 0.0
            found[row, held] = shares
        return found

    def warmup_bars(self, params: CrossSectionalMomentumParams) -> int:
        """About 21 daily rows a month; other timeframes and calendars have other numbers."""
        months = 21 * params.lookback_months
        usual = params.weighting == "equal"
        return months if usual else max(months, params.volatility_bars)


def _month_rows(panel: Panel, ago: int) -> IntArray:
    """For each row the last one of the month so many months before, or of an earlier month where
    that has none; the row itself for 0; -1 where no row is so old."""
    if ago == 0:
        return np.arange(len(panel))
    months = np.asarray(panel.index.year * 12 + panel.index.month, dtype=np.int64)
    return np.asarray(np.searchsorted(months, months - ago, side="right") - 1, dtype=np.int64)


def _ranked(panel: Panel, row: int, growth: FloatArray) -> IntArray:
    """Columns that can be held and ranked, the highest growth first, equal ones by name."""
    columns = np.flatnonzero(panel.available[row] & np.isfinite(growth))
    found: IntArray = columns[np.argsort(-growth[columns], kind="stable")]
    return found


def _count(params: CrossSectionalMomentumParams, ranked: int) -> int:
    if params.top is not None:
        return min(params.top, ranked)
    share = 1.0 / 3.0 if params.top_share is None else params.top_share
    return max(int(share * ranked + 1e-9), 1)
