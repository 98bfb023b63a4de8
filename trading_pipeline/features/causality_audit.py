"""This file holds the audit that proves a computation on bars reads no bar from the future.

Three recomputations on changed bars must give the same values: on the first n bars only, from
`warmup` bars before a row on, and with the bars after a row scrambled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    LookaheadError,
)

__all__ = [
    "AuditName",
    "CausalityFinding",
    "Compute",
    "audit_prefix_truncation",
    "audit_scrambled_future",
    "audit_warmup",
    "ensure_causal",
]

Compute = Callable[[pd.DataFrame], "pd.DataFrame | pd.Series"]
AuditName = Literal["prefix_truncation", "warmup", "scrambled_future"]
FloatArray = npt.NDArray[np.float64]
_NEGLIGIBLE = 1e-12  # of a column's usual size: rounding, not knowledge
_MEND = {
    "prefix_truncation": (
        "Use only bars up to the row: no shift by a negative number, no centred window, no backward "
        "fill, no statistic of the whole column."
    ),
    "scrambled_future": (
        "Use only bars up to the row: replace statistics of the whole column by expanding or "
        "rolling ones, and drop negative shifts, centred windows and backward fills."
    ),
    "warmup": (
        "Declare a longer warm-up, or use a difference, a ratio or a rolling window in place of a sum "
        "from the first bar on."
    ),
}


@dataclass(frozen=True, kw_only=True)
class CausalityFinding:
    """One value that changed although no bar it may use did.

    `row`: position in the bars, `ts` its bar. `value_with_future`: computed on all bars;
    `value_without_future`: with the later (for `warmup`: the far earlier) bars taken away or
    scrambled. `cut`: position of the first bar that was taken away or scrambled, or, for `warmup`,
    that was kept. `mend`: what to do about it.
    """

    audit: AuditName
    column: str
    ts: pd.Timestamp
    row: int
    cut: int
    value_with_future: float
    value_without_future: float
    mend: str


def audit_prefix_truncation(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-9,
) -> list[CausalityFinding]:
    """Recompute on the first n bars, for `cuts` random n and for all but the last bar.

    The last `rows` rows of each must equal those of the whole, NaN equal to NaN, within `rtol` of
    the greater value. `compute` takes bars and gives a frame or series with the same index. At most
    one finding for a column and cut, its first row. Raises `InsufficientDataError` when the bars
    are too few for a single value to be compared.
    """
    full = _table(compute, bars)
    findings: list[CausalityFinding] = []
    compared = 0
    for cut in _cuts(full, cuts=cuts, rows=rows, seed=seed):
        part = _table(compute, bars.iloc[:cut])
        start = max(cut - rows, 0)
        found, count = _compare("prefix_truncation", full, part, start, cut, 0, cut, rtol)
        findings += found
        compared += count
    _ensure_compared(compared, bars, "prefix truncation")
    return findings


def audit_scrambled_future(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    cuts: int = 5,
    rows: int = 50,
    seed: int = 7,
    rtol: float = 1e-9,
) -> list[CausalityFinding]:
    """Permute the bars after a cut and scale each by a random factor; no row before may change.

    The scaling catches statistics of the whole column, which a permutation alone leaves as they
    are. Rows, findings and errors as in `audit_prefix_truncation`, but every row before the cut is
    compared; `rows` only keeps the cuts away from the first bars.
    """
    full = _table(compute, bars)
    generator = np.random.default_rng(seed)
    findings: list[CausalityFinding] = []
    compared = 0
    for cut in _cuts(full, cuts=cuts, rows=rows, seed=seed):
        part = _table(compute, _scrambled(bars, cut, generator))
        found, count = _compare("scrambled_future", full, part, 0, cut, 0, cut, rtol)
        findings += found
        compared += count
    _ensure_compared(compared, bars, "the scrambled future")
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
) -> list[CausalityFinding]:
    """Recompute from `warmup` bars before a row on; from that row on nothing may change.

    `warmup`: bars for all columns, or by column. Compared are `rows` rows from each of `cuts`
    random rows on, within `rtol` of the greater of the value and the column's usual size (a value
    may pass through 0). Raises `InsufficientDataError` when the bars are no more than the warm-up.
    """
    full = _table(compute, bars)
    columns = [str(column) for column in full.columns]
    needed = dict.fromkeys(columns, warmup) if isinstance(warmup, int) else dict(warmup)
    if set(needed) != set(columns):
        raise ConfigurationError(
            f"Warm-ups are declared for {', '.join(sorted(needed))}, but the columns computed are "
            f"{', '.join(sorted(columns))}. Declare one for each column."
        )
    generator = np.random.default_rng(seed)
    findings: list[CausalityFinding] = []
    compared = 0
    for length in sorted(set(needed.values())):
        wanted = [column for column in columns if needed[column] == length]
        last = len(bars) - 1
        # from length + 1 on, so that at least one bar is taken away
        for row in sorted(generator.integers(length + 1, last + 1, cuts)) if last > length else []:
            first, stop = int(row) - length, min(int(row) + rows, len(bars))
            part = _table(compute, bars.iloc[first:stop])
            found, count = _compare(
                "warmup",
                full[wanted],
                part[wanted],
                int(row),
                stop,
                first,
                first,
                rtol,
                scaled=True,
            )
            findings += found
            compared += count
    _ensure_compared(compared, bars, "the warm-up")
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
) -> None:
    """Pass when no audit finds anything; `warmup` is audited where it is given.

    Raises `LookaheadError` that names the first offending row of `subject`, both values and the
    mend, all findings in `findings`; `ConfigurationError` likewise for a warm-up that is too short.
    """
    findings = audit_prefix_truncation(compute, bars, cuts=cuts, rows=rows, seed=seed)
    findings += audit_scrambled_future(compute, bars, cuts=cuts, rows=rows, seed=seed)
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
    findings = audit_warmup(compute, bars, warmup, cuts=cuts, rows=rows, seed=seed)
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


def _table(compute: Compute, bars: pd.DataFrame) -> pd.DataFrame:
    # a copy, so that a computation that writes into its input cannot pass values on
    result = compute(bars.copy())
    table = result.to_frame() if isinstance(result, pd.Series) else result
    if not table.index.equals(bars.index):
        raise DataQualityError(
            f"The computation gave {len(table)} rows for {len(bars)} bars, or other stamps; it must "
            "give one row for each bar, with the same index."
        )
    return table.set_axis([str(column) for column in table.columns], axis=1).astype("float64")


def _cuts(full: pd.DataFrame, *, cuts: int, rows: int, seed: int) -> Iterator[int]:
    """Random numbers of first bars to keep, then all but the last; past the warm-up if possible."""
    last = len(full) - 1
    if last < 1:
        raise InsufficientDataError(
            f"{len(full)} bars are too few to take any away; an audit needs 2 or more.",
            rows=len(full),
        )
    begins = [_first_number(full[column].to_numpy()) for column in full.columns]
    begin = max((one for one in begins if one < len(full)), default=0)
    low = min(max(begin + rows, 1), last)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(low, last + 1, cuts)
    yield from sorted({*(int(cut) for cut in drawn), last})


def _scrambled(bars: pd.DataFrame, cut: int, generator: np.random.Generator) -> pd.DataFrame:
    order = np.concatenate([np.arange(cut), cut + generator.permutation(len(bars) - cut)])
    values = bars.to_numpy(dtype="float64")[order]
    values[cut:] *= np.exp(generator.normal(0.5, 0.5, size=(len(bars) - cut, 1)))
    return pd.DataFrame(values, index=bars.index, columns=bars.columns)


def _compare(
    audit: AuditName,
    full: pd.DataFrame,
    part: pd.DataFrame,
    start: int,
    stop: int,
    offset: int,
    cut: int,
    rtol: float,
    *,
    scaled: bool = False,
) -> tuple[list[CausalityFinding], int]:
    """Differences in rows `start <= row < stop` of `full`; row 0 of `part` is row `offset` of it."""
    if list(full.columns) != list(part.columns):
        raise DataQualityError(
            f"The computation gave the columns {', '.join(full.columns)} on all bars and "
            f"{', '.join(part.columns)} on some of them; the columns must not depend on the bars."
        )
    findings: list[CausalityFinding] = []
    compared = 0
    for column in full.columns:
        whole = full[column].to_numpy()
        expected, given = whole[start:stop], part[column].to_numpy()[start - offset : stop - offset]
        size = _usual_size(whole)
        # NaN counts as a value once the column has begun, as in a column of rare events
        compared += max(stop - max(start, _first_number(whole)), 0)
        differing = np.flatnonzero(~_equal(expected, given, size, rtol, scaled=scaled))
        if differing.size:
            row = start + int(differing[0])
            findings.append(
                CausalityFinding(
                    audit=audit,
                    column=column,
                    ts=full.index[row],
                    row=row,
                    cut=cut,
                    value_with_future=float(expected[differing[0]]),
                    value_without_future=float(given[differing[0]]),
                    mend=_MEND[audit],
                )
            )
    return findings, compared


def _first_number(values: FloatArray) -> int:
    return int(np.append(np.flatnonzero(~np.isnan(values)), len(values))[0])


def _usual_size(values: FloatArray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(np.median(finite)) if finite.size else 0.0


def _equal(
    expected: FloatArray, given: FloatArray, size: float, rtol: float, *, scaled: bool
) -> npt.NDArray[np.bool_]:
    both_nan = np.isnan(expected) & np.isnan(given)
    greater = np.fmax(np.abs(expected), np.abs(given))
    reference = np.fmax(greater, size) if scaled else greater
    with np.errstate(invalid="ignore"):
        near = np.abs(expected - given) <= rtol * reference + _NEGLIGIBLE * size
    same: npt.NDArray[np.bool_] = both_nan | (expected == given) | near
    return same


def _ensure_compared(compared: int, bars: pd.DataFrame, what: str) -> None:
    if not compared:
        raise InsufficientDataError(
            f"The audit of {what} had no value to compare on {len(bars)} bars: all rows are still in "
            "the warm-up. Give more bars.",
            rows=len(bars),
        )
