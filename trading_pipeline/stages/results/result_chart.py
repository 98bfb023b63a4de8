"""The chart document of a stored result: its files, its trades, and bars and lines of today."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

import pandas as pd

from trading_pipeline.backtest.portfolio.frames import contribution_frame
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.errors import UnknownNameError, did_you_mean
from trading_pipeline.reporting.portfolio.price_charts import charted_instruments
from trading_pipeline.reporting.result_chart import ChartDocument, ChartSource, chart_document
from trading_pipeline.reporting.tearsheet.chart_data import MOST_POINTS
from trading_pipeline.stages.backtests.stored_results import result_frame, sound_result
from trading_pipeline.stages.reports.portfolio_report import price_chart
from trading_pipeline.stages.reports.result_facts import stored_trades, stored_warnings
from trading_pipeline.stages.results.local_times import ResultClock
from trading_pipeline.stages.results.stored_scenario import known_scenario, stored_lineage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.result_queries import ResultQueries

__all__ = ["result_chart"]

AskedSpan = Callable[[tzinfo, bool], tuple[datetime | None, datetime | None]]


def result_chart(
    workspace: Workspace,
    result_id: str,
    *,
    span: AskedSpan = lambda *_: (None, None),
    zone: str = "UTC",
    most_points: int = MOST_POINTS,
    instruments: Sequence[str] = (),
) -> ChartDocument:
    """The document of a result.

    Parameters
    ----------
    span
        First moment and the one after the last, asked with the zone and with whether bars are named
        by sessions; see `chart_span`.
    zone
        IANA name, of days and ISO stamps.
    instruments
        Those of a portfolio to draw; the ones of its page where there are none.

    Raises `DataQualityError` for a damaged result, `UnknownNameError` for an unknown id, zone or
    instrument, and `InsufficientDataError` where no bar lies in the span, or where nothing says any
    more what the scenario was.
    """
    clock = ResultClock(ResultQueries(workspace.warehouse).instruments_of([result_id]), zone=zone)
    row = sound_result(workspace, result_id)
    scenario, notes = known_scenario(
        workspace, row, stored_lineage(workspace.settings.runtime, result_id)
    )
    members = str(row["instruments"]).split(INSTRUMENT_SEPARATOR)
    several = row["scenario"] in workspace.catalog.portfolios or len(members) > 1
    trades = stored_trades(workspace, result_id, with_instrument=several)
    equity = result_frame(workspace, result_id, "equity")["equity"]
    initial = float(row["initial_equity"])
    _require_members(instruments, members, result_id)
    drawn = list(instruments) or (
        charted_instruments(contribution_frame(members, trades, initial)) if several else members
    )
    if len(drawn) < len(members) and not instruments:
        notes.append(
            f"Drawn are the {len(drawn)} of {len(members)} instruments that gained or lost most; "
            "--instrument draws others."
        )
    stamps = pd.DatetimeIndex(equity.index)
    sessions = all(map(clock.names_a_session, members))
    zoned = clock.zone_of(members[0])
    since, before = span(zoned, sessions)
    source = ChartSource(
        result={
            "result_id": result_id,
            "scenario": str(row["scenario"]),
            "strategy": str(row["strategy"]),
            "parameters": json.loads(row["parameters"] or "{}"),
            "instruments": members,
            "warnings": stored_warnings(row),
        },
        initial_equity=initial,
        equity=equity,
        benchmark=result_frame(workspace, result_id, "benchmark")["equity"],
        trades=trades,
        charts={name: price_chart(workspace, scenario, name, stamps) for name in drawn},
        currencies={name: workspace.catalog.instrument(name).currency for name in drawn},
        sessions=sessions,
        notes=tuple(notes),
    )
    return chart_document(source, zone=zoned, since=since, before=before, most_points=most_points)


def _require_members(instruments: Sequence[str], members: Sequence[str], result_id: str) -> None:
    for name in instruments:
        if name not in members:
            raise UnknownNameError(
                f"The result {result_id} did not trade {name!r}. {did_you_mean(name, members)}",
                name=name,
                kind="instrument",
            )
