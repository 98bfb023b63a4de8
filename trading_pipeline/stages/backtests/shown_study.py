"""What a study's summary counts and shows beside its best trial."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.optimization.study_run import evaluator_of
from trading_pipeline.optimization.trial_record import TrialRecord
from trading_pipeline.optimization.walk_forward import (
    WalkForward,
    record_windows,
    walk_forward_folds,
    walked_forward,
)
from trading_pipeline.reporting.study.checks_table import checks_table
from trading_pipeline.reporting.study.heatmap import heatmap_image
from trading_pipeline.reporting.study.trial_table import trial_table
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.study_summary import best_of
from trading_pipeline.stages.outcome import Shown, ShownMarkdown
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.trial_ledger import INVALID

__all__ = ["counted", "shown_summary", "told_test", "walked_again"]

Row = dict[str, Any]
_TRENDS = ("best_value", "median_value", "deflated_sharpe_ratio", "probabilistic_sharpe_ratio")
"""Numbers that the UI plots over the runs."""


def counted(search: Sequence[Row], trials: Sequence[Row]) -> Row:
    """Combinations that were tried, evaluations of them on parts of the bars too, and failures.

    `search`: all evaluations; `trials`: those on all bars.
    """
    failed = [row for row in trials if row["status"] == "failed"]
    told: Row = {"trials": len({row["parameters_hash"] for row in search})}
    told["evaluations"] = len(search)
    if failed:
        told |= {"failed_trials": len(failed), "first_failure": failed[0]["reason"]}
    return told


def walked_again(
    workspace: Workspace,
    study: StudySpec,
    inputs: ScenarioInputs,
    search: Sequence[Row],
    record: TrialRecord,
) -> WalkForward | None:
    """Walk-forward optimization by the valid trials on record; None where the study has none.

    Where trials were called invalid since, other sets are chosen than by the search; the windows
    that they trade are put into `record`, as the search does.
    """
    if study.walk_forward is None:
        return None
    scenario = workspace.catalog.scenario(study.scenario)
    evaluator = evaluator_of(study, scenario, inputs, workspace.registries.strategies)
    by_fold: dict[str, list[Row]] = defaultdict(list)
    for row in search:
        by_fold[row["fold"].partition("/")[2]].append(row)
    folds = walk_forward_folds(study, evaluator.index)
    best = [best_of(by_fold[fold.name]) for fold in folds]
    chosen = [None if row is None else (json.loads(row["parameters"]), row) for row in best]
    walked = walked_forward(evaluator, folds, chosen)
    record_windows(walked, evaluator, record)
    return walked


def told_test(row: Row) -> Row:
    """What the one measurement on the test of a frozen study found."""
    return {
        "parameters": row["parameters"],
        "dates": row["dates"],
        "bars": row["bars"],
        "metric": row["metric"],
        "value": row["value"],
        "sharpe": row["sharpe"],
        "status": row["status"],
        **({"note": row["reason"]} if row["reason"] else {}),
        "trial_no": row["trial_no"],
        "measured_at": f"{row['created_at']:%Y-%m-%d %H:%M} UTC",
    }


def shown_summary(study: StudySpec, summary: Row, trials: Sequence[Row]) -> dict[str, Shown]:
    """The verdict, the best trials, a picture of the space, and numbers that the UI plots."""
    valid = [row for row in trials if row["status"] != INVALID]
    sets = [json.loads(row["parameters"]) for row in valid]
    values = [math.nan if row["value"] is None else float(row["value"]) for row in valid]
    names = list(study.space)
    shown: dict[str, Shown] = {
        "verdict": str(
            summary.get("verdict_in_words") or summary.get("verdict") or _no_verdict(study, summary)
        )
    }
    table, image = trial_table(valid, names, study.metric), ""
    usable = [all(name in each for name in names) for each in sets]
    if all(usable):
        image = heatmap_image(sets, values, names, study.metric)
    if image:
        shown["space"] = ShownMarkdown(f"![Best {study.metric} by parameters]({image})")
    if table:
        shown["best_trials"] = ShownMarkdown(table)
    if summary.get("revised_bars"):
        shown["revised_bars"] = str(summary["revised_bars"])
    checks = checks_table(summary)
    if checks:
        shown["checks"] = ShownMarkdown(checks)
    walked = summary.get("walk_forward")
    if walked is not None:
        shown["walk_forward"] = ShownMarkdown(_walked(walked))
    for name in ("trials", "trials_in_ledger", "failed_trials", "own_trials"):
        if name in summary:
            shown[name] = int(summary[name])
    for name in _TRENDS:
        if summary.get(name) is not None:
            shown[name] = float(summary[name])
    return shown | {"file": str(summary["file"])}


def _no_verdict(study: StudySpec, summary: Row) -> str:
    if "best_value" in summary:
        return "None: the trials are not of the bars, settings and code as they are now."
    return f"No trial has a value of '{study.metric}': nothing can be said."


def _walked(found: Row) -> str:
    """Walk-forward optimization in one sentence and a line a window."""
    names = [name for fold in found["folds"] if fold["parameters"] for name in fold["parameters"]]
    heads = ["window", *dict.fromkeys(names), "Sharpe inside", "Sharpe outside"]
    lines = [_sentence(found), "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for fold in found["folds"][-12:]:
        chosen = fold["parameters"] or {}
        cells = [
            f"{fold['test_from']} to {fold['test_to']}",
            *(str(chosen.get(name, "-")).replace("|", "/") for name in heads[1:-2]),
            *(_number(fold[f"{side}_sharpe"]) for side in ("in_sample", "out_of_sample")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _sentence(found: Row) -> str:
    outside, inside = found["out_of_sample"]["sharpe"], found["in_sample"]["sharpe"]
    kept = found["efficiency"]
    told = f"Sharpe ratio {_number(outside)} out of sample, {_number(inside)} in sample"
    return told + (f": {100 * kept:.0f} % of it was kept." if kept is not None else ".")


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, (int, float)) else "-"
