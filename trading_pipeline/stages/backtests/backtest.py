"""The stage of backtests: run a scenario on an instrument and keep the result."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from trading_pipeline.backtest.scenario_runner import (
    ScenarioRun,
    run_scenario,
    scenario_settings,
)
from trading_pipeline.domain.hashing import SHOWN_DIGITS, canonical_hash
from trading_pipeline.errors import LookaheadError
from trading_pipeline.performance import METRIC_NAMES
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.audits import (
    call_results_invalid,
    changed_sharpe_limits,
    refuse_known_look_ahead,
    sharpe_limits,
)
from trading_pipeline.stages.backtests.scenario_inputs import ScenarioStage, scenario_code_hash
from trading_pipeline.stages.backtests.stored_results import (
    result_damage,
    result_folder,
    sound_result,
)
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.outcome import Shown, ShownTable
from trading_pipeline.stages.stage import Identity
from trading_pipeline.storage.parquet_files import write_frame
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["BacktestStage"]

Row = dict[str, Any]
ASSET = "backtest"
HEADLINES = (
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trade_count",
    "win_rate",
    "profit_factor",
    "time_in_market",
    "final_equity",
    "benchmark_total_return",
    "benchmark_sharpe",
    "trials_at_creation",
)
"""Numbers that the UI plots over the runs."""
_SHOWN_HASHES = ("bars_hash", "features_hash", "predictions_hash", "code_hash", "content_hash")


class BacktestStage(ScenarioStage[Row]):
    """Results of scenarios on an instrument, by scenario; each new one is a trial in the ledger.

    What is described is the result's row in `backtest_results`, metrics included.
    """

    asset = ASSET

    def identity(self, key: str) -> Identity:
        """The partition with its result's id as input hash.

        Raises `LookaheadError` where the strategy was found to read the future, on whatever
        instrument.
        """
        scenario = self.workspace.catalog.scenario(key)
        refuse_known_look_ahead(self.workspace, scenario, self.instrument_id)
        made_from = self._made_from(key)
        partition = self.partition(key)
        return Identity(self.asset, partition, made_from["result_id"], made_from["code_hash"])

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the newest result is this one, all of it as written, its trial on record."""
        if not super().is_current(artifact, identity):
            return False
        workspace, result_id = self.workspace, identity.input_hash
        if result_damage(workspace, result_id):
            return False
        row = workspace.results.require(result_id)
        evaluated = {**row, "fold": row["scenario"], "instrument": row["instruments"]}
        return workspace.trials.has_backtest(evaluated)

    def stored(self, key: str, artifact: Artifact) -> Row:  # noqa: ARG002
        """The row of the result; `DataQualityError` where the result is damaged."""
        return sound_result(self.workspace, artifact.input_hash, self.instrument_id)

    def content_hash(self, artifact: Artifact, product: Row) -> str:  # noqa: ARG002
        """Hash of equity and trades."""
        return str(product["content_hash"])

    def describe(self, product: Row) -> dict[str, Shown]:
        """Headline numbers, the hashes behind them, and the table of all metrics."""
        metrics = {
            name: float(product[name]) for name in METRIC_NAMES if product.get(name) is not None
        }
        rows: list[dict[str, str | float]] = [
            {"metric": name, "value": value} for name, value in metrics.items()
        ]
        return {
            "result_id": product["result_id"],
            "audit": product["audit"],
            "audit_note": product["audit_note"],
            "warnings": product["warnings"],
            **{n: float(product[n]) for n in HEADLINES if product.get(n) is not None},
            **{name: (product[name] or "")[:12] for name in _SHOWN_HASHES},
            "parameters": product["parameters"],
            "metrics": ShownTable(tuple(rows)),
        }

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Run the scenario; save its frames, its trial, its row, its trades and daily results."""
        workspace, scenario = self.workspace, self.workspace.catalog.scenario(key)
        inputs, _, warnings = self.loaded(scenario)
        made_from = self._made_from(key)
        try:
            run = run_scenario(
                scenario,
                inputs,
                workspace.registries.strategies,
                audits=workspace.audits,
                sharpe_limits=sharpe_limits(workspace),
            )
        except LookaheadError as error:
            name = scenario.strategy.type
            call_results_invalid(workspace, name, made_from["code_hash"], error)
            raise
        result = run.result
        path = result_folder(identity.input_hash)
        folder = workspace.settings.runtime / path
        frames = {
            "equity": write_frame(folder / "equity.parquet", result.equity_frame()),
            "benchmark": write_frame(folder / "benchmark.parquet", run.benchmark.equity_frame()),
            "orders": write_frame(folder / "orders.parquet", _by_ts(result.orders)),
        }
        workspace.trials.append([self._trial(scenario, run, made_from)])
        row = {
            **made_from,
            "scenario": scenario.name,
            "strategy": scenario.strategy.type,
            "parameters": json.dumps(run.parameters, sort_keys=True),
            "instruments": self.instrument_id,
            "from_ts": result.index[0],
            "to_ts": result.index[-1],
            "content_hash": result.content_hash,
            "trials_at_creation": workspace.trials.count(),
            "warnings": "\n".join((*warnings, *result.warnings)),
            "audit": result.audit,
            "audit_note": result.audit_note,
            "frames": frames,
            "run_id": workspace.run_id,
        }
        trades = result.trades.assign(instrument=self.instrument_id).to_dict("records")
        workspace.results.save(
            row, run.metrics, _records(trades), _records(result.daily.to_dict("records"))
        )
        artifact = self.artifact(
            identity,
            rows=len(result.equity),
            columns="cash,position_value,equity",
            path=f"{path}/equity.parquet",
            sha256=frames["equity"],
        )
        return artifact, self.stored(key, artifact)

    def _made_from(self, key: str) -> dict[str, str]:
        """Id of the result, and the hashes that it is made of."""
        scenario = self.workspace.catalog.scenario(key)
        inputs, hashes, _ = self.loaded(scenario)
        settings = scenario_settings(scenario, inputs.instrument, inputs.periods_per_year)
        made_from = {
            "settings_hash": canonical_hash(
                [scenario.hash, settings.hash, *changed_sharpe_limits(self.workspace)]
            ),
            "bars_hash": hashes.bars,
            "features_hash": hashes.features,
            "predictions_hash": hashes.predictions,
            "code_hash": scenario_code_hash(
                scenario, self.workspace.registries.strategies, BacktestStage.produce
            ),
        }
        identity = canonical_hash([inputs.instrument.id, made_from])
        return {"result_id": identity[:SHOWN_DIGITS], **made_from}

    def _trial(self, scenario: ScenarioSpec, run: ScenarioRun, made_from: dict[str, str]) -> Row:
        moments, strategy = run.result.moments, scenario.strategy
        told = TrialIdentities(self.workspace, scenario).of(strategy.type, run.parameters)
        return {
            "study": "",
            "instrument": self.instrument_id,
            "strategy": strategy.type,
            "parameters_hash": canonical_hash(run.parameters),
            "parameters": run.parameters,
            "bars_hash": made_from["bars_hash"],
            "predictions_hash": made_from["predictions_hash"],
            "code_hash": made_from["code_hash"],
            "fold": scenario.name,
            "result_id": made_from["result_id"],
            **told,
            "sharpe": moments.sharpe,
            "bars": len(run.result.equity),
            "mean": moments.mean,
            "sd": moments.sd,
            "skew": moments.skew,
            "kurtosis": moments.kurtosis,
            "metric": "sharpe",
            "value": moments.sharpe,
            "status": "ok",
            "run_id": self.workspace.run_id,
        }


def _by_ts(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders in order of time; one that never came due takes the `ts` of its decision."""
    stamps = orders["ts"].fillna(orders["decided_ts"])
    return orders.assign(ts=stamps).set_index("ts").sort_index(kind="stable")


def _records(rows: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    """Rows with plain keys; NaN, which a table would keep as a number, becomes NULL."""
    return [
        {
            str(name): None if value is None or value != value else value
            for name, value in row.items()
        }
        for row in rows
    ]
