"""The stage of tear sheets: one page for the newest result of an instrument and a scenario."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.performance import INTERVAL_NAMES, METRIC_NAMES, summarize
from trading_pipeline.reporting.tearsheet.page import TearsheetInput, render_tearsheet
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.stored_results import result_frame, sound_result
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.reports.drawn_lines import drawn_lines
from trading_pipeline.stages.reports.page_stage import PageStage
from trading_pipeline.stages.reports.result_facts import (
    listed_settings,
    shown_hashes,
    stored_trades,
    stored_warnings,
)
from trading_pipeline.stages.stage import Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["TearsheetStage"]


class TearsheetStage(PageStage):
    """Pages of an instrument's newest results, by scenario: `output/reports/<result id>.html`."""

    asset = "tearsheet"

    def identity(self, key: str) -> Identity:
        """With the hash of the newest result's id and of the code of the page."""
        code = code_hash(render_tearsheet, _tearsheet_input, InstrumentSeries)
        inputs = canonical_hash([self._result_id(key), code])
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Render the page of the newest result."""
        result_id = self._result_id(key)
        shown = _tearsheet_input(self.workspace, self.instrument_id, key, result_id)
        path = f"output/reports/{result_id}.html"
        artifact = self.write_page(identity, path, render_tearsheet(shown), rows=1)
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:
        """The result of the page, its size, and where it is."""
        page = self.workspace.artifacts.file_of(artifact)
        return {
            "result_id": self._result_id(key),
            "size_kilobytes": page.stat().st_size / 1000,
            **self.shown_page(page),
        }

    def _result_id(self, scenario_name: str) -> str:
        partition = self.partition(scenario_name)
        results = BacktestStage(self.workspace, self.instrument_id)
        newest = results.require(
            partition,
            f"There is no result of '{results.asset}' for {partition} yet. Materialize it first.",
        )
        return newest.input_hash


def _tearsheet_input(
    workspace: Workspace, instrument_id: str, scenario_name: str, result_id: str
) -> TearsheetInput:
    row = sound_result(workspace, result_id, instrument_id)
    scenario = workspace.catalog.scenario(scenario_name)
    series = stored_series(workspace, instrument_id)
    equity = result_frame(workspace, result_id, "equity")["equity"]
    held = result_frame(workspace, result_id, "benchmark")["equity"]
    stamps = pd.DatetimeIndex(equity.index)
    lines, lines_note = drawn_lines(workspace, instrument_id, scenario, stamps)
    first = pd.Timestamp(row["from_ts"])
    rows = series.span(first.to_pydatetime(), None)
    bars = series.raw.iloc[rows.start : rows.start + len(equity)]
    benchmark_metrics = summarize(
        held.to_numpy(),
        periods_per_year=_bars_a_year(row),
        stamps=pd.DatetimeIndex(held.index),
        initial_equity=scenario.capital.initial,
    )
    return TearsheetInput(
        result_id=result_id,
        instrument=instrument_id,
        scenario=scenario_name,
        strategy=row["strategy"],
        parameters=json.loads(row["parameters"]),
        bars=bars,
        equity=equity,
        trades=stored_trades(workspace, result_id),
        metrics={name: row.get(name) for name in (*METRIC_NAMES, *INTERVAL_NAMES)},
        initial_equity=scenario.capital.initial,
        currency=series.instrument.currency,
        benchmark_equity=held,
        benchmark_metrics=benchmark_metrics,
        events=series.events,
        lines=lines,
        lines_note=lines_note,
        hashes=shown_hashes(row, scenario),
        settings=listed_settings(scenario, series.instrument.currency, row["audit_note"]),
        warnings=stored_warnings(row),
        trials=int(row["trials_at_creation"]),
        source=series.instrument.source,
        run_id=row["run_id"],
        created_at=row["created_at"],
    )


def _bars_a_year(row: dict[str, Any]) -> float:
    """As stored; results from before it was stored have years that count bars."""
    stored = row.get("periods_per_year")
    return float(row["bars"]) / float(row["years"]) if stored is None else float(stored)
