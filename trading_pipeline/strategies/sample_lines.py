"""Names of a strategy's chart lines, told by a small market that is made up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.catalogue import StrategyCatalogue
from trading_pipeline.strategies.market import Market

__all__ = ["LineRow", "SampleLines", "sample_lines"]

_BARS = 700


@dataclass(frozen=True)
class LineRow:
    """One chart line without its values."""

    name: str
    pane: str
    style: str
    levels: tuple[float, ...]

    def __str__(self) -> str:
        levels = f", levels {', '.join(f'{each:g}' for each in self.levels)}" if self.levels else ""
        return f"{self.name} (pane {self.pane}, {self.style}{levels})"


@dataclass(frozen=True)
class SampleLines:
    """The lines, or why they cannot be told without data."""

    rows: tuple[LineRow, ...] = ()
    error: str = ""


def sample_lines(known: StrategyCatalogue, name: str, params: StrategyParams | None) -> SampleLines:
    """Lines of a strategy with these parameters; none where `params` is None.

    >>> from trading_pipeline.strategies import SHIPPED, validate_params
    >>> print(sample_lines(SHIPPED, "rsi_cross", validate_params("rsi_cross", {})).rows[0])
    RSI 14 (pane RSI, line, levels 30, 70)
    """
    if params is None:
        return SampleLines()
    try:
        models = known.required_predictions(name, params.model_dump())
        lines = known.chart_lines(name, _market(tuple(models)), params)
    except TradingPipelineError as error:
        return SampleLines(error=str(error))
    return SampleLines(
        tuple(LineRow(each.name, each.pane, each.style, each.levels) for each in lines)
    )


@cache
def _market(models: tuple[str, ...]) -> Market:
    """A week of quarters of an hour on a calendar that never closes."""
    length = pd.Timedelta(minutes=15)
    index = pd.date_range("2024-01-01", periods=_BARS, freq=length, tz="UTC", name="ts")
    close = 100.0 + np.sin(np.arange(_BARS) / 9.0)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    bars = pd.DataFrame({**prices, "volume": 1.0}, index=index.as_unit("us"))
    clock = index.as_unit("us") + length
    told = {"known_at": clock, "horizon": 1, "p_up": 0.5, "p_act": 0.5}
    frame = pd.DataFrame(told, index=bars.index)
    frames = dict.fromkeys(models, frame)
    return Market(bars, None, clock, frames, timeframe="15m", calendar="24/7")
