"""The stages of optimization: all trials of a study, and what they come to."""

from __future__ import annotations

import json
import statistics
from typing import Any

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import LookaheadError
from trading_pipeline.optimization.grid_study import StudyResult, run_grid_study
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.audits import audit_of_best, call_trials_invalid
from trading_pipeline.stages.backtests.scenario_inputs import ScenarioStage, scenario_code_hash
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_text
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["SummaryStage", "TrialStage", "study_summary"]

Row = dict[str, Any]
_COPIED = ("sharpe", "mean", "sd", "skew", "kurtosis", "value")


class TrialStage(ScenarioStage[list[Row]]):
    """Every combination of a study's parameters on an instrument, each a trial in the ledger."""

    asset = "optimization_trials"

    def identity(self, key: str) -> Identity:
        """The partition with the hashes of all inputs, and of the strategy's and engine's code."""
        study = self.workspace.catalog.study(key)
        scenario = self.workspace.catalog.scenario(study.scenario)
        strategies = self.workspace.registries.strategies
        computed = scenario_code_hash(scenario, strategies, TrialStage.produce, _summary)
        code = canonical_hash([computed, strategies.code_hash(study.strategy)])
        hashes = self.loaded(scenario).hashes
        input_hash = canonical_hash([study.hash, scenario.hash, vars(hashes), code])
        return Identity(self.asset, self.partition(key), input_hash, code)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, list[Row]]:
        """Evaluate every combination and record each as a trial."""
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        scenario = workspace.catalog.scenario(study.scenario)
        try:
            found = run_grid_study(
                study,
                scenario,
                self.loaded(scenario).inputs,
                workspace.registries.strategies,
                audits=workspace.audits,
                evaluated=lambda made: self._record(key, identity, made),
            )
        except LookaheadError as error:
            short = identity.input_hash[:12]
            made = workspace.trials.of_study(key, self.instrument_id, fold=short)
            call_trials_invalid(workspace, made, error)
            raise
        artifact = self.artifact(identity, rows=len(found.parameters))
        return artifact, self.stored(key, artifact)

    def _record(self, key: str, identity: Identity, found: StudyResult) -> None:
        """Write all trials to the ledger."""
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        bars_hash = self.loaded(workspace.catalog.scenario(study.scenario)).hashes.bars
        workspace.trials.append(
            [
                {
                    "study": study.name,
                    "instrument": self.instrument_id,
                    "strategy": study.strategy,
                    "parameters_hash": row["parameters_hash"],
                    "parameters": json.dumps(parameters, sort_keys=True),
                    "bars_hash": bars_hash,
                    "code_hash": identity.code_hash,
                    "fold": identity.input_hash[:12],
                    **{name: row[name] for name in _COPIED},
                    "bars": found.bars,
                    "metric": study.metric,
                    "status": "undefined" if row["value"] != row["value"] else "ok",
                    "run_id": workspace.run_id,
                }
                for parameters, row in zip(
                    found.parameters, found.table.to_dict("records"), strict=True
                )
            ]
        )

    def stored(self, key: str, artifact: Artifact) -> list[Row]:
        """The trials as the ledger has them."""
        fold = artifact.input_hash[:12]
        return self.workspace.trials.of_study(key, self.instrument_id, fold=fold)

    def content_hash(self, artifact: Artifact, product: list[Row]) -> str:  # noqa: ARG002
        """Hash of all parameters and values."""
        return canonical_hash([[t["parameters_hash"], t["value"]] for t in product])

    def describe(self, product: list[Row]) -> dict[str, Shown]:
        """Number of trials, of this study and of all that were ever made."""
        return {"trials": len(product), "trials_in_ledger": self.workspace.trials.count()}


class SummaryStage(ComputedStage[str, Row]):
    """The best trial of a study, how many were tried, and where the best is among them."""

    asset = "optimization_summary"

    def identity(self, key: str) -> Identity:
        """The partition with the hashes of the trials that it sums up."""
        trials = TrialStage(self.workspace, self.instrument_id)
        partition = self.partition(key)
        source = trials.require(
            partition,
            f"The study '{key}' has no trials on {self.instrument_id} yet. Materialize "
            f"'{trials.asset}' for {partition} first.",
        )
        return Identity(self.asset, partition, source.input_hash, source.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Sum up the trials in a JSON file."""
        short, study = identity.input_hash[:12], self.workspace.catalog.study(key)
        trials = self.workspace.trials.of_study(key, self.instrument_id, fold=short)
        summary = _summary(study, trials)
        if "best_parameters" in summary:
            best = max((t for t in trials if t["value"] is not None), key=lambda t: t["value"])
            summary |= audit_of_best(self.workspace, study, self.instrument_id, best)
        path = f"output/studies/{key}/{self.instrument_id}/{short}.json"
        text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
        write_text(self.workspace.settings.runtime / path, text)
        artifact = self.artifact(identity, rows=1, path=path, sha256=canonical_hash(summary))
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> Row:  # noqa: ARG002
        """The summary as it was written, and its file."""
        path = self.workspace.settings.runtime / str(artifact.path)
        found: Row = json.loads(path.read_text("utf-8"))
        return {**found, "file": artifact.path}

    def describe(self, product: Row) -> dict[str, Shown]:
        """The summary, and the number of trials that were ever made."""
        return {**product, "trials_in_ledger": self.workspace.trials.count()}


def study_summary(workspace: Workspace, instrument_id: str, study_name: str) -> Row:
    """The newest summary of a study on an instrument, as it was written."""
    stage = SummaryStage(workspace, instrument_id)
    newest = stage.require(
        stage.partition(study_name),
        f"The study '{study_name}' has no summary on {instrument_id} yet. Materialize "
        f"'{stage.asset}'.",
    )
    summary = stage.stored(study_name, newest)
    del summary["file"]
    return summary


def _summary(study: StudySpec, trials: list[Row]) -> Row:
    defined = sorted((t for t in trials if t["value"] is not None), key=lambda t: -t["value"])
    if not defined:
        return {"study": study.name, "trials": len(trials), "metric": study.metric, "best": None}
    best, values = defined[0], [float(t["value"]) for t in defined]
    return {
        "study": study.name,
        "trials": len(trials),
        "metric": study.metric,
        "best_value": values[0],
        "median_value": statistics.median(values),
        "worst_value": values[-1],
        "best_parameters": json.dumps(json.loads(best["parameters"]), sort_keys=True),
        "best_trial_no": int(best["trial_no"]),
    }
