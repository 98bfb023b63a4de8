"""This file holds the assets of features and labels, one a feature set and one a label."""

import dagster as dg

from trading_pipeline.defs.partitions import BY_INSTRUMENT, shifted_windows
from trading_pipeline.defs.reporting_outcomes import column_schema, for_each_instrument, report
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.causality_audit import CausalityFinding
from trading_pipeline.features.feature_sets import feature_set
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.feature_stage import (
    FeatureStage,
    LabelStage,
    feature_lookback_windows,
    label_specs,
)
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.own_feature_sets import know_own_feature_sets
from trading_pipeline.stages.window_stage import materialize_windows

__all__ = ["CLOCKS", "GROUP", "audit_result", "feature_assets", "label_assets"]

GROUP = "features"
_SHOWN_FINDINGS = 20
CLOCKS = {
    "ts": ("TIMESTAMPTZ", "names the bar, UTC"),
    "known_at": ("TIMESTAMPTZ", "moment from which the row can be used, UTC"),
}


def feature_assets(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """One asset for each feature set that a model uses, and for each that a file of one's own adds."""
    used = {model.features for model in catalog.models.values()}
    names = sorted(used | set(know_own_feature_sets(catalog)))
    return [_feature_asset(name, catalog, grid) for name in names]


def label_assets(catalog: Catalog, grid: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """One asset for each label that a model learns."""
    return [_label_asset(name, grid) for name in sorted(label_specs(catalog))]


def _feature_asset(
    set_name: str, catalog: Catalog, grid: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    key = dg.AssetKey(["features", set_name])
    chosen = feature_set(set_name)
    lookback = shifted_windows(-feature_lookback_windows(chosen, catalog), 0)
    columns = {spec.name: ("DOUBLE", spec.meaning) for spec in chosen.specs}

    @dg.asset(
        key=key,
        group_name=GROUP,
        kinds={"parquet", "talib"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=lookback),
            dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "prefix_truncation",
                asset=key,
                blocking=True,
                description="No value changes when later bars are taken away.",
            )
        ],
        code_version=chosen.hash[:12],
        metadata=column_schema(CLOCKS | columns),
        description=f"Features of the set '{set_name}' from forward-adjusted bars, one row a bar; "
        "NaN only where the warm-up reaches before the first bar.",
    )
    def features(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        opened = workspace.open(context)
        findings: list[CausalityFinding] = []

        def work(name: str, windows: list[Window]) -> list[Outcome]:
            stage = FeatureStage(opened, name, set_name)
            found = stage.audit(windows)
            findings.extend(found)
            # a blocking check stops this run alone; what is not written stops later runs too
            return [] if found else materialize_windows(stage, windows)

        outcomes = for_each_instrument(context, opened, work)
        return report(context, outcomes, [audit_result(findings)])

    return features


def _label_asset(label_name: str, grid: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    columns = {
        "t0": ("TIMESTAMPTZ", "known from"),
        "t1": ("TIMESTAMPTZ", "moment at which the outcome is known"),
        "label": ("DOUBLE", "1 up, 0 down, or the forward return as a fraction"),
    }

    @dg.asset(
        key=dg.AssetKey(["labels", label_name]),
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep("bars", partition_mapping=shifted_windows(0, 1)),
            dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
        ],
        metadata=column_schema({"ts": CLOCKS["ts"]} | columns),
        description=f"Label '{label_name}': what came after each bar, entered at the next open; rows "
        "whose outcome is not known yet are left out.",
    )
    def labels(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        opened = workspace.open(context)
        outcomes = for_each_instrument(
            context,
            opened,
            lambda name, windows: materialize_windows(
                LabelStage(opened, name, label_name), windows
            ),
        )
        return report(context, outcomes)

    return labels


def audit_result(findings: list[CausalityFinding]) -> dg.AssetCheckResult:
    """The check `prefix_truncation`, with the first findings as a table."""
    rows = [
        dg.TableRecord(
            {
                "column": finding.column,
                "ts": str(finding.ts),
                "with_future": finding.value_with_future,
                "without_future": finding.value_without_future,
                "mend": finding.mend,
            }
        )
        for finding in findings[:_SHOWN_FINDINGS]
    ]
    columns = ", ".join(sorted({finding.column for finding in findings}))
    return dg.AssetCheckResult(
        passed=not findings,
        check_name="prefix_truncation",
        description=f"Column(s) that read the future: {columns}." if findings else None,
        metadata={
            "findings": len(findings),
            **({"examples": dg.MetadataValue.table(rows)} if rows else {}),
        },
    )
