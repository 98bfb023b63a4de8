"""The stage of labels: adjusted bars in, one Parquet file a window out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import AuditSubject
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.comparison import AuditTally
from trading_pipeline.features.audits.features import audit_labels
from trading_pipeline.features.labels.labels import Labels, compute_labels
from trading_pipeline.features.labels.reports import label_report
from trading_pipeline.features.own_features import fresh_sets
from trading_pipeline.features.sets.computation import compute_features
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import FeatureSet, FeatureSets
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.features import windows_of_bars
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.known_findings import (
    is_proven,
    keep_pass,
    refuse_known_look_ahead_of_set,
)
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Built
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "LabelStage",
    "check_label_spec",
    "label_lookback_windows",
    "label_specs",
    "labels_of_bars",
]


def label_specs(catalog: Catalog) -> dict[str, LabelSpec]:
    """Labels of the models and of label files, by name; equal ones share one asset."""
    specs = [*(model.label for model in catalog.models.values()), *catalog.labels.values()]
    return {spec.name: spec for spec in specs}


def check_label_spec(spec: LabelSpec, sets: FeatureSets) -> None:
    """Raise where the side of a meta-label names an unknown feature set or column.

    `UnknownNameError` for an unknown name, `ConfigurationError` for a column that remembers all
    bars: a label's window reads no more than a warm-up before it.
    """
    if spec.side_features is None or spec.side_column is None:
        return
    chosen = sets.get(spec.side_features)
    columns = chosen.columns
    if spec.side_column not in columns:
        raise UnknownNameError(
            f"The feature set {spec.side_features!r} has no column {spec.side_column!r} for the "
            f"side of a meta-label. {did_you_mean(spec.side_column, columns)}",
            name=spec.side_column,
            kind="feature",
        )
    side = next(each for each in chosen.specs if each.name == spec.side_column)
    if side.memory == "all":
        raise ConfigurationError(
            f"The side of a meta-label is {spec.side_column!r} of {spec.side_features!r}, which "
            "remembers all bars; a label's window reads only the warm-up before it. Name a column "
            "with a warm-up.",
            feature=side.name,
        )


def label_lookback_windows(
    spec: LabelSpec, catalog: Catalog, sets: FeatureSets, instrument: str | None = None
) -> int:
    """Windows before its own that a window of this label reads; 0 where a label needs no past."""
    bars = _lookback_bars(spec, sets)
    return windows_of_bars(bars, catalog, instrument) if bars else 0


def labels_of_bars(
    spec: LabelSpec,
    bars: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    sets: FeatureSets,
    *,
    context: FeatureContext | None = None,
    side: FeatureSet | None = None,
) -> Labels:
    """`compute_labels` with the side that the spec names.

    `context`: of the bars, where the side's set declares inputs. `side`: in place of the set that
    `sets` has.
    """
    if spec.side_features is None or spec.side_column is None:
        return compute_labels(spec, bars, known_at)
    features = compute_features(side or sets.get(spec.side_features), bars, context=context)
    return compute_labels(spec, bars, known_at, side=features[spec.side_column])


def _lookback_bars(spec: LabelSpec, sets: FeatureSets) -> int:
    bars = spec.volatility_bars or 0
    if spec.side_features is not None:
        bars = max(bars, sets.get(spec.side_features).warmup_bars)
    return bars


class LabelStage(SeriesStage):
    """Labels of one kind. A window reads the bars of the next window too."""

    def __init__(self, workspace: Workspace, instrument_id: str, label_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = label_specs(workspace.catalog)[label_name]
        self.asset = f"labels/{label_name}"
        self.code_hash = code_hash(LabelStage.build, InstrumentSeries)
        self.sets = workspace.registries.feature_sets
        self._outside: tuple[str, ...] = ()
        self.lookback = label_lookback_windows(
            self.spec, workspace.catalog, self.sets, self.instrument_id
        )

    def inputs(self, window: Window) -> object:
        """Hashes of the bars that are read, the adjustments, and the label's definition."""
        read, side = self.read(window), self.spec.side_features
        if side is not None:
            refuse_known_look_ahead_of_set(self.workspace, self.sets.get(side), self.instrument_id)
        return [
            self.spec.hash,
            self.series.bars_hashes(read),
            self.series.events_hash(read[-1].end),
            self.clocks(),
            *([] if side is None else [self.sets.get(side).hash]),
            *self._external.hashes_until(self._last_known_at(self.rows_of([window]))),
        ]

    def build(self, window: Window) -> Built:
        """Rows of the window whose outcome is known."""
        found = self._compute(self.rows_of([window])).frame
        inside = (found.index >= pd.Timestamp(window.start)) & (
            found.index < pd.Timestamp(window.end)
        )
        return self.built(found.loc[inside], window)

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """Balance, overlap and uniqueness of the rows."""
        found = label_report(product, self.series.known_at)
        numbers: dict[str, Shown] = {
            "mean_bars": found.mean_bars,
            "mean_overlap": found.mean_overlap,
            "average_uniqueness": found.average_uniqueness,
            "effective_rows": found.effective_rows,
        }
        if "label" in product.columns:
            numbers["mean_label"] = found.mean if len(product) else 0.0
        if "ambiguous" in product.columns:
            numbers["ambiguous"] = float(found.ambiguous)
        shares = {f"share_of_{value:g}": share for value, share in found.balance.items()}
        return {**numbers, **shares}

    def audit(self, keys: Sequence[Window]) -> list[CausalityFinding]:
        """Both audits of labels over the bars of the windows, those around them included.

        A label of the package alone is audited again once the series is a tenth longer.
        """
        if not keys:
            return []
        rows = self.rows_of(keys)
        bars, known_at = self.series.adjusted.iloc[rows], self.series.known_at[rows]
        found = labels_of_bars(self.spec, bars, known_at, self.sets, context=self._context).frame
        if not len(found) or not (found["t1"] < known_at[-1]).any():
            return []
        if self.spec.side_features is not None:
            return self.audit_bars(bars, known_at)
        subject = AuditSubject(
            kind="label",
            name=self.spec.name,
            code_hash=self.code_hash,
            audit_hash=code_hash(audit_labels),
        )
        of_all = {"bars": len(self.series.raw)}
        if is_proven(self.workspace, subject, self.instrument_id, **of_all):
            return []
        findings = self.audit_bars(bars, known_at)
        if not findings:
            keep_pass(self.workspace, subject, self.instrument_id, **of_all)
        return findings

    def audit_bars(
        self, bars: pd.DataFrame, known_at: pd.DatetimeIndex, *, tally: AuditTally | None = None
    ) -> list[CausalityFinding]:
        """Both audits over forward-adjusted bars; the side of a user's file is computed anew."""
        if self.spec.side_features is None:
            return audit_labels(
                lambda part: labels_of_bars(self.spec, part, known_at, self.sets),
                bars,
                known_at,
                tally=tally,
            )
        fresh = fresh_sets(self.sets.get(self.spec.side_features))

        def anew(part: pd.DataFrame) -> Labels:
            return fresh.run(
                lambda side: labels_of_bars(
                    self.spec, part, known_at, self.sets, context=self._context, side=side
                )
            )

        found = audit_labels(anew, bars, known_at, tally=tally)
        self._outside = fresh.notes
        return found

    def read_outside(self) -> tuple[str, ...]:
        """What the files of the side read, by the last audit."""
        return self._outside

    @cached_property
    def _external(self) -> ExternalInputs:
        side = self.spec.side_features
        declared = () if side is None else self.sets.get(side).inputs
        return ExternalInputs(self.workspace, declared)

    @cached_property
    def _context(self) -> FeatureContext | None:
        """The context of the side, which only sets with inputs of their own need."""
        if not self._external.specs:
            return None
        instrument = self.series.instrument
        return FeatureContext(
            instrument.timeframe, instrument.calendar, self._external.as_known(self.series)
        )

    def _last_known_at(self, rows: slice) -> pd.Timestamp | None:
        return self.series.known_at[rows.stop - 1] if rows.stop else None

    def _compute(self, rows: slice) -> Labels:
        bars = self.series.adjusted.iloc[rows]
        if bars.empty and self.spec.side_features is not None:
            side = pd.Series(np.empty(0), index=bars.index)
            return compute_labels(self.spec, bars, self.series.known_at[rows], side=side)
        return labels_of_bars(
            self.spec, bars, self.series.known_at[rows], self.sets, context=self._context
        )

    def read(self, window: Window) -> list[Window]:
        """The window, its look-back and the next one, unless that was never fetched."""
        after = [each for each in self.own_windows if each > window]
        following = [each for each in after[:1] if each.key in self.series.attempts]
        return [*super().read(window), *following]
