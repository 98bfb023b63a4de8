"""The stage of portfolio backtests: run a portfolio scenario and keep the result."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, TypeVar

from trading_pipeline.backtest.portfolio.scenario_run import PortfolioRun, run_portfolio_scenario
from trading_pipeline.backtest.scenario_runner import scenario_settings
from trading_pipeline.domain.audit_records import AuditLog
from trading_pipeline.domain.hashing import SHOWN_DIGITS, canonical_hash
from trading_pipeline.domain.membership import Membership
from trading_pipeline.errors import LookaheadError
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario, require_one_account
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
from trading_pipeline.stages.backtests.scenario_inputs import (
    LoadedInputs,
    load_inputs,
    scenario_code_hash,
)
from trading_pipeline.stages.backtests.shown_result import described_portfolio
from trading_pipeline.stages.backtests.stored_results import result_folder, sound_result
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_frame
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["OfPortfolio", "PortfolioStage"]

Row = dict[str, Any]
Product = TypeVar("Product")


class OfPortfolio(ComputedStage[str, Product]):
    """A stage of one portfolio scenario, whose name is the partition; its only key is in `WHOLE`.

    Raises `UnknownNameError` for a portfolio that no file has.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace)
        self.scenario: PortfolioScenario = workspace.catalog.portfolio(name)

    def partition(self, key: str) -> str:  # noqa: ARG002
        """Name of the portfolio scenario."""
        return self.scenario.name


class PortfolioStage(OfPortfolio[Row]):
    """The result of a portfolio scenario; each new one is a trial in the ledger.

    What is described is the result's row in `backtest_results`; its `instruments` are all of the
    portfolio's in one text.
    """

    asset = "portfolio_backtest"

    def identity(self, key: str) -> Identity:
        """The partition with its result's id as input hash.

        Raises `LookaheadError` where the strategy was found to read the future, on whatever
        instrument, `ConfigurationError` for instruments that one account cannot hold, and
        `StrategyError` for a strategy that cannot weigh them.
        """
        scenario, workspace = self.scenario, self.workspace
        workspace.catalog.require_instruments_of(scenario)
        require_one_account(scenario, workspace.catalog.instruments)
        if scenario.portfolio.strategy is not None:
            workspace.registries.strategies.of_portfolio(scenario.strategy.type, scenario.members)
        refuse_known_look_ahead(workspace, scenario, scenario.instruments_text)
        made_from = self.made_from
        partition = self.partition(key)
        return Identity(self.asset, partition, made_from["result_id"], made_from["code_hash"])

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the newest result is this one, all of it as written, its trial on record."""
        is_newest = super().is_current(artifact, identity)
        return is_newest and is_on_record(self.workspace, identity.input_hash)

    def stored(self, key: str, artifact: Artifact) -> Row:  # noqa: ARG002
        """The row of the result; `DataQualityError` where the result is damaged."""
        return sound_result(self.workspace, artifact.input_hash)

    def content_hash(self, artifact: Artifact, product: Row) -> str:  # noqa: ARG002
        """Hash of equity and trades."""
        return str(product["content_hash"])

    def describe(self, product: Row) -> dict[str, Shown]:
        """A picture, the headline metrics beside equal weights, and the hashes behind them."""
        return described_portfolio(self.workspace, product)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Run the portfolio; save its frames, its trial, its row, its trades and daily results."""
        workspace, scenario, made_from = self.workspace, self.scenario, self.made_from
        try:
            run = self.run(workspace.audits)
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
            "weights": write_frame(folder / "weights.parquet", result.weights),
        }
        inputs = {name: each.inputs for name, each in self._loaded.items()}
        frames[LINEAGE_FILE] = write_lineage(
            folder, scenario, inputs, workspace.registries.strategies
        )
        traded = scenario.strategy
        told = TrialIdentities(workspace, scenario).of(traded.type, traded.params)
        row = {
            **made_from,
            "scenario": scenario.name,
            "strategy": scenario.traded_by,
            "parameters": json.dumps(run.parameters, sort_keys=True),
            "instruments": scenario.instruments_text,
            "content_hash": result.content_hash,
            **told_by_result(result),
            "warnings": "\n".join(dict.fromkeys((*self._warnings(), *result.warnings))),
            "frames": frames,
            "run_id": workspace.run_id,
        }
        workspace.trials.append([trial_of(row, run.parameters, result, told)])
        row["trials_at_creation"] = workspace.trials.count()
        trades, days = plain_records(result.trades), plain_records(result.daily)
        workspace.results.save(row, run.metrics, trades, days)
        artifact = self.artifact(
            identity,
            rows=len(result.equity),
            columns="cash,position_value,equity",
            path=f"{path}/equity.parquet",
            sha256=frames["equity"],
        )
        return artifact, self.stored(key, artifact)

    def run(self, audits: AuditLog | None = None) -> PortfolioRun:
        """Trade the portfolio on what is stored now; nothing of it is kept.

        `audits` keeps outcomes of audits. Raises `LookaheadError` as `run_portfolio_scenario` does.
        """
        return run_portfolio_scenario(
            self.scenario,
            {name: each.inputs for name, each in self._loaded.items()},
            self.workspace.registries.strategies,
            audits=audits,
            sharpe_limits=sharpe_limits(self.workspace),
            memberships=self._memberships,
        )

    @cached_property
    def _loaded(self) -> dict[str, LoadedInputs]:
        """Inputs by instrument."""
        return {
            name: load_inputs(self.workspace, name, self.scenario) for name in self.scenario.members
        }

    @property
    def _memberships(self) -> dict[str, Membership]:
        """When instruments belonged to the universe, of those for which it says so."""
        known = self.workspace.catalog.universe.members
        found = {name: known[name] for name in self.scenario.members}
        return {name: each for name, each in found.items() if each is not None}

    def _warnings(self) -> list[str]:
        """What must be said of the inputs, and that they were chosen with hindsight."""
        found = [text for each in self._loaded.values() for text in each.warnings]
        hindsight = self.workspace.catalog.universe.hindsight(self.scenario.members)
        return list(dict.fromkeys([*found, *filter(None, [hindsight])]))

    @cached_property
    def made_from(self) -> dict[str, str]:
        """Id of the result, and the hashes that it is made of, those of every instrument."""
        scenario, loaded = self.scenario, self._loaded
        settings = [
            scenario_settings(scenario, each.inputs.instrument, each.inputs.periods_per_year).hash
            for each in loaded.values()
        ]
        members = {name: str(known) for name, known in self._memberships.items()}
        made_from = {
            "settings_hash": canonical_hash(
                [scenario.hash, settings, members, *changed_sharpe_limits(self.workspace)]
            ),
            **{
                f"{kind}_hash": _together([getattr(each.hashes, kind) for each in loaded.values()])
                for kind in ("bars", "features", "predictions")
            },
            "code_hash": scenario_code_hash(
                scenario, self.workspace.registries.strategies, PortfolioStage.produce
            ),
        }
        identity = canonical_hash([scenario.members, made_from])
        return {"result_id": identity[:SHOWN_DIGITS], **made_from}


def _together(hashes: list[str]) -> str:
    """One hash of those of all instruments; empty where none has one."""
    return canonical_hash(hashes) if any(hashes) else ""
