"""The stage of backtests: run a scenario on an instrument and keep the result."""

from __future__ import annotations

import json
from typing import Any

from trading_pipeline.backtest.scenario_runner import (
    ScenarioRun,
    run_scenario,
    scenario_settings,
)
from trading_pipeline.domain.audit_records import AuditLog
from trading_pipeline.domain.hashing import SHOWN_DIGITS, canonical_hash
from trading_pipeline.errors import LookaheadError
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.audits import (
    call_results_invalid,
    changed_sharpe_limits,
    refuse_known_look_ahead,
    sharpe_limits,
)
from trading_pipeline.stages.backtests.result_lineage import LINEAGE_FILE, write_lineage
from trading_pipeline.stages.backtests.result_rows import (
    is_on_record,
    orders_by_ts,
    plain_records,
    told_by_result,
    trial_of,
)
from trading_pipeline.stages.backtests.scenario_inputs import ScenarioStage, scenario_code_hash
from trading_pipeline.stages.backtests.shown_result import described_result
from trading_pipeline.stages.backtests.stored_results import result_folder, sound_result
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Identity
from trading_pipeline.storage.parquet_files import write_frame
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["BacktestStage"]

Row = dict[str, Any]
ASSET = "backtest"


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
        made_from = self.made_from(key)
        partition = self.partition(key)
        return Identity(self.asset, partition, made_from["result_id"], made_from["code_hash"])

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the newest result is this one, all of it as written, its trial on record."""
        is_newest = super().is_current(artifact, identity)
        self.workspace.results.keep_newest_of(self.instrument_id)
        return is_newest and is_on_record(self.workspace, identity.input_hash)

    def stored(self, key: str, artifact: Artifact) -> Row:  # noqa: ARG002
        """The row of the result; `DataQualityError` where the result is damaged."""
        return sound_result(self.workspace, artifact.input_hash, self.instrument_id)

    def content_hash(self, artifact: Artifact, product: Row) -> str:  # noqa: ARG002
        """Hash of equity and trades."""
        return str(product["content_hash"])

    def describe(self, product: Row) -> dict[str, Shown]:
        """A picture, the headline metrics beside buy and hold, and the hashes behind them."""
        return described_result(self.workspace, product)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Run the scenario; save its frames, its trial, its row, its trades and daily results."""
        workspace, scenario = self.workspace, self.workspace.catalog.scenario(key)
        loaded = self.loaded(scenario)
        inputs, warnings = loaded.inputs, loaded.warnings
        made_from = self.made_from(key)
        try:
            run = self.run(key, workspace.audits)
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
            "orders": write_frame(folder / "orders.parquet", orders_by_ts(result.orders)),
        }
        frames[LINEAGE_FILE] = write_lineage(
            folder, scenario, {self.instrument_id: inputs}, workspace.registries.strategies
        )
        told = TrialIdentities(workspace, scenario).of(scenario.strategy.type, run.parameters)
        row = {
            **made_from,
            "scenario": scenario.name,
            "strategy": scenario.strategy.type,
            "parameters": json.dumps(run.parameters, sort_keys=True),
            "instruments": self.instrument_id,
            "content_hash": result.content_hash,
            **told_by_result(result),
            "warnings": "\n".join((*warnings, *result.warnings)),
            "frames": frames,
            "run_id": workspace.run_id,
        }
        workspace.trials.append([trial_of(row, run.parameters, result, told)])
        row["trials_at_creation"] = workspace.trials.count()
        trades = plain_records(result.trades.assign(instrument=self.instrument_id))
        workspace.results.save(row, run.metrics, trades, plain_records(result.daily))
        artifact = self.artifact(
            identity,
            rows=len(result.equity),
            columns="cash,position_value,equity",
            path=f"{path}/equity.parquet",
            sha256=frames["equity"],
        )
        return artifact, self.stored(key, artifact)

    def scenario_of(self, key: str) -> ScenarioSpec:
        """The scenario of that name."""
        return self.workspace.catalog.scenario(key)

    def run(self, key: str, audits: AuditLog | None = None) -> ScenarioRun:
        """Trade the scenario on what is stored now; nothing of it is kept.

        `audits` keeps outcomes of audits. Raises `LookaheadError` as `run_scenario` does.
        """
        scenario = self.workspace.catalog.scenario(key)
        return run_scenario(
            scenario,
            self.loaded(scenario).inputs,
            self.workspace.registries.strategies,
            audits=audits,
            sharpe_limits=sharpe_limits(self.workspace),
        )

    def made_from(self, key: str) -> dict[str, str]:
        """Id of the result, and the hashes that it is made of."""
        scenario = self.workspace.catalog.scenario(key)
        hashes = self.hashes(scenario)
        instrument = self.workspace.catalog.instrument(self.instrument_id)
        a_year = periods_per_year(instrument.timeframe, instrument.calendar)
        settings = scenario_settings(scenario, instrument, a_year)
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
        identity = canonical_hash([self.instrument_id, made_from])
        return {"result_id": identity[:SHOWN_DIGITS], **made_from}
