"""This file holds the whole audit of a feature set and of a label on one series of bars."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audit_comparison import CausalityFinding, Compute, computed_table
from trading_pipeline.features.causality_audit import (
    audit_prefix_truncation,
    audit_scrambled_future,
    audit_warmup,
)
from trading_pipeline.features.feature_context import FeatureContext
from trading_pipeline.features.feature_sets import FeatureSet, compute_features
from trading_pipeline.features.label_audit import audit_label_span
from trading_pipeline.features.labels import Labels, compute_labels
from trading_pipeline.features.permutation_audit import audit_permuted_labels
from trading_pipeline.settings.label_spec import LabelSpec

__all__ = ["LabelsOfBars", "audit_feature_set", "audit_labels", "simple_features"]

LabelsOfBars = Callable[[pd.DataFrame], Labels]
_PROBE = LabelSpec(type="forward_return", horizon_bars=5)
_LEAST_ROWS = 100  # fewer rows of labels and features than this say nothing about an AUC


def audit_feature_set(
    chosen: FeatureSet,
    bars: pd.DataFrame,
    *,
    compute: Compute | None = None,
    context: FeatureContext | None = None,
    cuts: int = 5,
    seed: int = 7,
) -> list[CausalityFinding]:
    """Every audit of a feature set on forward-adjusted bars; an empty list where all is well.

    Prefix truncation, scrambled future, each column's own warm-up, and permuted outcomes (of the
    forward return over 5 bars). `compute`: what to call in place of the set's own computation; `context`:
    timeframe and calendar of the bars, where features depend on them. Raises
    `InsufficientDataError` where no column has a value to compare; the permuted outcomes are left out
    where fewer than 100 rows are complete.
    """

    def own(part: pd.DataFrame) -> pd.DataFrame:
        return compute_features(chosen, part, context=context)

    work = compute or own
    full = computed_table(work, bars)
    findings = audit_prefix_truncation(work, bars, cuts=cuts, seed=seed, full=full)
    findings += audit_scrambled_future(work, bars, cuts=cuts, seed=seed, full=full)
    warmups = {spec.name: spec.warmup_in(context) for spec in chosen.specs}
    if len(bars) > min(warmups.values()) + 1:
        findings += audit_warmup(work, bars, warmups, cuts=cuts, seed=seed, full=full)
    complete = int(full.notna().all(axis=1).sum())
    if complete >= _LEAST_ROWS:
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
) -> list[CausalityFinding]:
    """Both audits of labels on forward-adjusted bars: their span, and what permuted ones teach.

    The permuted labels are set against returns of the bars (`simple_features`); that is left out for
    a path, and where too few rows of either outcome are there. Raises `InsufficientDataError` where no
    label ends before the last bar.
    """
    findings = audit_label_span(
        lambda part: compute(part).frame, bars, known_at, rows=rows, seed=seed
    )
    labels = compute(bars).frame
    if "label" in labels.columns and len(labels) >= _LEAST_ROWS:
        try:
            findings += audit_permuted_labels(simple_features(bars), labels, seed=seed)
        except InsufficientDataError:
            return findings  # all outcomes alike: there is nothing to permute
    return findings


def simple_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Returns of the close over 1, 5 and 20 bars and the bar's range, as fractions; NaN before."""
    close = bars["close"]
    columns = {f"return_{back}": close / close.shift(back) - 1.0 for back in (1, 5, 20)}
    return pd.DataFrame(columns | {"range": (bars["high"] - bars["low"]) / close})
