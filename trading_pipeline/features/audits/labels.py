"""This file holds the audit of labels: they depend on the bars up to their end, and on no later one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.comparison import MENDS, CausalityFinding, scrambled_after

__all__ = ["ComputeLabels", "audit_label_span"]

ComputeLabels = Callable[[pd.DataFrame], pd.DataFrame]
FloatArray = npt.NDArray[np.float64]
_STAMPS = ("t0", "t1")
_MOVES = (1.0, -1.0)  # log move over the span that no label can overlook


def audit_label_span(
    compute: ComputeLabels,
    bars: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    *,
    rows: int = 5,
    seed: int = 7,
    rtol: float = 1e-9,
) -> list[CausalityFinding]:
    """Change bars after a label's end, then those up to its end, for `rows` random labels.

    `compute` gives labels of any bars of the length of `bars`, whose closes are `known_at`: index ts,
    columns t0, t1 and one a label. Permuting and scaling all bars after t1 must leave the label, its
    t1 and every label that had ended by then as they are. Moving the prices in (t, t1] up by a factor
    e in steps, or down, must change the label, its t1, or take it away; one of the two is enough, since
    an up move leaves an "up" as it is. A finding without a value gives NaN. Raises
    `InsufficientDataError` where no label ends before the last bar.
    """
    full = compute(bars.copy())
    ended = np.flatnonzero(full["t1"] < known_at[-1]) if len(full) else np.empty(0, "int64")
    if not len(ended):
        raise InsufficientDataError(
            f"None of {len(full)} labels on {len(bars)} bars has ended before the last bar, so that "
            "nothing later could be changed. Give more bars.",
            rows=len(full),
        )
    generator = np.random.default_rng(seed)
    chosen = np.unique(generator.choice(ended, size=min(rows, len(ended)), replace=False))
    findings: list[CausalityFinding] = []
    for position in chosen:
        label = full.iloc[position]
        end = int(known_at.get_indexer(pd.Index([label["t1"]]))[0])
        findings += _after(compute, bars, known_at, full, end, generator, rtol)
        findings += _within(compute, bars, full, int(position), end)
    return findings


def _after(
    compute: ComputeLabels,
    bars: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    full: pd.DataFrame,
    end: int,
    generator: np.random.Generator,
    rtol: float,
) -> list[CausalityFinding]:
    """First label, a column, that had ended by bar `end` and is another with other bars after it."""
    changed = compute(scrambled_after(bars, end + 1, generator))
    expected = full.loc[full["t1"] <= known_at[end]]
    given = changed.reindex(expected.index)
    findings = []
    for column in expected.columns:
        with_future, without = expected[column], given[column]
        if column in _STAMPS:
            same = (with_future == without).to_numpy()
        else:
            same = np.isclose(
                with_future.to_numpy(), without.to_numpy(), rtol=rtol, atol=0.0, equal_nan=True
            )
        wrong = np.flatnonzero(~same)
        if wrong.size:
            ts = expected.index[wrong[0]]
            values = (with_future.iloc[wrong[0]], without.iloc[wrong[0]])
            findings.append(_finding(bars, ts, end + 1, str(column), *values))
    return findings


def _within(
    compute: ComputeLabels, bars: pd.DataFrame, full: pd.DataFrame, position: int, end: int
) -> list[CausalityFinding]:
    """A finding where the label is the same whatever its own bars do."""
    ts = full.index[position]
    first = int(bars.index.get_indexer(pd.Index([ts]))[0]) + 1
    for move in _MOVES:
        changed = compute(_moved(bars, first, end, move))
        if ts not in changed.index or not changed.loc[ts].equals(full.iloc[position]):
            return []
    columns = [column for column in full.columns if column not in _STAMPS]
    value = full.iloc[position][columns[0]]
    return [_finding(bars, ts, first, str(columns[0]), value, value)]


def _moved(bars: pd.DataFrame, first: int, end: int, move: float) -> pd.DataFrame:
    """Bars whose prices drift by `move` in logs from the open of `first` to the close of `end`."""
    steps = end - first + 1
    opens = move * np.arange(steps) / steps
    closes = move * np.arange(1, steps + 1) / steps
    changed = bars.copy()
    span = slice(first, end + 1)
    prices = {c: bars[c].to_numpy(dtype="float64")[span].copy() for c in PRICE_COLUMNS}
    prices["open"] *= np.exp(opens)
    prices["close"] *= np.exp(closes)
    prices["high"] *= np.exp(np.maximum(opens, closes))
    prices["low"] *= np.exp(np.minimum(opens, closes))
    for column, values in prices.items():
        whole = bars[column].to_numpy(dtype="float64").copy()
        whole[span] = values
        changed[column] = whole
    return changed


def _finding(
    bars: pd.DataFrame,
    ts: pd.Timestamp,
    cut: int,
    column: str,
    with_future: object,
    without: object,
) -> CausalityFinding:
    return CausalityFinding(
        audit="label_span",
        column=column,
        ts=ts,
        row=int(bars.index.get_indexer(pd.Index([ts]))[0]),
        cut=cut,
        value_with_future=_number(with_future),
        value_without_future=_number(without),
        mend=MENDS["label_span"],
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float, np.number)) else np.nan
