"""The audit for rare leaks on a feature set: columns of like memory are judged together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from trading_pipeline.features.audits.comparison import AuditTally, CausalityFinding, Compute
from trading_pipeline.features.audits.slices import audit_other_futures, audit_slices
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import FeatureSet, FeatureSpec, compute_features

__all__ = ["audit_set_slices"]

_FUTURES = 100  # rows tried for columns that remember all bars
_MEMORIES = (2, 20, 60, 200)
"""Limits of like memories; the more bars a value remembers, the fewer rows fit into one call."""


def audit_set_slices(
    chosen: FeatureSet,
    bars: pd.DataFrame,
    full: pd.DataFrame,
    *,
    context: FeatureContext | None = None,
    found: Collection[str] = (),
    seed: int = 7,
    tally: AuditTally | None = None,
) -> list[CausalityFinding]:
    """Other bars after as many rows as time allows, for each column but those of `found`.

    `full`: the columns of all bars. At most one finding a column.
    """
    groups: dict[int | None, list[FeatureSpec]] = {}
    for spec in chosen.specs:
        if spec.name not in found:
            warmup = spec.warmup_in(context)
            band = None if spec.memory == "all" else sum(warmup > limit for limit in _MEMORIES)
            groups.setdefault(band, []).append(spec)
    findings: list[CausalityFinding] = []
    for band, specs in groups.items():
        part = replace(chosen, specs=tuple(specs))
        columns, work = full[list(part.columns)], _work(part, context)
        if band is None:
            findings += audit_other_futures(
                work, bars, rows=_FUTURES, seed=seed, full=columns, tally=tally
            )
        else:
            memory = part.warmup_in(context)
            findings += audit_slices(work, bars, memory, seed=seed, full=columns, tally=tally)
    return findings


def _work(part: FeatureSet, context: FeatureContext | None) -> Compute:
    return lambda rows: compute_features(part, rows, context=context, complete=False)
