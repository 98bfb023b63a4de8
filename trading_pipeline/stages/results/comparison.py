"""Stored results side by side: each metric, its difference from the first, and what to mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance import METRIC_NAMES
from trading_pipeline.stages.results.settings_difference import differing_settings
from trading_pipeline.stages.results.stored_scenario import stored_lineage
from trading_pipeline.storage.stores.result_queries import ResultQueries

__all__ = ["Comparison", "compared_results"]

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two results or more; every list is in the order of `rows`.

    `rows`: of `backtest_results`. `metrics`: values by name; None where a result has none.
    `differences`: of each result from the first. `settings`: keys of the scenarios that differ,
    with each result's value, where the scenarios are stored. `notes`: why numbers may not be
    comparable.
    """

    rows: Sequence[Row]
    metrics: dict[str, list[float | None]]
    differences: dict[str, list[float | None]]
    settings: dict[str, list[str]]
    notes: list[str]


def compared_results(
    queries: ResultQueries, runtime: Path, beginnings: Sequence[str]
) -> Comparison:
    """Compare results by their ids, or by how these begin.

    Raises `ConfigurationError` for fewer than two results or one given twice, and as
    `ResultQueries.resolve` does.
    """
    with queries.moment():
        ids = [queries.resolve(text) for text in beginnings]
        if len(set(ids)) < len(ids) or len(ids) < 2:
            raise ConfigurationError(
                f"{len(set(ids))} different result(s) were given: {', '.join(ids) or 'none'}. "
                "Give two or more, each once.",
                results=ids,
            )
        rows = queries.rows_of(ids)
        instruments = queries.instruments_of(ids)
    metrics = {name: [row.get(name) for row in rows] for name in METRIC_NAMES}
    return Comparison(
        rows=rows,
        metrics=metrics,
        differences={
            name: [
                None if value is None or values[0] is None else value - values[0]
                for value in values
            ]
            for name, values in metrics.items()
        },
        settings=_settings(runtime, ids),
        notes=_notes(rows, instruments),
    )


def _settings(runtime: Path, ids: Sequence[str]) -> dict[str, list[str]]:
    """Keys that differ from the first scenario in any other, with the value of each."""
    lineages = [stored_lineage(runtime, result_id) for result_id in ids]
    if any(each is None for each in lineages):
        return {}
    scenarios = [each.scenario for each in lineages if each is not None]
    differing = [differing_settings(scenarios[0], other) for other in scenarios[1:]]
    keys = dict.fromkeys(key for each in differing for key in each)
    first = {key: next(each[key][0] for each in differing if key in each) for key in keys}
    return {
        key: [first[key], *(each[key][1] if key in each else first[key] for each in differing)]
        for key in keys
    }


def _notes(rows: Sequence[Row], instruments: Mapping[str, Row]) -> list[str]:
    found = []
    for noun, values in (
        ("spans", [f"{row['from_ts']:%Y-%m-%d} to {row['to_ts']:%Y-%m-%d}" for row in rows]),
        ("currencies", [_currency(row, instruments) for row in rows]),
        ("instruments", [str(row["instruments"]) for row in rows]),
        ("bars a year", [f"{row.get('periods_per_year') or 0:g}" for row in rows]),
    ):
        if len(set(values)) > 1:
            told = "; ".join(
                f"{row['result_id']}: {value}" for row, value in zip(rows, values, strict=True)
            )
            found.append(f"{_MEANING[noun]} {told}.")
    return found


_MEANING = {
    "spans": "The spans differ, so returns and drawdowns are of different times:",
    "currencies": "The currencies differ, so amounts of money cannot be compared:",
    "instruments": "The instruments differ, so a difference may be that of the markets:",
    "bars a year": "The numbers of bars a year differ, so numbers of bars cannot be compared:",
}


def _currency(row: Row, instruments: Mapping[str, Row]) -> str:
    names = str(row["instruments"]).split(INSTRUMENT_SEPARATOR)
    known = {str(instruments[name]["currency"]) for name in names if name in instruments}
    return ", ".join(sorted(known)) or "unknown"
