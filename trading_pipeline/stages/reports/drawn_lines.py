"""The lines of a strategy that a tear sheet draws: computed again for the page, not stored."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies.chart_lines import PRICE_PANE, ChartLine
from trading_pipeline.strategies.line_audit import audited_lines

__all__ = ["drawn_lines"]


def drawn_lines(
    workspace: Workspace, instrument_id: str, scenario: ScenarioSpec, stamps: pd.DatetimeIndex
) -> tuple[tuple[ChartLine, ...], str]:
    """The lines on the bars of a result, prices as traded, and why there are none.

    A line that reads the future is not drawn, nor one that fails: the page of a result does not
    depend on its picture.
    """
    strategies, traded = workspace.registries.strategies, scenario.strategy
    try:
        market = load_inputs(workspace, instrument_id, scenario).inputs.market
        rows = market.raw.index.get_indexer(stamps)
        params = strategies.validate_params(traded.type, traded.params)
        seen = market.traded_from(max(int(rows[0]), 0)) if len(rows) else market
        lines = audited_lines(strategies, traded.type, seen, params)
    except TradingPipelineError as error:
        return (), f"Lines of the strategy are not drawn: {error}"
    if (rows < 0).any():
        return (), "Lines of the strategy are not drawn: its bars have changed since the result."
    raw = [
        replace(each, values=market.to_raw(each.values)) if each.pane == PRICE_PANE else each
        for each in lines
    ]
    return tuple(replace(each, values=each.values[rows]) for each in raw), ""
