"""The stages of optimization: the trials of a study, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.errors import InsufficientDataError, LookaheadError
from trading_pipeline.optimization.held_out import inputs_until, searched_scenario
from trading_pipeline.optimization.study_checks import require_covered
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.optimization.walk_forward_summary import walk_forward_summary
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.audits import call_trials_invalid, sharpe_limits
from trading_pipeline.stages.backtests.frozen_study import (
    measure_test,
    register_frozen,
    require_as_registered,
    revised_bars,
    tested_row,
)
from trading_pipeline.stages.backtests.scenario_inputs import ScenarioStage, scenario_code_hash
from trading_pipeline.stages.backtests.shown_study import (
    counted,
    shown_summary,
    told_test,
    walked_again,
)
from trading_pipeline.stages.backtests.study_record import MEASURED, LedgerRecord, fold_of
from trading_pipeline.stages.backtests.study_summary import (
    best_of,
    judged_summary,
    measured_best,
    measured_search,
    summary_of_trials,
)
from trading_pipeline.stages.outcome import Shown, tell_trials
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_frame, write_text
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.storage.stores.trial_ledger import INVALID

__all__ = ["SummaryStage", "TrialStage", "study_summary", "trials_hash"]

Row = dict[str, Any]


class TrialStage(ScenarioStage[list[Row]]):
    """The combinations that a study tries on an instrument, each a trial in the ledger.

    They are in the ledger as soon as they are evaluated; a study that was stopped goes on there.
    """

    asset = "optimization_trials"

    def identity(self, key: str) -> Identity:
        """The partition with the hashes of all inputs, and of the strategy's and engine's code.

        Raises `OptimizationError` for an instrument that the study does not list, and for a frozen
        study that was changed.
        """
        study = self.workspace.catalog.study(key)
        require_covered(study, self.instrument_id)
        require_as_registered(self.workspace, study, self.instrument_id)
        scenario = self.searched(study)
        strategies = self.workspace.registries.strategies
        computed = scenario_code_hash(scenario, strategies, TrialStage.produce)
        code = canonical_hash([computed, strategies.code_hash(study.strategy)])
        hashes = self.hashes(scenario)
        input_hash = canonical_hash([study.hash, scenario.hash, vars(hashes), code])
        return Identity(self.asset, self.partition(key), input_hash, code)

    def scenario_of(self, key: str) -> ScenarioSpec:
        """The study's scenario on the dates that its trials may read."""
        return self.searched(self.workspace.catalog.study(key))

    def searched(self, study: StudySpec) -> ScenarioSpec:
        """The study's scenario on the dates that its trials may read."""
        return searched_scenario(study, self.workspace.catalog.scenario(study.scenario))

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, list[Row]]:
        """Evaluate what the study's method chooses, and record each as a trial at once."""
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        scenario = self.searched(study)
        loaded = self.loaded(scenario)
        inputs, hashes = loaded.inputs, loaded.hashes
        register_frozen(workspace, study, self.instrument_id, inputs)
        newest = self.newest().get(identity.partition)
        record = LedgerRecord(
            workspace, study, scenario, identity, hashes, instrument_id=self.instrument_id,
            resume=newest is None or newest.input_hash != identity.input_hash,
        )  # fmt: skip
        try:
            found = run_study(
                study,
                workspace.catalog.scenario(study.scenario),
                inputs,
                workspace.registries.strategies,
                audits=workspace.audits,
                record=record,
                progress=tell_trials,
            )
        except LookaheadError as error:
            record.flush()
            made = workspace.trials.of_study(key, self.instrument_id, fold=fold_of(identity))
            call_trials_invalid(workspace, made, error)
            raise
        finally:
            record.flush()
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

    def stored(self, key: str, artifact: Artifact) -> list[Row]:
        """The trials that had all bars, as the ledger has them."""
        fold = artifact.input_hash[:12]
        return self.workspace.trials.of_study(key, self.instrument_id, fold=fold)

    def content_hash(self, artifact: Artifact, product: list[Row]) -> str:  # noqa: ARG002
        """Hash of all parameters and values."""
        return trials_hash(product)

    def describe(self, product: list[Row]) -> dict[str, Shown]:
        """Number of trials, of this study and of all that were ever made."""
        failed = sum(trial["status"] == "failed" for trial in product)
        told: dict[str, Shown] = {"trials": len(product)}
        if failed:
            told["failed_trials"] = failed
        return {**told, "trials_in_ledger": self.workspace.trials.count()}


class SummaryStage(ComputedStage[str, Row]):
    """The best trial of a study, how many were tried, and how far the best can be believed."""

    asset = "optimization_summary"

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self._trials = TrialStage(workspace, instrument_id)

    def identity(self, key: str) -> Identity:
        """The partition with the hashes of the trials that it sums up, and of its own code."""
        source, study = self._source(key), self.workspace.catalog.study(key)
        code = canonical_hash([source.code_hash, code_hash(SummaryStage.produce)])
        invalid = [t["trial_no"] for t in self._rows(source) if t["status"] == INVALID]
        inputs: list[object] = [source.input_hash, code, invalid, study.ledger]
        tested = tested_row(self.workspace, study, self.instrument_id)
        if tested is not None:
            inputs.append(tested["trial_no"])
        return Identity(self.asset, self.partition(key), canonical_hash(inputs), code)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, Row]:
        """Sum up the trials in a JSON file, with all metrics of the best.

        The best is measured where the trials are of the bars and settings as they are now.
        """
        workspace, study = self.workspace, self.workspace.catalog.study(key)
        source, scenario = self._source(key), self._trials.searched(study)
        trials = self._rows(source)
        summary, best = summary_of_trials(study, trials), best_of(trials)
        folder = f"output/studies/{key}/{self.instrument_id}"
        name = identity.input_hash[:12]
        trial_identity = self._trials.identity(key)
        is_current = trial_identity.input_hash == source.input_hash
        if best is not None and is_current:
            inputs = self._inputs(study, scenario)
            summary["best_metrics"] = measured_best(
                study,
                scenario,
                best,
                inputs,
                workspace.registries.strategies,
                audits=workspace.audits,
                limits=sharpe_limits(workspace),
                warnings=self._trials.loaded(scenario).warnings,
            )
            strategies = workspace.registries.strategies
            summary |= measured_search(
                study, scenario, trials, inputs, strategies, self._search(source)
            )
            record = LedgerRecord(
                workspace, study, scenario, trial_identity, self._trials.loaded(scenario).hashes,
                instrument_id=self.instrument_id, resume=True,
            )  # fmt: skip
            walked = walked_again(workspace, study, inputs, self._search(source), record)
            record.flush()
            if walked is not None:
                equity = f"{folder}/{name}_walk_forward.parquet"
                write_frame(
                    workspace.settings.runtime / equity, walked.equity.rename_axis("ts").to_frame()
                )
                told = walk_forward_summary(walked, list(study.space))
                summary["walk_forward"] = {**told, "equity": equity}
        summary |= counted(self._search(source), trials)
        tested = tested_row(workspace, study, self.instrument_id)
        if tested is not None:
            summary["test"] = told_test(tested)
        if study.frozen and is_current:
            inputs = self._inputs(study, scenario)
            revised = revised_bars(workspace, study, self.instrument_id, inputs)
            summary |= {} if revised is None else {"revised_bars": revised}
        path = f"{folder}/{name}.json"
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
        """The verdict, a picture of the space, the best trials, and the numbers that trend."""
        study = self.workspace.catalog.study(str(product["study"]))
        return shown_summary(study, product, self._rows(self._source(study.name)))

    def measure_test(self, key: str) -> Row:
        """Measure the best on the test of a frozen study, once; gives its row of the ledger.

        Raises what `frozen_study.measure_test` raises, and `InsufficientDataError` where the trials
        are missing or not those of the bars and settings as they are now.
        """
        with turn_at(self.workspace.settings, self.asset, self.instrument_id):
            study, source = self.workspace.catalog.study(key), self._source(key)
            if self._trials.pending([key]):
                raise InsufficientDataError(
                    f"The trials of the study '{key}' on {self.instrument_id} are not up to date. "
                    f"Materialize '{self._trials.asset}' for {source.partition} first.",
                    study=key,
                )
            return measure_test(
                self.workspace,
                study,
                self.instrument_id,
                self._rows(source),
                fold=source.input_hash[:12],
                code_hash=source.code_hash,
            )

    def _inputs(self, study: StudySpec, scenario: ScenarioSpec) -> ScenarioInputs:
        """What the trials read: of a frozen study nothing of its test."""
        inputs = self._trials.loaded(scenario).inputs
        return inputs_until(inputs, scenario.dates.bounds[1]) if study.frozen else inputs

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

    def _search(self, source: Artifact) -> list[Row]:
        """Every evaluation of the search, those on parts of the bars too."""
        study, fold = source.partition.rpartition("|")[2], source.input_hash[:12]
        return self.workspace.trials.of_search(study, self.instrument_id, fold=fold)


def trials_hash(trials: Sequence[Row]) -> str:
    """Hash of the parameters and numbers of trials, whatever their order and status."""
    told = [[trial[name] for name in ("parameters_hash", *MEASURED)] for trial in trials]
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
