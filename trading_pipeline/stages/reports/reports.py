"""This file holds the stages of reports: the tear sheet of a result, the leaderboard of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.performance import METRIC_NAMES, summarize
from trading_pipeline.reporting.leaderboard.page import render_leaderboard
from trading_pipeline.reporting.tearsheet.page import TearsheetInput, render_tearsheet
from trading_pipeline.stages.backtests.backtest import ASSET as BACKTEST
from trading_pipeline.stages.backtests.backtest import result_folder
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.reports.leaderboard_rows import judged_rows, leaderboard_rows
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import read_frame, write_atomically
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = [
    "leaderboard_is_pending",
    "materialize_leaderboard",
    "materialize_tearsheet",
    "tearsheet_is_pending",
]

TEARSHEET, LEADERBOARD = "tearsheet", "leaderboard"
_TRADE_STAMPS = ("entry_ts", "exit_ts")


def materialize_tearsheet(workspace: Workspace, instrument_id: str, scenario_name: str) -> Outcome:
    """Write the page of the partition's newest result to `output/reports/<result id>.html`."""
    partition = f"{instrument_id}|{scenario_name}"
    tell_progress(TEARSHEET, partition)
    result_id = _newest_result_id(workspace, partition)
    changed = tearsheet_is_pending(workspace, instrument_id, scenario_name)
    path = f"output/reports/{result_id}.html"
    if changed:
        page = render_tearsheet(
            _tearsheet_input(workspace, instrument_id, scenario_name, result_id)
        )
        _write_page(workspace, path, page, TEARSHEET, partition, _tearsheet_inputs(result_id))
    size = (workspace.settings.runtime / path).stat().st_size
    return Outcome(
        asset=TEARSHEET,
        partition=partition,
        status="ok",
        rows=1,
        changed=changed,
        content_hash=_tearsheet_inputs(result_id),
        metadata={
            "result_id": result_id,
            "size_kilobytes": size / 1000,
            "page": (workspace.settings.runtime / path).as_uri(),
        },
    )


def tearsheet_is_pending(workspace: Workspace, instrument_id: str, scenario_name: str) -> bool:
    """True where the page of the newest result is missing or was made by other code."""
    partition = f"{instrument_id}|{scenario_name}"
    result_id = _newest_result_id(workspace, partition)
    newest = workspace.artifacts.newest([TEARSHEET], partition).get((TEARSHEET, partition))
    return not workspace.artifacts.is_current(newest, _tearsheet_inputs(result_id))


def materialize_leaderboard(workspace: Workspace) -> Outcome:
    """Write the index of all newest results to `output/reports/index.html`."""
    tell_progress(LEADERBOARD, "")
    changed, path = leaderboard_is_pending(workspace), "output/reports/index.html"
    rows = leaderboard_rows(workspace)
    inputs = _leaderboard_inputs(rows)
    if changed:
        page = render_leaderboard(judged_rows(workspace, rows), trials=workspace.trials.count())
        _write_page(workspace, path, page, LEADERBOARD, "", inputs, rows=len(rows))
    return Outcome(
        asset=LEADERBOARD,
        partition="",
        status="ok",
        rows=len(rows),
        changed=changed,
        content_hash=inputs,
        metadata={
            "results": len(rows),
            "trials": workspace.trials.count(),
            "page": (workspace.settings.runtime / path).as_uri(),
        },
    )


def leaderboard_is_pending(workspace: Workspace) -> bool:
    """True where there is another result, or another number of trials, than the page shows."""
    newest = workspace.artifacts.newest([LEADERBOARD]).get((LEADERBOARD, ""))
    inputs = _leaderboard_inputs(leaderboard_rows(workspace))
    return not workspace.artifacts.is_current(newest, inputs)


def _newest_result_id(workspace: Workspace, partition: str) -> str:
    newest = workspace.artifacts.newest([BACKTEST], partition).get((BACKTEST, partition))
    if newest is None:
        raise InsufficientDataError(
            f"There is no result of 'backtest' for {partition} yet. Materialize it first.",
            partition=partition,
        )
    return newest.input_hash


def _tearsheet_inputs(result_id: str) -> str:
    return canonical_hash([result_id, code_hash(render_tearsheet, _tearsheet_input)])


def _leaderboard_inputs(rows: list[dict[str, Any]]) -> str:
    shown = [[row["result_id"], row["trials"]] for row in rows]
    code = code_hash(render_leaderboard, leaderboard_rows, judged_rows)
    return canonical_hash([shown, code])


def _tearsheet_input(
    workspace: Workspace, instrument_id: str, scenario_name: str, result_id: str
) -> TearsheetInput:
    row = workspace.results.require(result_id)
    scenario = workspace.catalog.scenario(scenario_name)
    series = InstrumentSeries(workspace, instrument_id)
    folder = workspace.settings.runtime / result_folder(result_id)
    equity = read_frame(folder / "equity.parquet")["equity"]
    held = read_frame(folder / "benchmark.parquet")["equity"]
    first = pd.Timestamp(row["from_ts"])
    rows = series.span(first.to_pydatetime(), None)
    bars = series.raw.iloc[rows.start : rows.start + len(equity)]
    benchmark_metrics = summarize(
        held.to_numpy(),
        periods_per_year=float(row["bars"]) / float(row["years"]),
        initial_equity=scenario.capital.initial,
    )
    settings = {
        "capital": f"{scenario.capital.initial:,.0f} {series.instrument.currency}",
        "commission": f"{scenario.costs.commission_bps:g} bps of each fill",
        "slippage": f"{scenario.costs.slippage_bps:g} bps of each fill",
        "sizing": scenario.sizing.described,
        "fill": scenario.execution.fill,
        "intrabar": scenario.execution.intrabar,
        **{name: value for name, value in scenario.changed_keys().items() if name not in _SHOWN},
    }
    hashes = {
        name: row[f"{name}_hash"] or None
        for name in ("bars", "features", "predictions", "settings", "code", "content")
    }
    return TearsheetInput(
        result_id=result_id,
        instrument=instrument_id,
        scenario=scenario_name,
        strategy=row["strategy"],
        parameters=json.loads(row["parameters"]),
        bars=bars,
        equity=equity,
        trades=_trades(workspace, result_id),
        metrics={name: row.get(name) for name in METRIC_NAMES},
        initial_equity=scenario.capital.initial,
        currency=series.instrument.currency,
        benchmark_equity=held,
        benchmark_metrics=benchmark_metrics,
        events=series.events,
        hashes={**hashes, "scenario": scenario.hash},
        settings=settings,
        warnings=[text for text in str(row["warnings"] or "").split("\n") if text],
        trials=int(row["trials_at_creation"]),
        source=series.instrument.source,
        run_id=row["run_id"],
        created_at=row["created_at"],
    )


def _trades(workspace: Workspace, result_id: str) -> pd.DataFrame:
    frame = pd.DataFrame(workspace.results.trades(result_id), columns=list(_TRADE_COLUMNS))
    for column in _TRADE_STAMPS:
        stamps = [pd.NaT if value is None else value for value in frame[column]]
        frame[column] = pd.DatetimeIndex(stamps, dtype=TS_DTYPE)
    return frame


_SHOWN = {  # under words of their own
    "capital.initial", "costs.commission_bps", "costs.slippage_bps", "execution.fill",
    "execution.intrabar", "sizing.type", "sizing.percent", "sizing.quantity", "sizing.cash",
}  # fmt: skip

_TRADE_COLUMNS = (
    "trade_no",
    "side",
    "quantity",
    "entry_ts",
    "entry_price",
    "exit_ts",
    "exit_price",
    "fees",
    "slippage",
    "pnl",
    "return",
    "bars_held",
    "mfe",
    "mae",
    "exit_reason",
    "is_open",
)


def _write_page(
    workspace: Workspace,
    path: str,
    page: str,
    asset: str,
    partition: str,
    inputs: str,
    rows: int = 1,
) -> None:
    target = workspace.settings.runtime / path
    write_atomically(target, lambda p: _write_text(p, page))
    row = Artifact(
        asset=asset,
        partition=partition,
        status="ok",
        input_hash=inputs,
        code_hash="",
        run_id=workspace.run_id,
        rows=rows,
        path=path,
        sha256=file_hash(target),
    )
    workspace.artifacts.record([row])


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
