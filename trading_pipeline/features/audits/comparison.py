"""What every audit of look-ahead compares with: tables computed from changed bars, and findings.

A finding is one value that changed although no bar it may use did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.features.arrays import BoolArray, FloatArray

__all__ = [
    "FIXES",
    "AuditName",
    "AuditTally",
    "CausalityFinding",
    "Compute",
    "Recomputation",
    "computed_table",
    "differences",
    "random_cuts",
    "recomputed_table",
    "scrambled_after",
    "usual_size",
]

Compute = Callable[[pd.DataFrame], "pd.DataFrame | pd.Series"]
AuditName = Literal[
    "prefix_truncation", "warmup", "scrambled_future", "label_span", "permuted_labels"
]
_NEGLIGIBLE = 1e-12  # of a column's usual size: rounding, not knowledge
FIXES: dict[AuditName, str] = {
    "prefix_truncation": (
        "Use only bars up to the row: no shift by a negative number, no centred window, no "
        "backward fill, no statistic of the whole column."
    ),
    "scrambled_future": (
        "Use only bars up to the row: replace statistics of the whole column by expanding or "
        "rolling ones, and drop negative shifts, centred windows and backward fills."
    ),
    "warmup": (
        "Declare a longer warm-up, or use a difference, a ratio or a rolling window in place of a "
        "sum from the first bar on."
    ),
    "label_span": (
        "Let a label depend on the bars after its own up to the one that ends it (t1), and on no "
        "statistic of the whole column; give the t1 at which its last bar is known."
    ),
    "permuted_labels": (
        "Fit, scale and choose on the training rows only, and keep outcomes out of the inputs."
    ),
}
"""How to fix what each audit finds."""


@dataclass(frozen=True, kw_only=True)
class CausalityFinding:
    """One value that changed although no bar it may use did.

    `row`: position in the bars, `ts` its bar. `value_with_future`: computed on all bars;
    `value_without_future`: with the later (for `warmup`: the much earlier) bars removed or
    scrambled; NaN where the value is no number. `cut`: position of the first bar that was removed
    or scrambled, or, for `warmup`, that was kept. `mend`: how to fix it.
    """

    audit: AuditName
    column: str
    ts: pd.Timestamp
    row: int
    cut: int
    value_with_future: float
    value_without_future: float
    mend: str

    @classmethod
    def at(
        cls,
        index: pd.Index,
        row: int,
        audit: AuditName,
        column: str,
        cut: int,
        values: tuple[object, object],
        *,
        mend: str | None = None,
    ) -> CausalityFinding:
        """A finding at position `row` of `index`; `values` with and without the future."""
        with_future, without_future = (
            float(value) if isinstance(value, (int, float, np.number)) else np.nan
            for value in values
        )
        return cls(
            audit=audit,
            column=column,
            ts=index[row],
            row=row,
            cut=cut,
            value_with_future=with_future,
            value_without_future=without_future,
            mend=mend or FIXES[audit],
        )

    def sentence(self) -> str:
        """The finding in words: column, row, both values and the fix."""
        return (
            f"{self.audit}: column {self.column!r} at {self.ts} (row {self.row}) is "
            f"{self.value_with_future!r} with the bars it must not use and "
            f"{self.value_without_future!r} without them. {self.mend}"
        )


@dataclass
class AuditTally:
    """How much an audit tried: bars at which it cut, and rows that got another future."""

    cuts: int = 0
    slices: int = 0


@dataclass(frozen=True, kw_only=True)
class Recomputation:
    """A table computed from changed bars, of which rows `start <= row < stop` must be unchanged.

    Rows are counted in all bars; the table's own first row is row `offset`. `cut`: as in
    `CausalityFinding`.
    """

    table: pd.DataFrame
    start: int
    stop: int
    cut: int
    offset: int = 0


def computed_table(compute: Compute, bars: pd.DataFrame) -> pd.DataFrame:
    """What `compute` gives for a copy of the bars, as float64 columns with names that are text."""
    # a copy, so that a computation that writes into its input cannot pass values on
    result = compute(bars.copy())
    table = result.to_frame() if isinstance(result, pd.Series) else result
    if not table.index.equals(bars.index):
        raise DataQualityError(
            f"The computation gave {len(table)} rows for {len(bars)} bars, or other stamps; it "
            "must give one row for each bar, with the same index."
        )
    names = [str(column) for column in table.columns]
    if names != list(table.columns):
        table = table.set_axis(names, axis=1)
    return table.astype("float64")


def recomputed_table(compute: Compute, bars: pd.DataFrame, full: pd.DataFrame) -> pd.DataFrame:
    """`computed_table` of changed bars; its columns must be those of `full`, the table of all."""
    table = computed_table(compute, bars)
    if list(full.columns) != list(table.columns):
        raise DataQualityError(
            f"The computation gave the columns {', '.join(full.columns)} on all bars and "
            f"{', '.join(table.columns)} on some of them; the columns must not depend on the bars."
        )
    return table


def random_cuts(
    full: pd.DataFrame, *, cuts: int, rows: int, seed: int, first: int = 0
) -> Iterator[int]:
    """Random numbers of bars to keep, then all but the last; past the warm-up if possible.

    `first`: rows that were audited before; the cuts lie after them, and one at their end.
    """
    last = len(full) - 1
    if last < 1:
        raise InsufficientDataError(
            f"{len(full)} bars are too few to remove any; an audit needs 2 or more.",
            rows=len(full),
        )
    begins = [_first_number(full[column].to_numpy()) for column in full.columns]
    begin = max((one for one in begins if one < len(full)), default=0)
    low = min(max(begin + rows, 1, first), last)
    drawn = np.random.default_rng(seed).integers(low, last + 1, cuts)
    between = {first} if 0 < first < last else set()
    yield from sorted({*(int(cut) for cut in drawn), *between, last})


def scrambled_after(bars: pd.DataFrame, cut: int, generator: np.random.Generator) -> pd.DataFrame:
    """The bars with those from position `cut` on permuted, each scaled by a random factor."""
    order = np.concatenate([np.arange(cut), cut + generator.permutation(len(bars) - cut)])
    values = bars.to_numpy(dtype="float64")[order]
    values[cut:] *= np.exp(generator.normal(0.5, 0.5, size=(len(bars) - cut, 1)))
    return pd.DataFrame(values, index=bars.index, columns=bars.columns)


def differences(
    audit: AuditName,
    full: pd.DataFrame,
    recomputations: Iterable[Recomputation],
    *,
    rtol: float,
    scaled: bool = False,
    sizes: Mapping[str, float] | None = None,
) -> list[CausalityFinding]:
    """The first row of each column in which a recomputation differs from the table of all bars.

    Values may differ by `rtol` of the greater one or, where `scaled`, of the column's usual size if
    that is greater still. `sizes`: `usual_size` of each column, where the caller has it. Raises
    `InsufficientDataError` where there was no value to compare.
    """
    if sizes is None:
        sizes = {column: usual_size(full[column].to_numpy()) for column in full.columns}
    findings: list[CausalityFinding] = []
    compared = 0
    for part in recomputations:
        for column in part.table.columns:
            whole = full[column].to_numpy()
            expected = whole[part.start : part.stop]
            given = part.table[column].to_numpy()[part.start - part.offset :][: len(expected)]
            # NaN counts as a value once the column has begun, as in a column of rare events
            compared += max(part.stop - max(part.start, _first_number(whole)), 0)
            equal = _equal(expected, given, sizes[column], rtol, scaled=scaled)
            if not equal.all():
                place = int(np.argmin(equal))
                values = expected[place], given[place]
                findings.append(
                    CausalityFinding.at(
                        full.index, part.start + place, audit, column, part.cut, values
                    )
                )
    if not compared:
        raise InsufficientDataError(
            f"The audit {audit} had no value to compare on {len(full)} bars: all rows are still in "
            "the warm-up. Give more bars.",
            rows=len(full),
        )
    return findings


def _first_number(values: FloatArray) -> int:
    return int(np.append(np.flatnonzero(~np.isnan(values)), len(values))[0])


def usual_size(values: FloatArray) -> float:
    """Median of the absolute finite numbers; 0 without any."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.median(finite)) if finite.size else 0.0


def _equal(
    expected: FloatArray, given: FloatArray, size: float, rtol: float, *, scaled: bool
) -> BoolArray:
    both_nan = np.isnan(expected) & np.isnan(given)
    greater = np.fmax(np.abs(expected), np.abs(given))
    reference = np.fmax(greater, size) if scaled else greater
    with np.errstate(invalid="ignore"):
        near = np.abs(expected - given) <= rtol * reference + _NEGLIGIBLE * size
    same: BoolArray = both_nan | (expected == given) | near
    return same
