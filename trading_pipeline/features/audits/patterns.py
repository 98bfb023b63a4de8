"""The audit of chart patterns: a row that was known must not change with later bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.arrays import BoolArray
from trading_pipeline.features.audits.comparison import AuditTally, CausalityFinding
from trading_pipeline.features.audits.slices import audit_other_futures
from trading_pipeline.features.patterns.kinds import KINDS
from trading_pipeline.features.patterns.search import find_patterns

__all__ = ["audit_patterns", "known_by"]

_FUTURES = 24
_CODES = {kind.name: float(code + 1) for code, kind in enumerate(KINDS)}
_NUMBERS = ("kind", "direction", "upper_start", "lower_start", "height", "target", "quality")
_KEYS = ("kind", "known_ts")
_MEND = (
    "Let a pattern use only pivots that are confirmed by its known_ts, and a breakout only bars up "
    "to its own; take nothing from the end of the series."
)
Finder = Callable[[pd.DataFrame], pd.DataFrame]


def known_by(patterns: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """The rows of `find_patterns` as they stood at the close of the bar `moment`.

    Patterns known later are left out, and breakouts that came later are taken back.
    """
    rows = patterns.loc[patterns["known_ts"] <= moment].reset_index(drop=True)
    later = ~(rows["breakout_known_ts"] <= moment)
    rows.loc[later, ["breakout_ts", "breakout_known_ts"]] = pd.NaT
    rows.loc[later, "breakout_direction"] = 0
    rows.loc[later, "breakout_target"] = np.nan
    return rows


def audit_patterns(
    bars: pd.DataFrame,
    *,
    find: Finder = find_patterns,
    cuts: int = 5,
    seed: int = 7,
    tally: AuditTally | None = None,
) -> list[CausalityFinding]:
    """Search the first n bars only and compare with what the whole search says was known by then.

    The n are `cuts` random numbers, `cuts` bars at which something is said to have become known (a
    claim that is one bar too early shows only there), and all but the last. At most one finding a
    cut: the first pattern that is missing, new or different; values that are no numbers are NaN.
    Then all bars after telling rows are replaced (`audits.slices`), at most one finding a column.
    Raises `InsufficientDataError` for fewer than 2 bars.
    """
    if len(bars) < 2:
        raise InsufficientDataError(
            f"{len(bars)} bars are too few to remove any; an audit needs 2 or more.",
            rows=len(bars),
        )
    whole = find(bars)
    last = len(bars) - 1
    generator = np.random.default_rng(seed)
    chosen = [int(cut) for cut in generator.integers(1, last + 1, cuts)]
    claims = pd.concat([whole["known_ts"], whole["breakout_known_ts"].dropna()])
    if len(claims):
        drawn = claims.iloc[generator.integers(0, len(claims), cuts)]
        chosen += [int(row) + 1 for row in bars.index.get_indexer(pd.Index(drawn))]
    findings = []
    for cut in sorted({min(cut, last) for cut in chosen} | {last}):
        expected = known_by(whole, bars.index[cut - 1])
        given = find(bars.iloc[:cut]).reset_index(drop=True)
        finding = _first_difference(expected, given, bars.index, cut)
        if tally is not None:
            tally.cuts += 1
        if finding is not None:
            findings.append(finding)
    rare = audit_other_futures(
        lambda part: _by_bar(find(part), part.index),
        bars,
        rows=_FUTURES,
        seed=seed,
        audit="prefix_truncation",
        tally=tally,
    )
    return findings + [replace(finding, mend=_MEND) for finding in rare]


def _by_bar(patterns: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Sums over the patterns that became known at each bar, and over their breakouts."""
    named = patterns.assign(patterns=1.0, kind=patterns["kind"].map(_CODES))
    formed = named.groupby("known_ts")[["patterns", *_NUMBERS]].sum()
    broken = named.dropna(subset=["breakout_known_ts"]).groupby("breakout_known_ts")
    breakouts = broken[["kind", "breakout_direction", "breakout_target"]].sum()
    table = formed.reindex(index).join(breakouts.add_prefix("broken_").reindex(index))
    return table.fillna(0.0).astype("float64")


def _first_difference(
    expected: pd.DataFrame, given: pd.DataFrame, index: pd.Index, cut: int
) -> CausalityFinding | None:
    rows = min(len(expected), len(given))
    left, right = expected.iloc[:rows], given.iloc[:rows]
    unequal = {name: ~_same(left[name], right[name]) for name in expected.columns}
    first = {name: int(np.argmax(values)) for name, values in unequal.items() if values.any()}
    values: tuple[object, object] = np.nan, np.nan
    if first:
        # where the rows are other patterns, every column differs: the keys say so
        column = min(first, key=lambda name: (first[name], name not in _KEYS))
        row = first[column]
        kind, values = left["kind"].iloc[row], (left[column].iloc[row], right[column].iloc[row])
    elif len(expected) != len(given):
        longer = expected if len(expected) > rows else given
        row, column, kind = rows, "known_ts", longer["kind"].iloc[rows]
    else:
        return None
    shown = f"{kind} (whole row)" if column in _KEYS else f"{kind}.{column}"
    ts = min(part["known_ts"].iloc[row] for part in (expected, given) if row < len(part))
    place = int(index.get_indexer(pd.Index([ts]))[0])
    return CausalityFinding.at(index, place, "prefix_truncation", shown, cut, values, mend=_MEND)


def _same(left: pd.Series, right: pd.Series) -> BoolArray:
    if left.dtype == object:
        pairs = zip(left, right, strict=True)
        return np.array([np.array_equal(one, other) for one, other in pairs], dtype=bool)
    equal = (left == right) | (left.isna() & right.isna())
    return equal.to_numpy(dtype=bool)
