"""The stage of portfolio reports: one page for the newest result of a portfolio scenario."""

from __future__ import annotations

import json

import pandas as pd

from trading_pipeline.backtest.portfolio.frames import contribution_frame
from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.performance import INTERVAL_NAMES, METRIC_NAMES, summarize
from trading_pipeline.reporting.portfolio.page import PortfolioReport, render_portfolio
from trading_pipeline.reporting.portfolio.price_charts import PriceChart, charted_instruments
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.portfolio import OfPortfolio, PortfolioStage
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
from trading_pipeline.stages.stage import WHOLE, Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.strategies.chart_lines import ChartLine

__all__ = ["PortfolioReportStage", "price_chart"]


class PortfolioReportStage(OfPortfolio[dict[str, Shown]], PageStage):
    """The page of a portfolio's newest result: `output/reports/<result id>.html`."""

    asset = "portfolio_report"

    def identity(self, key: str) -> Identity:
        """With the hash of the newest result's id and of the code of the page."""
        code = code_hash(render_portfolio, _report, InstrumentSeries)
        inputs = canonical_hash([self._result_id(), code])
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Render the page of the newest result."""
        result_id = self._result_id()
        shown = _report(self.workspace, self.scenario, result_id)
        path = f"output/reports/{result_id}.html"
        artifact = self.write_page(identity, path, render_portfolio(shown), rows=1)
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:  # noqa: ARG002
        """The result of the page, its size, and where it is."""
        page = self.workspace.artifacts.file_of(artifact)
        return {
            "result_id": self._result_id(),
            "size_kilobytes": page.stat().st_size / 1000,
            **self.shown_page(page),
        }

    def _result_id(self) -> str:
        results = PortfolioStage(self.workspace, self.scenario.name)
        name = results.partition(*WHOLE)
        newest = results.require(
            name, f"There is no result of '{results.asset}' for {name} yet. Materialize it first."
        )
        return newest.input_hash


def _report(workspace: Workspace, scenario: PortfolioScenario, result_id: str) -> PortfolioReport:
    row = sound_result(workspace, result_id)
    held = result_frame(workspace, result_id, "benchmark")["equity"]
    equity = result_frame(workspace, result_id, "equity")["equity"]
    trades = stored_trades(workspace, result_id, with_instrument=True)
    known = {name: workspace.catalog.instrument(name) for name in scenario.members}
    currency = next(iter(known.values())).currency
    initial = scenario.capital.initial
    contributions = contribution_frame(scenario.members, trades, initial)
    settings = listed_settings(scenario, currency, row["audit_note"])
    if scenario.holds_weights:
        del settings["sizing"]
    if scenario.portfolio.strategy is not None and scenario.portfolio.cash:
        settings["cash"] = scenario.portfolio.cash
    if scenario.portfolio.priorities:
        settings["priorities"] = scenario.portfolio.priorities
    return PortfolioReport(
        result_id=result_id,
        scenario=scenario.name,
        strategy=row["strategy"],
        parameters=json.loads(row["parameters"]),
        equity=equity,
        trades=trades,
        metrics={name: row.get(name) for name in (*METRIC_NAMES, *INTERVAL_NAMES)},
        initial_equity=initial,
        currency=currency,
        benchmark_equity=held,
        benchmark_metrics=summarize(
            held.to_numpy(),
            periods_per_year=float(row["periods_per_year"]),
            stamps=pd.DatetimeIndex(held.index),
            initial_equity=initial,
        ),
        hashes=shown_hashes(row, scenario),
        settings=settings,
        warnings=stored_warnings(row),
        trials=int(row["trials_at_creation"]),
        source=", ".join(sorted({each.source for each in known.values()})),
        run_id=row["run_id"],
        created_at=row["created_at"],
        instruments={name: each.symbol for name, each in known.items()},
        weights=result_frame(workspace, result_id, "weights"),
        contributions=contributions,
        charts={
            name: price_chart(workspace, scenario, name, pd.DatetimeIndex(equity.index))
            for name in charted_instruments(contributions)
        },
    )


def price_chart(
    workspace: Workspace, scenario: ScenarioSpec, name: str, clock: pd.DatetimeIndex
) -> PriceChart:
    """Prices of an instrument on the stamps of the account, with the lines of its signals.

    A portfolio of weights has no signals, so no lines.
    """
    series = stored_series(workspace, name)
    bars = series.raw.loc[series.raw.index.isin(clock)]
    lines: tuple[ChartLine, ...] = ()
    note = ""
    if not (isinstance(scenario, PortfolioScenario) and scenario.holds_weights):
        lines, note = drawn_lines(workspace, name, scenario, pd.DatetimeIndex(bars.index))
    return PriceChart(bars=bars, events=series.events, lines=lines, lines_note=note)
