"""How bars that are fetched again compare with the stored ones: kept, changed, gone.

Bars are those of the package's contract, prices as traded. A revision is one field of one past bar.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.market_data.quality.findings import CheckSettings, Finding, findings_at

__all__ = ["REVISION_COLUMNS", "bar_revisions", "keep_equal_values", "restatement_findings"]

REVISION_COLUMNS = ("ts", "field", "old", "new")


def keep_equal_values(
    stored: pd.DataFrame, fetched: pd.DataFrame, *, tolerance: float
) -> pd.DataFrame:
    """`fetched`, with the stored value wherever both differ by at most `tolerance` times the
    stored.

    Some providers compute prices anew for each answer, with noise in the last digits; without this
    every answer would be a restatement.
    """
    common = fetched.index.intersection(stored.index)
    if not len(common) or tolerance <= 0.0:
        return fetched
    columns = list(BAR_COLUMNS)
    old = stored.loc[common, columns].to_numpy()
    new = fetched.loc[common, columns].to_numpy()
    near = np.abs(new - old) <= tolerance * np.abs(old)
    kept = fetched.copy()
    kept.loc[common, columns] = np.where(near, old, new)
    return kept


def bar_revisions(stored: pd.DataFrame, fetched: pd.DataFrame) -> pd.DataFrame:
    """Columns ts, field, old, new: each value of a past bar that differs in `fetched`.

    Both cover the same span. Bars up to the last stored one are past: one that is gone has `new`
    NaN, one that was not there has `old` NaN. Bars after it are new, and no revision.

    >>> ts = pd.DatetimeIndex(["2012-01-03"], tz="UTC", name="ts")
    >>> old = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=ts)
    >>> bar_revisions(old, old.assign(close=2.0))[["field", "old", "new"]].values.tolist()
    [['close', 1.0, 2.0]]
    """
    if stored.empty:
        return pd.DataFrame(columns=list(REVISION_COLUMNS))
    past = fetched.loc[fetched.index <= stored.index[-1]]
    stamps = stored.index.union(past.index)
    columns = list(BAR_COLUMNS)
    old = stored.reindex(stamps)[columns].to_numpy()
    new = past.reindex(stamps)[columns].to_numpy()
    differs = (old != new) & ~(np.isnan(old) & np.isnan(new))
    rows, fields = np.nonzero(differs)
    return pd.DataFrame(
        {
            "ts": stamps[rows],
            "field": np.array(columns, dtype=object)[fields],
            "old": old[rows, fields],
            "new": new[rows, fields],
        }
    )


def restatement_findings(revisions: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    """One `restatement` a changed bar, up to the limit, then one that counts the rest."""
    groups = dict(iter(revisions.groupby("ts", sort=True))) if len(revisions) else {}
    bars = list(groups.values())
    return findings_at(
        "restatement",
        "WARN",
        pd.Index(groups),
        np.arange(len(bars)),
        lambda position: _in_words(bars[position]),
        values=lambda position: _largest_change(bars[position]),
        settings=settings,
        others="past bars were restated",
    )


def _largest_change(rows: pd.DataFrame) -> float | None:
    """Largest relative change of a price or of the volume; None where the bar came or went."""
    old, new = rows["old"].to_numpy(float), rows["new"].to_numpy(float)
    if np.isnan(old).any() or np.isnan(new).any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(old == 0.0, np.inf, np.abs(new / old - 1.0))
    return float(change.max())


def _in_words(rows: pd.DataFrame) -> str:
    if rows["new"].isna().all():
        return "The source no longer has this bar, so it is stored no more."
    if rows["old"].isna().all():
        return "The source now has a past bar that it did not have before."
    changes = ", ".join(
        f"{field} {old:g} -> {new:g}"
        for field, old, new in rows[["field", "old", "new"]].itertuples(index=False)
    )
    return f"The source changed this past bar: {changes}."
