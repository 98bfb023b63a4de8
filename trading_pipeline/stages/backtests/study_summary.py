"""What the trials of a study come to: the best of them, and how far it can be believed.

What was measured is written once. What depends on the ledger of all trials is computed whenever it
is asked for, because the ledger grows: the best of a study is judged by every trial up to now.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

from trading_pipeline.backtest.plausibility import SharpeLimits
from trading_pipeline.backtest.scenario_runner import ScenarioInputs, run_scenario
from trading_pipeline.domain.audit_records import AuditLog
from trading_pipeline.optimization.robustness import robustness
from trading_pipeline.reporting.page.search_verdict import search_verdict
from trading_pipeline.reporting.page.verdict import verdict
from trading_pipeline.settings.scenario import ScenarioSpec, StrategySpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.reports.leaderboard import judged_rows
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.sharpe_variance import SharpeVariance
from trading_pipeline.storage.stores.trial_ledger import INVALID
from trading_pipeline.strategies import StrategyCatalogue

__all__ = ["best_of", "judged_summary", "measured_best", "measured_search", "summary_of_trials"]

Row = dict[str, Any]
_SHOWN = (
    "audit",
    "audit_note",
    "warnings",
    "sharpe",
    "benchmark_sharpe",
    "total_return",
    "benchmark_total_return",
    "trade_count",
    "probabilistic_sharpe_ratio",
)
"""What is known of the best and stands in the summary under the same names."""
_DEFLATED = (
    "deflated_sharpe_ratio",
    "deflated_appraisal_ratio",
    "plain_deflated_sharpe_ratio",
    "minimum_backtest_years",
)
"""What a judged row may say of a number of trials."""
_COMPARED = ("expected_best_sharpe", "needed_sharpe", "bars_needed")
"""What a judged row says of the best that luck would show, and of what would stand out."""


def best_of(trials: Sequence[Row]) -> Row | None:
    """The valid trial with the highest value, the first among equals; None without any."""
    valued = _valued(trials)
    return max(valued, key=lambda trial: float(trial["value"])) if valued else None


def summary_of_trials(study: StudySpec, trials: Sequence[Row]) -> Row:
    """Number of trials, and the best, median and worst value of the valid ones.

    `best` is None where no trial has a value. Invalid trials are counted and named by number.
    """
    invalid = [int(trial["trial_no"]) for trial in trials if trial["status"] == INVALID]
    told = {"study": study.name, "trials": len(trials), "metric": study.metric}
    if invalid:
        told["invalid_trials"] = json.dumps(invalid)
    best = best_of(trials)
    if best is None:
        return {**told, "best": None}
    values = [float(trial["value"]) for trial in _valued(trials)]
    return {
        **told,
        "best_value": float(best["value"]),
        "median_value": statistics.median(values),
        "worst_value": min(values),
        "best_parameters": json.dumps(json.loads(best["parameters"]), sort_keys=True),
        "best_trial_no": int(best["trial_no"]),
    }


def measured_best(
    study: StudySpec,
    scenario: ScenarioSpec,
    best: Row,
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue,
    *,
    audits: AuditLog,
    limits: SharpeLimits,
    warnings: Sequence[str] = (),
) -> Row:
    """All metrics of the best trial and of buying and holding beside it, from a run of its own.

    Its Sharpe ratio equals the trial's to the last bit. Metrics that are undefined are None.
    `warnings`: what must be said of the inputs; those of the run follow. `audits` keeps the outcome
    of the best's audit, `limits` are the Sharpe ratios that are believed.
    """
    strategy = StrategySpec(type=study.strategy, params=json.loads(best["parameters"]))
    run = run_scenario(
        scenario.model_copy(update={"strategy": strategy}),
        inputs,
        strategies,
        audits=audits,
        sharpe_limits=limits,
    )
    return {
        "audit": run.result.audit,
        "audit_note": run.result.audit_note,
        "warnings": "\n".join((*warnings, *run.result.warnings)),
        **{name: None if value != value else value for name, value in run.metrics.items()},
    }


def measured_search(
    study: StudySpec,
    scenario: ScenarioSpec,
    trials: Sequence[Row],
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue,
    search: Sequence[Row] = (),
) -> Row:
    """The statistics of the search over the valid trials, by the keys of `robustness`.

    `search`: evaluations on parts of the bars too. Sets that were given up after a part have no
    value, and their returns on all bars count like those of the others: a choice among survivors
    would look too good. Empty where no trial has a value.
    """
    valued = _valued(trials)
    if not valued:
        return {}
    values = [float(trial["value"]) for trial in valued]
    seen = {trial["parameters_hash"] for trial in trials}
    given_up = {
        row["parameters_hash"]: row
        for row in search
        if row["parameters_hash"] not in seen and row["status"] in ("ok", "undefined")
    }
    parameters = [json.loads(row["parameters"]) for row in (*valued, *given_up.values())]
    values += [math.nan] * len(given_up)
    return robustness(study.strategy, scenario, inputs, parameters, values, strategies)


def judged_summary(workspace: Workspace, instrument_id: str, study: StudySpec, summary: Row) -> Row:
    """The summary, judged by all trials of the ledger up to now.

    Adds the best's Sharpe ratio and that of holding (a year), its probabilistic and its deflated
    Sharpe ratio, the number of trials and their variance, which these are, the annual Sharpe ratio
    that the best of as many trials without skill is expected to have, the one that would stand out
    and the bars that are missing for it, and the verdict, as on the leaderboard and as a sentence.
    `plain_` ratios are the published formulas, which take bars as independent.

    With `ledger: own` the deflated ratio by the study's own trials stands beside (`own_...`); the
    verdict never rests on it. Raises `DataQualityError` for a ledger that is not whole.
    """
    ledger, metrics = workspace.trials, summary.get("best_metrics")
    ledger.require_whole()
    told = {name: value for name, value in summary.items() if name != "best_metrics"}
    told["trials_in_ledger"] = ledger.count()
    if metrics is None:
        return told
    variance = ledger.sharpe_variance(instrument_id)
    audited = {name: summary[name] for name in ("audit", "audit_note") if name in summary}
    row = {**metrics, **audited, "instruments": instrument_id}
    row["warnings"] = _warnings(metrics, summary)
    judged = _judged(workspace, row, told["trials_in_ledger"], variance)
    told |= {name: metrics.get(name) for name in _SHOWN}
    told |= {
        **{name: judged[name] for name in _COMPARED},
        "plain_probabilistic_sharpe_ratio": metrics.get(
            "plain_probabilistic_sharpe_ratio", metrics.get("probabilistic_sharpe_ratio")
        ),
        **{name: judged[name] for name in _DEFLATED if name in judged},
        "trial_variance": variance.value,
        "variance_basis": variance.basis,
        "verdict": verdict(judged),
        "verdict_in_words": search_verdict(judged),
    }
    if study.ledger == "own":
        own = ledger.own_variance(study.name, instrument_id)
        count = ledger.count(study=study.name, instrument=instrument_id)
        alone = _judged(workspace, row, count, own)
        told |= {
            "own_trials": count,
            "own_trial_variance": own.value,
            **{f"own_{name}": alone[name] for name in _DEFLATED if name in alone},
            "own_expected_best_sharpe": alone["expected_best_sharpe"],
        }
    return told


def _warnings(metrics: Row, summary: Row) -> str:
    """What was said of the run and of the summary, each line once.

    The run that measures the best is not audited itself; where the summary says that its strategy
    passed, that line is left out.
    """
    lines = "\n".join(str(each.get("warnings") or "") for each in (summary, metrics)).split("\n")
    passed = summary.get("audit") == "passed"
    kept = [line for line in lines if line and not (passed and line.startswith("Not audited"))]
    return "\n".join(dict.fromkeys(kept))


def _judged(workspace: Workspace, row: Row, trials: int, variance: SharpeVariance) -> Row:
    given = {"trials": trials, "trial_variance": variance.value, "variance_basis": variance.basis}
    (judged,) = judged_rows(workspace, [{**row, **given}])
    return judged


def _valued(trials: Sequence[Row]) -> list[Row]:
    return [t for t in trials if t["value"] is not None and t["status"] != INVALID]
