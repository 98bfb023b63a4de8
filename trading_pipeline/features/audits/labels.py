"""The audit of a label's span: it depends on the bars up to its end, and on no later one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.comparison import CausalityFinding, scrambled_after

__all__ = ["ComputeLabels", "audit_label_span"]

ComputeLabels = Callable[[pd.DataFrame], pd.DataFrame]
_STAMPS = ("t0", "t1")
_MOVES = (1.0, -1.0)  # log moves over the span that no label can miss


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

    Permuting and scaling all bars after t1 must leave the label, its t1 and every label that had
    ended by then as they are. Moving the prices in (t, t1] step by step up by a factor e, or down,
    must change the label or its t1, or remove it; one of the two is enough, since a move up leaves
    an "up" as it is.

    Parameters
    ----------
    compute
        Gives labels of any bars of the length of `bars`: index ts, columns t0, t1 and the labels'.
    known_at
        The moment at which each of the bars is known.
    rtol
        Allowed difference of a label, as a share of it.

    Raises
    ------
    InsufficientDataError
        Where no label ends before the last bar.
    """
    full = compute(bars.copy())
    ended = np.flatnonzero(full["t1"] < known_at[-1]) if len(full) else np.empty(0, "int64")
    if not len(ended):
        raise InsufficientDataError(
            f"None of {len(full)} labels on {len(bars)} bars has ended before the last bar, so "
            "there is nothing later to change. Give more bars.",
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
    """For each column the first label that had ended by bar `end` and changes with later bars."""
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
        if not same.all():
            place = int(np.argmin(same))
            values = with_future.iloc[place], without.iloc[place]
            findings.append(_finding(bars, expected.index[place], end + 1, column, values))
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
    column = next(column for column in full.columns if column not in _STAMPS)
    value = full.iloc[position][column]
    return [_finding(bars, ts, first, column, (value, value))]


def _moved(bars: pd.DataFrame, first: int, end: int, move: float) -> pd.DataFrame:
    """Bars whose prices drift by `move` in logs from the open of `first` to the close of `end`."""
    steps = end - first + 1
    opens = move * np.arange(steps) / steps
    closes = move * np.arange(1, steps + 1) / steps
    drifts = opens, np.maximum(opens, closes), np.minimum(opens, closes), closes
    changed = bars.copy()
    for column, drift in zip(PRICE_COLUMNS, drifts, strict=True):
        values = bars[column].to_numpy(dtype="float64").copy()
        values[first : end + 1] *= np.exp(drift)
        changed[column] = values
    return changed


def _finding(
    bars: pd.DataFrame, ts: pd.Timestamp, cut: int, column: str, values: tuple[object, object]
) -> CausalityFinding:
    row = int(bars.index.get_indexer(pd.Index([ts]))[0])
    return CausalityFinding.at(bars.index, row, "label_span", str(column), cut, values)
