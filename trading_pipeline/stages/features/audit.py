"""The audit of a feature set, a label, the chart patterns or cross features on stored bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from trading_pipeline.errors import InsufficientDataError, UnknownNameError, did_you_mean
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.features import audit_labels
from trading_pipeline.features.audits.patterns import audit_patterns
from trading_pipeline.features.sets.registry import feature_set_names
from trading_pipeline.stages.features.cross_features import ASSET as CROSS_FEATURES
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.features.labels import label_specs, labels_of_bars
from trading_pipeline.stages.features.own_feature_sets import know_own_feature_sets
from trading_pipeline.stages.workspace import Workspace

__all__ = ["CHART_PATTERNS", "AuditOfStored", "audit_stored"]

CHART_PATTERNS = "chart_patterns"
SubjectKind = Literal["feature set", "label", "chart patterns", "cross features"]


@dataclass(frozen=True, kw_only=True)
class AuditOfStored:
    """What was audited on which bars, and what was found; no findings where all is well."""

    name: str
    kind: SubjectKind
    instrument: str
    bars: int
    first_ts: pd.Timestamp
    last_ts: pd.Timestamp
    findings: list[CausalityFinding]


def audit_stored(workspace: Workspace, instrument_id: str, name: str) -> AuditOfStored:
    """Audit `name` on every stored bar of an instrument, forward-adjusted.

    `name`: a feature set, a label (of a model or a label file), `chart_patterns` or
    `cross_features`; a name that is both is the feature set. Raises `UnknownNameError` for another
    name or instrument, and `InsufficientDataError` where no bars are stored or too few for any value.
    """
    know_own_feature_sets(workspace.catalog)
    labels = label_specs(workspace.catalog)
    series = stored_series(workspace, instrument_id)
    known = {*feature_set_names(), *labels, CHART_PATTERNS, CROSS_FEATURES}
    if name not in known:
        raise UnknownNameError(
            f"There is no feature set and no label {name!r} to audit. {did_you_mean(name, known)}",
            name=name,
            kind="feature set or label",
        )
    bars = series.adjusted
    if len(bars) < 2:
        raise InsufficientDataError(
            f"{len(bars)} bars of {instrument_id} are stored, too few for an audit. Fetch them first: "
            f"trading-pipeline run {instrument_id}.",
            instrument=instrument_id,
            rows=len(bars),
        )
    kind: SubjectKind
    if name in feature_set_names():
        kind = "feature set"
        findings = FeatureStage(workspace, instrument_id, name).audit_bars(bars)
    elif name == CROSS_FEATURES:
        kind = "cross features"
        findings = CrossFeatureStage(workspace, instrument_id).audit(
            workspace.windows_of(instrument_id)
        )
    elif name == CHART_PATTERNS:
        kind, findings = "chart patterns", audit_patterns(bars)
    else:
        spec, known_at = labels[name], series.known_at
        kind = "label"
        findings = audit_labels(lambda part: labels_of_bars(spec, part, known_at), bars, known_at)
    return AuditOfStored(
        name=name,
        kind=kind,
        instrument=instrument_id,
        bars=len(bars),
        first_ts=bars.index[0],
        last_ts=bars.index[-1],
        findings=findings,
    )
