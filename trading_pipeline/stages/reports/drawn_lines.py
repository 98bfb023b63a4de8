"""The lines of a strategy that a tear sheet draws: computed again for the page, not stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import AuditRecord, AuditSubject, is_still_proven
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.chart_lines import PRICE_PANE, ChartLine
from trading_pipeline.strategies.line_audit import audited_lines
from trading_pipeline.strategies.market import Market

__all__ = ["drawn_lines"]


def drawn_lines(
    workspace: Workspace, instrument_id: str, scenario: ScenarioSpec, stamps: pd.DatetimeIndex
) -> tuple[tuple[ChartLine, ...], str]:
    """The lines on the bars of a result, prices as traded, and why there are none.

    A line that reads the future is not drawn, nor one that fails: the page of a result does not
    depend on its picture. Lines of a strategy of the package that passed their audit are audited
    again after a tenth more bars, those of an own strategy for each page.
    """
    traded = scenario.strategy
    try:
        market = load_inputs(workspace, instrument_id, scenario).inputs.market
        rows = market.raw.index.get_indexer(stamps)
        params = workspace.registries.strategies.validate_params(traded.type, traded.params)
        seen = market.traded_from(max(int(rows[0]), 0)) if len(rows) else market
        lines = _causal_lines(workspace, instrument_id, traded.type, seen, params)
    except TradingPipelineError as error:
        return (), f"Lines of the strategy are not drawn: {error}"
    if (rows < 0).any():
        return (), "Lines of the strategy are not drawn: its bars have changed since the result."
    raw = [
        replace(each, values=market.to_raw(each.values)) if each.pane == PRICE_PANE else each
        for each in lines
    ]
    return tuple(replace(each, values=each.values[rows]) for each in raw), ""


def _causal_lines(
    workspace: Workspace, instrument_id: str, name: str, market: Market, params: StrategyParams
) -> Sequence[ChartLine]:
    strategies = workspace.registries.strategies
    if not strategies.is_of_package(name, params):
        return audited_lines(strategies, name, market, params)
    subject = AuditSubject(
        kind="chart_lines",
        name=name,
        code_hash=strategies.code_hash(name, params),
        audit_hash=code_hash(audited_lines),
        parameters=json.dumps(params.model_dump(mode="json"), sort_keys=True),
    )
    newest = next(iter(workspace.audits.of(subject, instrument_id)), None)
    if newest is not None and is_still_proven(newest.bars, len(market)):
        return strategies.chart_lines(name, market, params)
    lines = audited_lines(strategies, name, market, params)
    record = AuditRecord(
        subject=subject, instrument=instrument_id, bars=len(market), data_hash="", cuts=0, slices=0
    )
    workspace.write(partial(workspace.audits.keep, record))
    return lines
