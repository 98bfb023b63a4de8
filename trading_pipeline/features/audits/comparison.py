"""This file holds what every audit of look-ahead compares with: recomputed tables, and findings.

A finding is one value that changed although no bar it may use did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError, InsufficientDataError

__all__ = [
    "MENDS",
    "AuditName",
    "CausalityFinding",
    "Compute",
    "compare_tables",
    "computed_table",
    "ensure_compared",
    "random_cuts",
    "scrambled_after",
    "usual_sizes",
]

Compute = Callable[[pd.DataFrame], "pd.DataFrame | pd.Series"]
AuditName = Literal[
    "prefix_truncation", "warmup", "scrambled_future", "label_span", "permuted_labels"
]
FloatArray = npt.NDArray[np.float64]
_NEGLIGIBLE = 1e-12  # of a column's usual size: rounding, not knowledge
MENDS = {
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
    "label_span": (
        "Let a label depend on the bars after its own up to the one that ends it (t1), and on no "
        "statistic of the whole column; give the t1 at which its last bar is known."
    ),
    "permuted_labels": (
        "Fit, scale and choose on the training rows only, and keep outcomes out of the inputs."
    ),
}
"""What to do about a finding of each audit."""


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

    def sentence(self) -> str:
        """The finding in words: column, row, both values and the mend."""
        return (
            f"{self.audit}: column {self.column!r} at {self.ts} (row {self.row}) is "
            f"{self.value_with_future!r} with the bars it must not use and "
            f"{self.value_without_future!r} without them. {self.mend}"
        )


def computed_table(compute: Compute, bars: pd.DataFrame) -> pd.DataFrame:
    """What `compute` gives for a copy of the bars, as float64 columns with names that are text."""
    # a copy, so that a computation that writes into its input cannot pass values on
    result = compute(bars.copy())
    table = result.to_frame() if isinstance(result, pd.Series) else result
    if not table.index.equals(bars.index):
        raise DataQualityError(
            f"The computation gave {len(table)} rows for {len(bars)} bars, or other stamps; it must "
            "give one row for each bar, with the same index."
        )
    return table.set_axis([str(column) for column in table.columns], axis=1).astype("float64")


def random_cuts(full: pd.DataFrame, *, cuts: int, rows: int, seed: int) -> Iterator[int]:
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


def scrambled_after(bars: pd.DataFrame, cut: int, generator: np.random.Generator) -> pd.DataFrame:
    """The bars with those from position `cut` on permuted, each scaled by a random factor."""
    order = np.concatenate([np.arange(cut), cut + generator.permutation(len(bars) - cut)])
    values = bars.to_numpy(dtype="float64")[order]
    values[cut:] *= np.exp(generator.normal(0.5, 0.5, size=(len(bars) - cut, 1)))
    return pd.DataFrame(values, index=bars.index, columns=bars.columns)


def compare_tables(
    audit: AuditName,
    full: pd.DataFrame,
    part: pd.DataFrame,
    start: int,
    stop: int,
    offset: int,
    cut: int,
    rtol: float,
    *,
    sizes: Mapping[str, float],
    scaled: bool = False,
) -> tuple[list[CausalityFinding], int]:
    """Differences in rows `start <= row < stop` of `full`; row 0 of `part` is row `offset` of it.

    `sizes`: usual size of each column of `full`. Also gives how many values there were to compare.
    """
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
        size = sizes[column]
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
                    mend=MENDS[audit],
                )
            )
    return findings, compared


def _first_number(values: FloatArray) -> int:
    return int(np.append(np.flatnonzero(~np.isnan(values)), len(values))[0])


def usual_sizes(table: pd.DataFrame) -> dict[str, float]:
    """Median of the absolute numbers of each column; 0 for a column without any."""
    sizes = {}
    for column in table.columns:
        values = table[column].to_numpy()
        finite = np.abs(values[np.isfinite(values)])
        sizes[str(column)] = float(np.median(finite)) if finite.size else 0.0
    return sizes


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


def ensure_compared(compared: int, bars: pd.DataFrame, what: str) -> None:
    """Raise `InsufficientDataError` where an audit had not one value to compare."""
    if not compared:
        raise InsufficientDataError(
            f"The audit of {what} had no value to compare on {len(bars)} bars: all rows are still in "
            "the warm-up. Give more bars.",
            rows=len(bars),
        )
