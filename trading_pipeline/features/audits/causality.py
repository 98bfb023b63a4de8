"""This file holds the audit that proves a computation on bars reads no bar from the future.

Three recomputations on changed bars must give the same values: on the first n bars only, from
`warmup` bars before a row on, and with the bars after a row scrambled.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError, LookaheadError
from trading_pipeline.features.audits.comparison import (
    AuditName,
    CausalityFinding,
    Compute,
    compare_tables,
    computed_table,
    ensure_compared,
    random_cuts,
    scrambled_after,
    usual_sizes,
)
from trading_pipeline.features.audits.slices import audit_other_futures, audit_slices

__all__ = [
    "AuditName",
    "CausalityFinding",
    "Compute",
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
) -> list[CausalityFinding]:
    """Recompute on the first n bars, for `cuts` random n and for all but the last bar.

    The last `rows` rows of each must equal those of the whole, NaN equal to NaN, within `rtol` of
    the greater value. `compute` takes bars and gives a frame or series with the same index. At most
    one finding for a column and cut, its first row. `full`: the table of all bars, where the caller
    has it. Raises `InsufficientDataError` when the bars
    are too few for a single value to be compared.
    """
    full = computed_table(compute, bars) if full is None else full
    sizes = usual_sizes(full)
    findings: list[CausalityFinding] = []
    compared = 0
    for cut in random_cuts(full, cuts=cuts, rows=rows, seed=seed):
        part = computed_table(compute, bars.iloc[:cut])
        start = max(cut - rows, 0)
        found, count = compare_tables(
            "prefix_truncation", full, part, start, cut, 0, cut, rtol, sizes=sizes
        )
        findings += found
        compared += count
    ensure_compared(compared, bars, "prefix truncation")
    return findings


def audit_scrambled_future(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-9,
    full: pd.DataFrame | None = None,
) -> list[CausalityFinding]:
    """Permute the bars after a cut and scale each by a random factor; no row before may change.

    The scaling catches statistics of the whole column, which a permutation alone leaves as they
    are. Rows, findings and errors as in `audit_prefix_truncation`, but every row before the cut is
    compared; `rows` only keeps the cuts away from the first bars.
    """
    full = computed_table(compute, bars) if full is None else full
    generator = np.random.default_rng(seed)
    sizes = usual_sizes(full)
    findings: list[CausalityFinding] = []
    compared = 0
    for cut in random_cuts(full, cuts=cuts, rows=rows, seed=seed):
        part = computed_table(compute, scrambled_after(bars, cut, generator))
        found, count = compare_tables(
            "scrambled_future", full, part, 0, cut, 0, cut, rtol, sizes=sizes
        )
        findings += found
        compared += count
    ensure_compared(compared, bars, "the scrambled future")
    return findings


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
    may pass through 0). Raises `InsufficientDataError` when the bars are no more than the warm-up.
    """
    full = computed_table(compute, bars) if full is None else full
    columns = [str(column) for column in full.columns]
    needed = dict.fromkeys(columns, warmup) if isinstance(warmup, int) else dict(warmup)
    if set(needed) != set(columns):
        raise ConfigurationError(
            f"Warm-ups are declared for {', '.join(sorted(needed))}, but the columns computed are "
            f"{', '.join(sorted(columns))}. Declare one for each column."
        )
    generator = np.random.default_rng(seed)
    sizes = usual_sizes(full)
    findings: list[CausalityFinding] = []
    compared = 0
    for length in sorted(set(needed.values())):
        wanted = [column for column in columns if needed[column] == length]
        last = len(bars) - 1
        # from length + 1 on, so that at least one bar is taken away
        for row in sorted(generator.integers(length + 1, last + 1, cuts)) if last > length else []:
            first, stop = int(row) - length, min(int(row) + rows, len(bars))
            part = computed_table(compute, bars.iloc[first:stop])
            found, count = compare_tables(
                "warmup",
                full[wanted],
                part[wanted],
                int(row),
                stop,
                first,
                first,
                rtol,
                sizes=sizes,
                scaled=True,
            )
            findings += found
            compared += count
    ensure_compared(compared, bars, "the warm-up")
    return findings


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

    `memory`: bars that a value usually depends on; where it is given, other bars are put after many
    rows at once (`audits.slices`). `futures`: rows after which all bars are replaced, one a call.

    Raises `LookaheadError` that names the first offending row of `subject`, both values and the
    mend, all findings in `findings`; `ConfigurationError` likewise for a warm-up that is too short.
    """
    full = computed_table(compute, bars)
    findings = audit_prefix_truncation(compute, bars, cuts=cuts, rows=rows, seed=seed, full=full)
    findings += audit_scrambled_future(compute, bars, cuts=cuts, rows=rows, seed=seed, full=full)
    if memory is not None and not findings:
        findings += audit_slices(compute, bars, memory, seed=seed, full=full)
    if futures and not findings:
        findings += audit_other_futures(compute, bars, rows=futures, seed=seed, full=full)
    if findings:
        first = findings[0]
        others = sorted({finding.column for finding in findings} - {first.column})
        also = f" So do {', '.join(others)}." if others else ""
        raise LookaheadError(
            f"{subject} reads the future: column {first.column!r} at {first.ts} (row {first.row}) is "
            f"{first.value_with_future!r} with the later bars and {first.value_without_future!r} "
            f"without them.{also} {first.mend}",
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
            f"{subject} depends on where the bars begin: column {first.column!r} at {first.ts} (row "
            f"{first.row}) is {first.value_with_future!r} on all bars and "
            f"{first.value_without_future!r} from row {first.cut} on. {first.mend}",
            findings=findings,
            column=first.column,
            row=first.row,
        )
