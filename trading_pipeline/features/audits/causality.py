"""Audits that prove that a computation on bars reads no bar from the future.

Three recomputations on changed bars must give the same values: on the first n bars only, with the
bars after a row scrambled, and from `warmup` bars before a row on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError, LookaheadError
from trading_pipeline.features.audits.comparison import (
    AuditName,
    AuditTally,
    CausalityFinding,
    Compute,
    Recomputation,
    computed_table,
    differences,
    random_cuts,
    recomputed_table,
    scrambled_after,
)
from trading_pipeline.features.audits.slices import audit_other_futures, audit_slices

__all__ = [
    "AuditName",
    "CausalityFinding",
    "Compute",
    "audit_causality",
    "audit_prefix_truncation",
    "audit_scrambled_future",
    "audit_warmup",
    "ensure_causal",
]


def audit_prefix_truncation(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-9,
    full: pd.DataFrame | None = None,
    first: int = 0,
    tally: AuditTally | None = None,
    passing: tuple[type[Exception], ...] = (),
) -> list[CausalityFinding]:
    """Recompute on the first n bars, for `cuts` random n and for all but the last bar.

    Parameters
    ----------
    compute
        Takes bars and gives a frame or series with the same index.
    rows
        Rows before each cut that must equal those of the whole, NaN equal to NaN.
    rtol
        Allowed difference, as a share of the greater value.
    full
        The table of all bars, where the caller has it.
    first
        Rows that were audited when there were no more bars. The cuts lie after them and at their
        end, where all of them are compared.
    tally
        Takes the number of cuts that were tried.
    passing
        Errors of `compute` on fewer bars that make a cut impossible and are no finding.

    Returns
    -------
    At most one finding for a column and cut: the first row that differs.

    Raises
    ------
    InsufficientDataError
        When the bars are too few for a single value to be compared.
    """
    full = computed_table(compute, bars) if full is None else full

    def recomputations() -> Iterator[Recomputation]:
        for cut in random_cuts(full, cuts=cuts, rows=rows, seed=seed, first=first):
            try:
                part = recomputed_table(compute, bars.iloc[:cut], full)
            except passing:
                continue
            _count_cut(tally)
            start = 0 if cut == first else max(cut - rows, 0)
            yield Recomputation(table=part, start=start, stop=cut, cut=cut)

    return differences("prefix_truncation", full, recomputations(), rtol=rtol)


def audit_scrambled_future(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-9,
    full: pd.DataFrame | None = None,
    first: int = 0,
    tally: AuditTally | None = None,
    passing: tuple[type[Exception], ...] = (),
) -> list[CausalityFinding]:
    """Permute the bars after a cut and scale each by a random factor; no row before may change.

    The scaling catches statistics of the whole column, which a permutation alone leaves as they
    are. Parameters, findings and errors as in `audit_prefix_truncation`, but every row before the
    cut is compared; `rows` only keeps the cuts away from the first bars.
    """
    full = computed_table(compute, bars) if full is None else full
    generator = np.random.default_rng(seed)

    def recomputations() -> Iterator[Recomputation]:
        for cut in random_cuts(full, cuts=cuts, rows=rows, seed=seed, first=first):
            changed = scrambled_after(bars, cut, generator)
            try:
                part = recomputed_table(compute, changed, full)
            except passing:
                continue
            _count_cut(tally)
            yield Recomputation(table=part, start=0, stop=cut, cut=cut)

    return differences("scrambled_future", full, recomputations(), rtol=rtol)


def audit_warmup(
    compute: Compute,
    bars: pd.DataFrame,
    warmup: int | Mapping[str, int],
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-6,
    full: pd.DataFrame | None = None,
) -> list[CausalityFinding]:
    """Recompute from `warmup` bars before a row on; from that row on nothing may change.

    `warmup`: bars for all columns, or by column. Compared are `rows` rows from each of `cuts`
    random rows on, within `rtol` of the greater of the value and the column's usual size (a value
    may pass through 0). Raises `InsufficientDataError` when there are no more bars than the
    warm-up.
    """
    full = computed_table(compute, bars) if full is None else full
    columns = list(full.columns)
    needed = dict.fromkeys(columns, warmup) if isinstance(warmup, int) else dict(warmup)
    if set(needed) != set(columns):
        raise ConfigurationError(
            f"Warm-ups are declared for {', '.join(sorted(needed))}, but the columns computed are "
            f"{', '.join(sorted(columns))}. Declare one for each column."
        )

    def recomputations() -> Iterator[Recomputation]:
        generator = np.random.default_rng(seed)
        for length in sorted(set(needed.values())):
            if len(bars) <= length + 1:
                continue
            wanted = [column for column in columns if needed[column] == length]
            # from length + 1 on, so that at least one bar is removed
            for row in map(int, sorted(generator.integers(length + 1, len(bars), cuts))):
                first, stop = row - length, min(row + rows, len(bars))
                part = recomputed_table(compute, bars.iloc[first:stop], full)[wanted]
                yield Recomputation(table=part, start=row, stop=stop, cut=first, offset=first)

    return differences("warmup", full, recomputations(), rtol=rtol, scaled=True)


def audit_causality(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    memory: int | None = None,
    futures: int = 0,
    full: pd.DataFrame | None = None,
    first: int = 0,
    tally: AuditTally | None = None,
    passing: tuple[type[Exception], ...] = (),
    most_calls: int = 200,
) -> list[CausalityFinding]:
    """Prefixes and scrambled futures and, where these find nothing, other bars after many rows.

    `memory`: bars that a value usually depends on; where it is given, other bars are put after many
    rows at once (`audits.slices`). `futures`: rows after which all bars are replaced, one a call.
    `first`, `tally` and `passing` as in `audit_prefix_truncation`, `most_calls` as in
    `audit_slices`.
    """
    full = computed_table(compute, bars) if full is None else full
    findings: list[CausalityFinding] = []
    for audit in (audit_prefix_truncation, audit_scrambled_future):
        findings += audit(
            compute, bars, cuts=cuts, rows=rows, seed=seed, full=full, first=first, tally=tally,
            passing=passing,
        )  # fmt: skip
    if memory is not None and not findings:
        findings += audit_slices(
            compute, bars, memory, seed=seed, full=full, first=first, tally=tally,
            most_calls=most_calls,
        )  # fmt: skip
    if futures and not findings:
        findings += audit_other_futures(
            compute, bars, rows=futures, seed=seed, full=full, first=first, tally=tally
        )
    return findings


def _count_cut(tally: AuditTally | None) -> None:
    if tally is not None:
        tally.cuts += 1


def ensure_causal(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    subject: str = "the computation",
    warmup: int | Mapping[str, int] | None = None,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    memory: int | None = None,
    futures: int = 0,
) -> None:
    """Pass when no audit finds anything; `warmup` is audited where it is given.

    `memory` and `futures` as in `audit_causality`. Raises `LookaheadError` that names the first
    offending row of `subject`, both values and the fix, with all findings in `findings`;
    `ConfigurationError` likewise for a warm-up that is too short.
    """
    full = computed_table(compute, bars)
    findings = audit_causality(
        compute, bars, cuts=cuts, rows=rows, seed=seed, memory=memory, futures=futures, full=full
    )
    if findings:
        first = findings[0]
        others = sorted({finding.column for finding in findings} - {first.column})
        also = f" So do {', '.join(others)}." if others else ""
        raise LookaheadError(
            f"{subject} reads the future: column {first.column!r} at {first.ts} (row {first.row}) "
            f"is {first.value_with_future!r} with the later bars and "
            f"{first.value_without_future!r} without them.{also} {first.mend}",
            findings=findings,
            column=first.column,
            row=first.row,
        )
    if warmup is None:
        return
    findings = audit_warmup(compute, bars, warmup, cuts=cuts, rows=rows, seed=seed, full=full)
    if findings:
        first = findings[0]
        raise ConfigurationError(
            f"{subject} depends on where the bars begin: column {first.column!r} at {first.ts} "
            f"(row {first.row}) is {first.value_with_future!r} on all bars and "
            f"{first.value_without_future!r} from row {first.cut} on. {first.mend}",
            findings=findings,
            column=first.column,
            row=first.row,
        )
