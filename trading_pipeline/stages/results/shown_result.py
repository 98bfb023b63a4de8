"""Everything that is known of one stored result, as values: for a page, a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance import METRIC_NAMES, summarize
from trading_pipeline.reporting.page.verdict import verdict
from trading_pipeline.stages.backtests.stored_results import result_damage, result_frame
from trading_pipeline.stages.reports.leaderboard import judged_now
from trading_pipeline.stages.results.settings_difference import differing_settings
from trading_pipeline.stages.results.stored_scenario import scenario_of_files, stored_lineage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.result_queries import ResultQueries, with_counts

__all__ = ["HASHES", "ShownMetric", "ShownResult", "shown_result"]

HASHES = ("settings", "bars", "features", "predictions", "code", "content")
_FACTS = (
    "result_id", "scenario", "strategy", "instruments", "from_ts", "to_ts", "created_at", "run_id",
    "audit", "audit_note",
)  # fmt: skip


_FOLD = ("model_id", "window", "train_from", "train_to", "last_label_end", "rows")


@dataclass(frozen=True, kw_only=True)
class ShownMetric:
    """A metric, its 90 % interval where it has one, and the same of the benchmark."""

    value: float | None
    low: float | None = None
    high: float | None = None
    benchmark: float | None = None


@dataclass(frozen=True, kw_only=True)
class ShownResult:
    """A stored result.

    `facts`: who and when, see the columns of `backtest_results`. `settings`: of the scenario as it
    was stored, None where it was not. `changed_settings`: keys that the scenario's file has
    differently now, then and now; None where no file has it any more or nothing was stored.
    `models`: ids that predicted, by instrument and name; `folds`: what each of them that is still
    stored learned from. `verdict`: by all trials of today's ledger. `page`: of its report, None
    where there is none.
    """

    facts: Mapping[str, Any]
    parameters: Mapping[str, Any]
    currency: str | None
    metrics: Mapping[str, ShownMetric]
    settings: Mapping[str, Any] | None
    changed_settings: Mapping[str, tuple[str, str]] | None
    hashes: Mapping[str, str]
    models: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    folds: tuple[Mapping[str, Any], ...] = ()
    engine_version: str = ""
    warnings: tuple[str, ...] = ()
    verdict: str = ""
    trials: int = 0
    trials_at_creation: int = 0
    page: str | None = None


def shown_result(workspace: Workspace, result_id: str) -> ShownResult:
    """All that is stored of a result, and its verdict as of today.

    A damaged result says so first in its warnings. Raises `UnknownNameError` for an unknown id.
    """
    with workspace.warehouse.read():
        row = workspace.results.require(result_id)
        damage = result_damage(workspace, result_id)
        instruments = ResultQueries(workspace.warehouse).instruments_of([result_id])
        words, trials, warnings = _judged(workspace, row)
    if damage:
        warnings.insert(0, f"Damaged: {damage}.")
    runtime = workspace.settings.runtime
    lineage = None if damage else stored_lineage(runtime, result_id)
    models = {} if lineage is None else lineage.models
    now = scenario_of_files(workspace, row["scenario"])
    page = workspace.reports / f"{result_id}.html"
    currencies = sorted({str(each["currency"]) for each in instruments.values()})
    return ShownResult(
        facts={name: row[name] for name in _FACTS},
        parameters=json.loads(row["parameters"] or "{}"),
        currency=", ".join(currencies) or None,
        metrics=_metrics(row, {} if damage else _benchmark(workspace, row)),
        settings=None if lineage is None else lineage.scenario.model_dump(mode="json"),
        changed_settings=(
            None if lineage is None or now is None else differing_settings(lineage.scenario, now)
        ),
        hashes={name: row[f"{name}_hash"] or "" for name in HASHES},
        models=models,
        folds=_folds(workspace, models),
        engine_version="" if lineage is None else lineage.engine_version,
        warnings=tuple(warnings),
        verdict=words,
        trials=trials,
        trials_at_creation=int(row["trials_at_creation"] or 0),
        page=str(page) if page.is_file() else None,
    )


def _judged(workspace: Workspace, row: dict[str, Any]) -> tuple[str, int, list[str]]:
    """Verdict by the ledger as it is now, the number of its trials, and the warnings."""
    try:
        row = judged_now(workspace, row)
        words, trials = verdict(row), int(row["trials"])
    except DataQualityError as error:
        words, trials = f"Not judged: {error}", workspace.trials.count()
    return words, trials, [text for text in str(row["warnings"] or "").split("\n") if text]


def _folds(
    workspace: Workspace, models: Mapping[str, Mapping[str, list[str]]]
) -> tuple[Mapping[str, Any], ...]:
    wanted = [name for each in models.values() for ids in each.values() for name in ids]
    rows = workspace.models.by_id(wanted) if wanted else {}
    return tuple(
        {column: rows[name][column] for column in _FOLD} for name in wanted if name in rows
    )


def _benchmark(workspace: Workspace, row: Mapping[str, Any]) -> Mapping[str, float]:
    held = result_frame(workspace, row["result_id"], "benchmark")["equity"]
    stored = row.get("periods_per_year")
    return summarize(
        held.to_numpy(),
        periods_per_year=float(row["bars"] / row["years"] if stored is None else stored),
        stamps=pd.DatetimeIndex(held.index),
        initial_equity=float(row["initial_equity"]),
    )


def _metrics(row: Mapping[str, Any], held: Mapping[str, float]) -> dict[str, ShownMetric]:
    values = with_counts(dict(row))
    others = with_counts({name: value for name, value in held.items() if value == value})
    return {
        name: ShownMetric(
            value=values[name],
            low=row.get(f"{name}_low"),
            high=row.get(f"{name}_high"),
            benchmark=others.get(name),
        )
        for name in METRIC_NAMES
        if name in row
    }
