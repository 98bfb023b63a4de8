"""This file holds the stage of backtests: run a scenario on an instrument and keep the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    ScenarioRun,
    code_hash,
    run_scenario,
    scenario_settings,
)
from trading_pipeline.domain.hashing import SHOWN_DIGITS, canonical_hash
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import InputHashes, load_inputs
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_frame
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.strategies import StrategyCatalogue

__all__ = [
    "BacktestOutcome",
    "backtest_is_pending",
    "materialize_backtest",
    "result_folder",
    "result_is_current",
]

ASSET = "backtest"
FRAMES = ("equity", "benchmark", "orders")


@dataclass(frozen=True, kw_only=True)
class BacktestOutcome(Outcome):
    """A result: its row in `backtest_results`, metrics included."""

    row: Mapping[str, Any]


def result_folder(result_id: str) -> str:
    """Folder of a result's frames below the runtime folder."""
    return f"output/backtests/{result_id}"


def materialize_backtest(
    workspace: Workspace, instrument_id: str, scenario_name: str
) -> BacktestOutcome:
    """Run the scenario where its result is not there yet; an equal rerun writes nothing.

    Each result counts as one trial in the ledger.
    """
    partition = f"{instrument_id}|{scenario_name}"
    tell_progress(ASSET, partition)
    scenario = workspace.catalog.scenario(scenario_name)
    workspace.catalog.instrument(instrument_id)
    inputs, hashes, warnings = load_inputs(workspace, instrument_id, scenario)
    strategies = workspace.registries.strategies
    result_id, made_from = _identity(scenario, inputs, hashes, strategies)
    changed = not result_is_current(workspace, partition, result_id)
    if changed:
        run = run_scenario(scenario, inputs, strategies)
        _save(workspace, partition, scenario, run, made_from, (*warnings, *run.result.warnings))
    row = workspace.results.require(result_id)
    return BacktestOutcome(
        asset=ASSET,
        partition=partition,
        status="ok",
        rows=int(row["bars"]),
        changed=changed,
        content_hash=row["content_hash"],
        metadata={"result_id": result_id, "warnings": row["warnings"]},
        row=row,
    )


def backtest_is_pending(workspace: Workspace, instrument_id: str, scenario_name: str) -> bool:
    """True where `materialize_backtest` would run the scenario; its data must be there."""
    scenario = workspace.catalog.scenario(scenario_name)
    inputs, hashes, _ = load_inputs(workspace, instrument_id, scenario)
    result_id, _ = _identity(scenario, inputs, hashes, workspace.registries.strategies)
    return not result_is_current(workspace, f"{instrument_id}|{scenario_name}", result_id)


def result_is_current(workspace: Workspace, partition: str, result_id: str) -> bool:
    """True where the partition's newest result is this one and its files are there."""
    newest = workspace.artifacts.newest([ASSET], partition).get((ASSET, partition))
    if newest is None or not workspace.artifacts.is_current(newest, result_id):
        return False
    folder = workspace.settings.runtime / result_folder(result_id)
    return all((folder / f"{name}.parquet").exists() for name in FRAMES)


def _identity(
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    hashes: InputHashes,
    strategies: StrategyCatalogue,
) -> tuple[str, dict[str, str]]:
    """Id of the result, and the hashes that it is made of."""
    settings = scenario_settings(scenario, inputs.instrument, inputs.periods_per_year)
    made_from = {
        "settings_hash": canonical_hash([scenario.hash, settings.hash]),
        "bars_hash": hashes.bars,
        "features_hash": hashes.features,
        "predictions_hash": hashes.predictions,
        "code_hash": code_hash(scenario.strategy.type, strategies),
    }
    identity = canonical_hash([inputs.instrument.id, made_from])
    return identity[:SHOWN_DIGITS], {"result_id": identity[:SHOWN_DIGITS], **made_from}


def _save(
    workspace: Workspace,
    partition: str,
    scenario: ScenarioSpec,
    run: ScenarioRun,
    made_from: Mapping[str, str],
    warnings: tuple[str, ...],
) -> None:
    instrument_id, result = partition.partition("|")[0], run.result
    result_id = made_from["result_id"]
    folder = workspace.settings.runtime / result_folder(result_id)
    sha256 = write_frame(folder / "equity.parquet", result.equity_frame())
    write_frame(folder / "benchmark.parquet", run.benchmark.equity_frame())
    write_frame(folder / "orders.parquet", _by_ts(result.orders))
    moments = result.moments
    workspace.trials.append(
        [
            {
                "study": "",
                "instrument": instrument_id,
                "strategy": scenario.strategy.type,
                "parameters_hash": canonical_hash(run.parameters),
                "parameters": run.parameters,
                "bars_hash": made_from["bars_hash"],
                "code_hash": made_from["code_hash"],
                "fold": scenario.name,
                "sharpe": moments.sharpe,
                "bars": len(result.equity),
                "mean": moments.mean,
                "sd": moments.sd,
                "skew": moments.skew,
                "kurtosis": moments.kurtosis,
                "metric": "sharpe",
                "value": moments.sharpe,
                "status": "ok",
                "run_id": workspace.run_id,
            }
        ]
    )
    row = {
        **made_from,
        "scenario": scenario.name,
        "strategy": scenario.strategy.type,
        "parameters": json.dumps(run.parameters, sort_keys=True),
        "instruments": instrument_id,
        "from_ts": result.index[0],
        "to_ts": result.index[-1],
        "content_hash": result.content_hash,
        "trials_at_creation": workspace.trials.count(),
        "warnings": "\n".join(warnings),
        "run_id": workspace.run_id,
    }
    trades = result.trades.assign(instrument=instrument_id).to_dict("records")
    workspace.results.save(
        row, run.metrics, _records(trades), _records(result.daily.to_dict("records"))
    )
    workspace.artifacts.record(
        [
            Artifact(
                asset=ASSET,
                partition=partition,
                status="ok",
                input_hash=result_id,
                code_hash=made_from["code_hash"],
                run_id=workspace.run_id,
                rows=len(result.equity),
                columns="cash,position_value,equity",
                path=f"{result_folder(result_id)}/equity.parquet",
                sha256=sha256,
            )
        ]
    )


def _by_ts(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders in order of time; one that never came due, which has no `ts`, stands at its decision."""
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
