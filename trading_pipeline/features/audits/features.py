"""Every audit of a feature set, and of a label, on one series of bars."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.causality import (
    audit_prefix_truncation,
    audit_scrambled_future,
    audit_warmup,
)
from trading_pipeline.features.audits.comparison import AuditTally, CausalityFinding, computed_table
from trading_pipeline.features.audits.labels import audit_label_span
from trading_pipeline.features.audits.permutation import audit_permuted_labels
from trading_pipeline.features.audits.recomputation import SetRecomputation
from trading_pipeline.features.audits.set_slices import audit_set_slices
from trading_pipeline.features.audits.slices import audit_other_futures
from trading_pipeline.features.labels.labels import Labels, compute_labels
from trading_pipeline.features.own_features import fresh_sets
from trading_pipeline.features.sets.computation import compute_features
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.feature_set import FeatureSet
from trading_pipeline.own_code import FreshCopies, confirmed
from trading_pipeline.settings.label_spec import LabelSpec

__all__ = ["LabelsOfBars", "audit_feature_set", "audit_labels", "simple_features"]

LabelsOfBars = Callable[[pd.DataFrame], Labels]
_PROBE = LabelSpec(type="forward_return", horizon_bars=5)
_LABEL_FUTURES = 24
_LEAST_ROWS = 100  # fewer rows of labels and features say nothing about an AUC


def audit_feature_set(
    chosen: FeatureSet,
    bars: pd.DataFrame,
    *,
    context: FeatureContext | None = None,
    cuts: int = 30,
    seed: int = 7,
    slices: bool = True,
    fresh: FreshCopies[FeatureSet] | None = None,
    tally: AuditTally | None = None,
) -> list[CausalityFinding]:
    """Every audit of a feature set on forward-adjusted bars; an empty list where all is well.

    Prefix truncation at `cuts` random bars, the future scrambled and each column's own warm-up at a
    sixth of them, and permuted outcomes (of the forward return over 5 bars). A column that is 0 or
    1 rarely changes at any one cut, hence so many. For leaks in few rows, other bars are put after
    many rows at once (`audits.slices`), for the columns in which nothing was found so far;
    `slices=False` leaves these out.
    `context`: timeframe, calendar and inputs of the bars, where features depend on them. `fresh`:
    copies of the set for the recomputations; its `notes` say what the set read from outside.
    `tally` takes what was tried. Raises `InsufficientDataError` where no column has a value to
    compare; the permuted outcomes are left out where fewer than 100 rows are complete.
    """
    fresh = fresh or fresh_sets(chosen)
    return confirmed(
        fresh, lambda: _found_in_set(chosen, bars, context, cuts, seed, slices, fresh, tally)
    )


def _found_in_set(
    chosen: FeatureSet,
    bars: pd.DataFrame,
    context: FeatureContext | None,
    cuts: int,
    seed: int,
    slices: bool,
    fresh: FreshCopies[FeatureSet],
    tally: AuditTally | None,
) -> list[CausalityFinding]:
    # a feature that looks ahead has no value at the end, which the audit has to see
    full = computed_table(
        lambda given: compute_features(chosen, given, context=context, complete=False), bars
    )
    again = SetRecomputation(bars=bars, context=context, fresh=fresh)
    compute, few = again.of(chosen.specs), max(cuts // 6, 1)
    findings = audit_prefix_truncation(compute, bars, cuts=cuts, seed=seed, full=full, tally=tally)
    # other cuts than those of the prefixes
    findings += audit_scrambled_future(
        compute, bars, cuts=few, seed=seed + 1, full=full, tally=tally
    )
    seen = {finding.column for finding in findings}
    if slices:
        findings += audit_set_slices(
            chosen, bars, full, context=context, found=seen, seed=seed, fresh=fresh, tally=tally
        )
    bounded = [spec for spec in chosen.specs if spec.memory != "all"]
    for warmup in sorted({spec.warmup_in(context) for spec in bounded}):
        if len(bars) > warmup + 1:
            specs = tuple(spec for spec in bounded if spec.warmup_in(context) == warmup)
            # the columns of this warm-up alone: the whole set for each would take many times as
            # long
            known = full[[spec.name for spec in specs]]
            findings += audit_warmup(again.of(specs), bars, warmup, cuts=few, seed=seed, full=known)
    if full.notna().all(axis=1).sum() >= _LEAST_ROWS:
        labels = compute_labels(_PROBE, bars, pd.DatetimeIndex(bars.index)).frame
        findings += audit_permuted_labels(full, labels, seed=seed)
    return findings


def audit_labels(
    compute: LabelsOfBars,
    bars: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    *,
    rows: int = 5,
    seed: int = 7,
    tally: AuditTally | None = None,
) -> list[CausalityFinding]:
    """The audits of labels on forward-adjusted bars: the span, and permuted labels.

    A label may use bars up to its end, so what ends at a bar must not change with later ones; for
    rare leaks the bars after telling rows are replaced as well (`audits.slices`).

    The permuted labels are paired with returns of the bars (`simple_features`); that is left out
    for a path, and where there are too few rows of either outcome. Raises `InsufficientDataError`
    where no label ends before the last bar.
    """
    findings = audit_label_span(
        lambda part: compute(part).frame, bars, known_at, rows=rows, seed=seed
    )
    if tally is not None:
        tally.cuts += rows
    seen = {finding.column for finding in findings}
    rare = audit_other_futures(
        lambda part: _by_end(compute(part).frame, known_at).set_axis(part.index),
        bars,
        rows=_LABEL_FUTURES,
        seed=seed,
        audit="label_span",
        tally=tally,
    )
    findings += [finding for finding in rare if finding.column not in seen]
    labels = compute(bars).frame
    if "label" in labels.columns and len(labels) >= _LEAST_ROWS:
        try:
            findings += audit_permuted_labels(simple_features(bars), labels, seed=seed)
        except InsufficientDataError:
            return findings  # too few of one outcome to permute
    return findings


def _by_end(labels: pd.DataFrame, known_at: pd.DatetimeIndex) -> pd.DataFrame:
    """Sums over the labels that end at each bar, by the bars' stamps of `known_at`."""
    numbers = labels.drop(columns=["t0", "t1"]).astype("float64").fillna(0.0)
    ends = pd.DatetimeIndex(labels["t1"])
    return numbers.assign(labels_ended=1.0).groupby(ends).sum().reindex(known_at)


def simple_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Returns of the close over 1, 5 and 20 bars and the bar's range, as fractions; NaN before."""
    close = bars["close"]
    columns = {f"return_{back}": close / close.shift(back) - 1.0 for back in (1, 5, 20)}
    return pd.DataFrame(columns | {"range": (bars["high"] - bars["low"]) / close})
