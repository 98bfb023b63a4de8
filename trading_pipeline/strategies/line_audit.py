"""Prove that the lines of a chart read no bar from the future: a picture may not flatter a rule."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.catalogue import StrategyCatalogue
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.lookahead_check import market_of, with_first_columns
from trading_pipeline.strategies.market import Market

__all__ = ["audited_lines"]


def audited_lines(
    strategies: StrategyCatalogue,
    name: str,
    market: Market,
    params: StrategyParams,
    *,
    cuts: int = 5,
    seed: int = 7,
) -> tuple[ChartLine, ...]:
    """The chart lines of a strategy, computed again without later bars and with others in place.

    At `cuts` random bars and the last one, so for about a dozen times the cost of the lines. Lines
    without a number pass. Raises `LookaheadError` naming the line, the bar and both values;
    `InsufficientDataError` where no bar can be cut off.
    """
    lines = strategies.chart_lines(name, market, params)

    def computed(raw: pd.DataFrame) -> pd.DataFrame:
        seen = market_of(market, raw)
        found = lines if seen is market else strategies.chart_lines(name, seen, params)
        columns = {f"{each.pane}: {each.name}": each.values for each in found}
        return pd.DataFrame(columns, index=raw.index, dtype="float64")

    if any(np.isfinite(each.values).any() for each in lines):
        subject = f"a chart line of the strategy '{name}'"
        compute = with_first_columns(computed)
        ensure_causal(compute, market.raw, subject=subject, cuts=cuts, seed=seed)
    return lines
