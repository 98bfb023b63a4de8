"""The stages of optimization: all trials of a study, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.errors import LookaheadError
from trading_pipeline.optimization.grid_study import StudyResult, run_grid_study
from trading_pipeline.stages.backtests.audits import call_trials_invalid, sharpe_limits
from trading_pipeline.stages.backtests.scenario_inputs import ScenarioStage, scenario_code_hash
from trading_pipeline.stages.backtests.study_summary import (
    best_of,
    judged_summary,
    measured_best,
    measured_search,
    summary_of_trials,
)
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_text
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.storage.stores.trial_ledger import INVALID

__all__ = ["SummaryStage", "TrialStage", "study_summary", "trials_hash"]

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
        computed = scenario_code_hash(scenario, strategies, TrialStage.produce)
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
        trials = self.stored(key, artifact)
        return replace(artifact, sha256=trials_hash(trials)), trials

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the newest row was made from these inputs, and the trials are as written."""
        if artifact is None or not super().is_current(artifact, identity):
            return False
        trials = self.stored(artifact.partition.rpartition("|")[2], artifact)
        if artifact.sha256 is None:  # from before trials were hashed
            return len(trials) == artifact.rows
        return trials_hash(trials) == artifact.sha256

    def _record(self, key: str, identity: Identity, found: StudyResult) -> None:
        """Write all trials to the ledger."""
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        scenario = workspace.catalog.scenario(study.scenario)
        hashes, identities = self.loaded(scenario).hashes, TrialIdentities(workspace, scenario)
        workspace.trials.append(
            [
                {
                    "study": study.name,
                    "instrument": self.instrument_id,
                    "strategy": study.strategy,
                    "parameters_hash": row["parameters_hash"],
                    "parameters": json.dumps(parameters, sort_keys=True),
                    "bars_hash": hashes.bars,
                    "code_hash": identity.code_hash,
                    "predictions_hash": hashes.predictions,
                    "fold": identity.input_hash[:12],
                    **identities.of(study.strategy, parameters),
                    **{name: row[name] for name in _COPIED},
                    "bars": found.bars,
                    "metric": study.metric,
                    "status": "undefined" if row["value"] != row["value"] else "ok",
                    "run_id": workspace.run_id,
                }
                for parameters, row in zip(
                    found.parameters, found.table.to_dict("records"), strict=True
                )
            ],
            repairing=True,
        )

    def stored(self, key: str, artifact: Artifact) -> list[Row]:
        """The trials as the ledger has them."""
        fold = artifact.input_hash[:12]
        return self.workspace.trials.of_study(key, self.instrument_id, fold=fold)

    def content_hash(self, artifact: Artifact, product: list[Row]) -> str:  # noqa: ARG002
        """Hash of all parameters and values."""
        return trials_hash(product)

    def describe(self, product: list[Row]) -> dict[str, Shown]:
        """Number of trials, of this study and of all that were ever made."""
        return {"trials": len(product), "trials_in_ledger": self.workspace.trials.count()}


class SummaryStage(ComputedStage[str, Row]):
    """The best trial of a study, how many were tried, and how far the best can be believed."""

    asset = "optimization_summary"

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self._trials = TrialStage(workspace, instrument_id)

    def identity(self, key: str) -> Identity:
        """The partition with the hashes of the trials that it sums up, and of its own code."""
        source = self._source(key)
        code = canonical_hash([source.code_hash, code_hash(SummaryStage.produce)])
        invalid = [t["trial_no"] for t in self._rows(source) if t["status"] == INVALID]
        ledger = self.workspace.catalog.study(key).ledger
        inputs = canonical_hash([source.input_hash, code, invalid, ledger])
        return Identity(self.asset, self.partition(key), inputs, code)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Sum up the trials in a JSON file, with all metrics of the best.

        The best is measured where the trials are of the bars and settings as they are now.
        """
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        source, scenario = self._source(key), workspace.catalog.scenario(study.scenario)
        trials = self._rows(source)
        summary, best = summary_of_trials(study, trials), best_of(trials)
        if best is not None and self._trials.identity(key).input_hash == source.input_hash:
            summary["best_metrics"] = measured_best(
                study,
                scenario,
                best,
                self._trials.loaded(scenario).inputs,
                workspace.registries.strategies,
                audits=workspace.audits,
                limits=sharpe_limits(workspace),
            )
            loaded = self._trials.loaded(scenario).inputs
            strategies = workspace.registries.strategies
            summary |= measured_search(study, scenario, trials, loaded, strategies)
        path = f"output/studies/{key}/{self.instrument_id}/{identity.input_hash[:12]}.json"
        text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
        write_text(workspace.settings.runtime / path, text)
        sha256 = file_hash(workspace.settings.runtime / path)
        artifact = self.artifact(identity, rows=1, path=path, sha256=sha256)
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> Row:
        """The summary as it was written, judged by the ledger as it is now, and its file."""
        path, study = self.workspace.artifacts.file_of(artifact), self.workspace.catalog
        written: Row = json.loads(path.read_text("utf-8"))
        judged = judged_summary(self.workspace, self.instrument_id, study.study(key), written)
        return {**judged, "file": artifact.path}

    def describe(self, product: Row) -> dict[str, Shown]:
        """The summary."""
        return dict(product)

    def _source(self, key: str) -> Artifact:
        partition = self.partition(key)
        return self._trials.require(
            partition,
            f"The study '{key}' has no trials on {self.instrument_id} yet. Materialize "
            f"'{self._trials.asset}' for {partition} first.",
        )

    def _rows(self, source: Artifact) -> list[Row]:
        study = source.partition.rpartition("|")[2]
        return self._trials.stored(study, source)


def trials_hash(trials: Sequence[Row]) -> str:
    """Hash of the parameters and numbers of trials, whatever their order and status."""
    told = [[trial[name] for name in ("parameters_hash", *_COPIED)] for trial in trials]
    return canonical_hash(sorted(told, key=str))


def study_summary(workspace: Workspace, instrument_id: str, study_name: str) -> Row:
    """The newest summary of a study on an instrument, judged by all trials up to now."""
    stage = SummaryStage(workspace, instrument_id)
    newest = stage.require(
        stage.partition(study_name),
        f"The study '{study_name}' has no summary on {instrument_id} yet. Materialize "
        f"'{stage.asset}'.",
    )
    summary = stage.stored(study_name, newest)
    del summary["file"]
    return summary
