"""The audit of a study: corners of its space and seeded sets before the sweep, the best after it.

A rule may look ahead with some parameters only. Many sets are audited together, each as columns of
one table, so that changed bars are made once for all of them; that is why they get fewer cuts and
rows than a single strategy. The set that is reported as the best gets the whole audit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from pydantic import JsonValue

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import (
    AuditLog,
    AuditMemory,
    AuditRecord,
    AuditSubject,
)
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.comparison import AuditTally, CausalityFinding, Compute
from trading_pipeline.features.audits.told_findings import as_details, found_words
from trading_pipeline.strategies import Market, StrategyCatalogue, StrategyParams
from trading_pipeline.strategies.lookahead_check import (
    audit_decisions,
    decision_columns,
    market_of,
    with_first_columns,
)
from trading_pipeline.strategies.strategy_audit import (
    covered_record,
    strategy_subject,
)

__all__ = ["audit_space", "sets_to_audit"]

Parameters = Mapping[str, JsonValue]
SEEDED_SETS = 20
_MOST_CORNERS = 16
_CUTS, _FUTURES, _CALLS = 2, 4, 12


def sets_to_audit(parameters: Sequence[Parameters], *, seed: int = 7) -> list[int]:
    """Rows of the parameter sets at the corners of a space, and of 20 drawn ones.

    A corner is the allowed set that lies furthest in one direction of all searched parameters, so
    one that a constraint forbids is replaced by the nearest allowed one. Of more than 16 corners
    (above four parameters) 16 are drawn. Each row is there once.

    >>> grid = [{"fast": f, "slow": s} for f in (5, 10, 15) for s in (10, 20, 30) if f < s]
    >>> [tuple(grid[row].values()) for row in sets_to_audit(grid)[:4]]
    [(5, 10), (5, 30), (15, 20), (15, 30)]
    """
    if not parameters:
        return []
    searched = _searched(parameters)
    ranks = np.zeros((len(parameters), max(len(searched), 1)))
    for column, name in enumerate(searched):
        values = pd.Series([_sortable(each[name]) for each in parameters])
        ranks[:, column] = pd.factorize(values, sort=True)[0]
    ranks /= np.maximum(ranks.max(axis=0), 1.0)
    generator = np.random.default_rng(seed)
    directions = np.array(list(product((-1.0, 1.0), repeat=min(ranks.shape[1], 12))))
    if len(directions) > _MOST_CORNERS:
        directions = generator.permutation(directions)[:_MOST_CORNERS]
    corners = [int(np.argmax(ranks[:, : directions.shape[1]] @ each)) for each in directions]
    drawn = generator.permutation(len(parameters))[: SEEDED_SETS + len(corners)].tolist()
    others = [row for row in drawn if row not in corners][:SEEDED_SETS]
    return list(dict.fromkeys([*corners, *others]))


def audit_space(
    strategies: StrategyCatalogue,
    name: str,
    many: Sequence[StrategyParams],
    market: Market,
    *,
    instrument: str,
    log: AuditLog | None = None,
) -> AuditRecord | None:
    """The outcome for a study's parameter sets on a market; None where nothing could be tried.

    Sets for which the strategy raises are left out; they become failed trials.

    A finding that is known for one of the sets, on whatever instrument, counts. A new one is kept
    for its set too, so that a backtest with these parameters is refused as well.
    """
    kept = AuditMemory() if log is None else log
    subjects = [strategy_subject(strategies, name, params) for params in many]
    known = kept.findings(subjects[0]) if subjects else []
    for record in known:
        if record.subject in subjects:
            return record
    rows = sets_to_audit([params.model_dump(mode="json") for params in many])
    rows = [row for row in rows if _has_signals(strategies, name, many[row], market)]
    if not rows:
        return None
    chosen = [many[row] for row in rows]
    subject = replace(
        subjects[0],
        audit_hash=code_hash(audit_space),
        parameters=json.dumps([subjects[row].parameters for row in rows]),
    )
    found: list[AuditRecord] = []

    def audit(first: int, tally: AuditTally) -> Sequence[CausalityFinding]:
        findings = audit_decisions(
            _side_by_side(strategies, name, chosen, market),
            market,
            memory=max(strategies.warmup_bars(name, each.model_dump()) for each in chosen),
            cuts=_CUTS,
            futures=_FUTURES,
            most_calls=_CALLS,
            seed=int(canonical_hash([name, instrument])[:8], 16),
            first=first,
            tally=tally,
        )
        found.extend(_by_set(findings, [subjects[row] for row in rows], instrument, market))
        return findings

    try:
        record = covered_record(
            subject, instrument, market, kept, audit,
            of_package=all(strategies.is_of_package(name, each) for each in chosen),
        )  # fmt: skip
    except InsufficientDataError:
        return None
    for each in found:
        kept.keep(each)
    return found[0] if found else record


def _has_signals(
    strategies: StrategyCatalogue, name: str, params: StrategyParams, market: Market
) -> bool:
    try:
        strategies.signals(name, market, params)
    except MemoryError:
        raise
    except Exception:  # whatever a strategy raises
        return False
    return True


def _searched(parameters: Sequence[Parameters]) -> list[str]:
    """Names of the parameters that differ."""
    return [
        name
        for name in parameters[0]
        if len({json.dumps(each[name], sort_keys=True) for each in parameters}) > 1
    ]


def _sortable(value: JsonValue) -> float | str:
    numeric = isinstance(value, (int, float))
    return float(value) if numeric else json.dumps(value)  # type: ignore[arg-type]


def _side_by_side(
    strategies: StrategyCatalogue, name: str, many: Sequence[StrategyParams], market: Market
) -> Compute:
    """Decisions of all sets in one table; a column's name begins with the number of its set."""

    fresh = [strategies.fresh_signals(name, params) for params in many]

    def compute(raw: pd.DataFrame) -> pd.DataFrame:
        seen = market_of(market, raw)  # shared, as in the sweep
        columns = {
            f"{number}:{field}": values
            for number, params in enumerate(many)
            for field, values in decision_columns(
                strategies.signals(name, seen, params) if seen is market else fresh[number](seen)
            ).items()
        }
        block = np.column_stack(list(columns.values()))
        return pd.DataFrame(block, index=raw.index, columns=list(columns))

    return with_first_columns(compute)


def _by_set(
    findings: Sequence[CausalityFinding],
    subjects: Sequence[AuditSubject],
    instrument: str,
    market: Market,
) -> list[AuditRecord]:
    """One record for each set in which something was found."""
    by_set: dict[int, list[CausalityFinding]] = {}
    for finding in findings:
        number, _, column = finding.column.partition(":")
        by_set.setdefault(int(number), []).append(replace(finding, column=column))
    return [
        AuditRecord(
            subject=subjects[number],
            instrument=instrument,
            bars=len(market),
            data_hash=market.data_hash(len(market)),
            cuts=0,
            slices=0,
            finding=found_words(found),
            details=as_details(found),
        )
        for number, found in by_set.items()
    ]
