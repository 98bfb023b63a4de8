"""This file holds the stages of optimization: all trials of a study, and what they come to."""

from __future__ import annotations

import json
import statistics
from typing import Any

from trading_pipeline.backtest.scenario_runner import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.optimization.grid_study import run_grid_study
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.scenario_inputs import InputHashes, load_inputs
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["materialize_summary", "materialize_trials", "study_is_pending", "study_summary"]

TRIALS, SUMMARY = "optimization_trials", "optimization_summary"


def materialize_trials(workspace: Workspace, instrument_id: str, study_name: str) -> Outcome:
    """Evaluate every combination and record each as a trial; equal inputs add none."""
    partition = f"{instrument_id}|{study_name}"
    tell_progress(TRIALS, partition)
    study = workspace.catalog.study(study_name)
    scenario = workspace.catalog.scenario(study.scenario)
    inputs, hashes, _ = load_inputs(workspace, instrument_id, scenario)
    code, input_hash = _identity(workspace, study, hashes)
    newest = workspace.artifacts.newest([TRIALS], partition).get((TRIALS, partition))
    changed = newest is None or newest.input_hash != input_hash
    if changed:
        found = run_grid_study(study, scenario, inputs, workspace.registries.strategies)
        rows = []
        for parameters, row in zip(found.parameters, found.table.to_dict("records"), strict=True):
            rows.append(
                {
                    "study": study.name,
                    "instrument": instrument_id,
                    "strategy": study.strategy,
                    "parameters_hash": row["parameters_hash"],
                    "parameters": json.dumps(parameters, sort_keys=True),
                    "bars_hash": hashes.bars,
                    "code_hash": code,
                    "fold": input_hash[:12],
                    **{n: row[n] for n in ("sharpe", "mean", "sd", "skew", "kurtosis", "value")},
                    "bars": found.bars,
                    "metric": study.metric,
                    "status": "undefined" if row["value"] != row["value"] else "ok",
                    "run_id": workspace.run_id,
                }
            )
        workspace.trials.append(rows)
        newest = Artifact(
            asset=TRIALS,
            partition=partition,
            status="ok",
            input_hash=input_hash,
            code_hash=code,
            run_id=workspace.run_id,
            rows=len(rows),
        )
        workspace.artifacts.record([newest])
    trials = _trials(workspace, study, instrument_id, input_hash)
    return Outcome(
        asset=TRIALS,
        partition=partition,
        status="ok",
        rows=len(trials),
        changed=changed,
        content_hash=canonical_hash([[t["parameters_hash"], t["value"]] for t in trials]),
        metadata={"trials": len(trials), "trials_in_ledger": workspace.trials.count()},
    )


def materialize_summary(workspace: Workspace, instrument_id: str, study_name: str) -> Outcome:
    """The best trial of a study, how many were tried, and where the best stands among them."""
    partition = f"{instrument_id}|{study_name}"
    tell_progress(SUMMARY, partition)
    study = workspace.catalog.study(study_name)
    source = workspace.artifacts.newest([TRIALS], partition).get((TRIALS, partition))
    if source is None:
        raise InsufficientDataError(
            f"The study '{study_name}' has no trials on {instrument_id} yet. Materialize "
            f"'{TRIALS}' for {partition} first.",
            partition=partition,
        )
    trials = _trials(workspace, study, instrument_id, source.input_hash)
    summary = _summary(study, trials)
    path = f"output/studies/{study_name}/{instrument_id}/{source.input_hash[:12]}.json"
    newest = workspace.artifacts.newest([SUMMARY], partition).get((SUMMARY, partition))
    content_hash = canonical_hash(summary)
    changed = newest is None or newest.sha256 != content_hash
    if changed or not (workspace.settings.runtime / path).exists():
        text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
        write_atomically(workspace.settings.runtime / path, lambda p: _write_text(p, text))
    if changed:
        row = Artifact(
            asset=SUMMARY,
            partition=partition,
            status="ok",
            input_hash=source.input_hash,
            code_hash=source.code_hash,
            run_id=workspace.run_id,
            rows=1,
            path=path,
            sha256=content_hash,
        )
        workspace.artifacts.record([row])
    return Outcome(
        asset=SUMMARY,
        partition=partition,
        status="ok",
        rows=1,
        changed=changed,
        content_hash=content_hash,
        metadata={**summary, "trials_in_ledger": workspace.trials.count(), "file": path},
    )


def study_summary(workspace: Workspace, instrument_id: str, study_name: str) -> dict[str, Any]:
    """The newest summary of a study on an instrument, as it was written."""
    partition = f"{instrument_id}|{study_name}"
    newest = workspace.artifacts.newest([SUMMARY], partition).get((SUMMARY, partition))
    if newest is None or newest.path is None:
        raise InsufficientDataError(
            f"The study '{study_name}' has no summary on {instrument_id} yet. Materialize '{SUMMARY}'.",
            partition=partition,
        )
    found: dict[str, Any] = json.loads(
        (workspace.settings.runtime / newest.path).read_text("utf-8")
    )
    return found


def study_is_pending(workspace: Workspace, instrument_id: str, study_name: str) -> bool:
    """True where trials or summary are missing or stale; the study's data must be there."""
    study = workspace.catalog.study(study_name)
    scenario = workspace.catalog.scenario(study.scenario)
    _, hashes, _ = load_inputs(workspace, instrument_id, scenario)
    _, input_hash = _identity(workspace, study, hashes)
    partition = f"{instrument_id}|{study_name}"
    newest = workspace.artifacts.newest([TRIALS, SUMMARY], partition)
    return any(
        not workspace.artifacts.is_current(newest.get((asset, partition)), input_hash)
        for asset in (TRIALS, SUMMARY)
    )


def _identity(workspace: Workspace, study: StudySpec, hashes: InputHashes) -> tuple[str, str]:
    """Hash of the code and hash of all inputs of a study."""
    code = code_hash(study.strategy, workspace.registries.strategies)
    scenario = workspace.catalog.scenario(study.scenario)
    return code, canonical_hash([study.hash, scenario.hash, vars(hashes), code])


def _trials(
    workspace: Workspace, study: StudySpec, instrument_id: str, input_hash: str
) -> list[dict[str, Any]]:
    return workspace.trials.of_study(study.name, instrument_id, fold=input_hash[:12])


def _summary(study: StudySpec, trials: list[dict[str, Any]]) -> dict[str, Any]:
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


def _write_text(path: Any, text: str) -> None:
    path.write_text(text, encoding="utf-8")
