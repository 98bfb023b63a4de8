"""Audits of look-ahead: proofs that features, labels and patterns use no bar from the future.

Read `comparison.py` first (tables computed from changed bars, and findings), then `causality.py`
(the three audits of a computation on bars), `slices.py` (rare leaks: other bars after many rows;
`continuations.py` makes them, `telling_rows.py` chooses), `labels.py`, `patterns.py` and
`permutation.py`; `features.py` runs all of them on a feature set or a label. Audits only compute
and compare: no storage, and nothing that a feature, label or pattern needs.
"""

from __future__ import annotations

from trading_pipeline.features.audits.causality import (
    audit_prefix_truncation,
    audit_scrambled_future,
    audit_warmup,
    ensure_causal,
)
from trading_pipeline.features.audits.comparison import AuditName, CausalityFinding
from trading_pipeline.features.audits.features import audit_feature_set, audit_labels
from trading_pipeline.features.audits.labels import audit_label_span
from trading_pipeline.features.audits.patterns import audit_patterns
from trading_pipeline.features.audits.permutation import audit_permuted_labels
from trading_pipeline.features.audits.set_slices import audit_set_slices
from trading_pipeline.features.audits.slices import audit_other_futures, audit_slices

__all__ = [
    "AuditName",
    "CausalityFinding",
    "audit_feature_set",
    "audit_label_span",
    "audit_labels",
    "audit_other_futures",
    "audit_patterns",
    "audit_permuted_labels",
    "audit_prefix_truncation",
    "audit_scrambled_future",
    "audit_set_slices",
    "audit_slices",
    "audit_warmup",
    "ensure_causal",
]
