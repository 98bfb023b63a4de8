"""The assets of features and labels, one a feature set and one a label."""

import dagster as dg

from trading_pipeline.defs.checks.audits import FEATURE_CHECKS, LABEL_CHECKS
from trading_pipeline.defs.failing_assets import failing_asset
from trading_pipeline.defs.partitions import bars_and_actions, shifted_windows
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.errors import OwnCodeError
from trading_pipeline.features.sets.registry import FeatureSets
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.stages.fan_out.call import StageCall
from trading_pipeline.stages.features.features import FeatureStage, feature_lookback_windows
from trading_pipeline.stages.features.labels import LabelStage, label_lookback_windows, label_specs

__all__ = ["CLOCKS", "GROUP", "feature_assets", "label_assets"]

_LABEL_MEANINGS = {
    "direction": "1 up, 0 down",
    "forward_return": "forward return as a fraction",
    "three_way": "1 up, -1 down, 0 within the dead zone",
    "scaled_return": "log return in volatilities",
    "triple_barrier": "1 upper barrier, -1 lower, 0 (or the return's sign) at the horizon",
    "volatility": "root of the mean squared log return of the bars that follow",
    "meta_label": "1 where the side was right, else 0",
}

GROUP = "features"
CLOCKS = {
    "ts": ("TIMESTAMPTZ", "names the bar, UTC"),
    "known_at": ("TIMESTAMPTZ", "moment from which the row can be used, UTC"),
}


def feature_assets(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition, sets: FeatureSets
) -> list[dg.AssetsDefinition]:
    """One asset for each feature set that a model uses or a file of the user's adds."""
    used = {model.features for model in catalog.models.values()}
    names = sorted(used | set(sets.own_names()))
    return [_feature_asset(name, catalog, grid, sets) for name in names]


def label_assets(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition, sets: FeatureSets
) -> list[dg.AssetsDefinition]:
    """One asset for each label that a model learns or a label file names."""
    specs = label_specs(catalog)
    return [_label_asset(specs[name], catalog, grid, sets) for name in sorted(specs)]


def _feature_asset(
    set_name: str, catalog: Catalog, grid: dg.MultiPartitionsDefinition, sets: FeatureSets
) -> dg.AssetsDefinition:
    try:
        chosen = sets.get(set_name)
    except OwnCodeError as error:
        return failing_asset(f"features/{set_name}", grid, error, GROUP)
    return stage_asset(
        StageCall(FeatureStage, (set_name,)),
        f"features/{set_name}",
        group_name=GROUP,
        kinds={"parquet", "talib"},
        partitions_def=grid,
        deps=bars_and_actions(shifted_windows(-feature_lookback_windows(chosen, catalog), 0)),
        checks=FEATURE_CHECKS,
        code_version=chosen.hash[:12],
        columns=CLOCKS | {spec.name: ("DOUBLE", spec.meaning) for spec in chosen.specs},
        description=f"Features of the set '{set_name}' from forward-adjusted bars, one row a bar; "
        "NaN only where the warm-up reaches before the first bar.",
    )


def _label_asset(
    spec: LabelSpec, catalog: Catalog, grid: dg.MultiPartitionsDefinition, sets: FeatureSets
) -> dg.AssetsDefinition:
    try:
        lookback = label_lookback_windows(spec, catalog, sets)
    except OwnCodeError as error:
        return failing_asset(f"labels/{spec.name}", grid, error, GROUP)
    return stage_asset(
        StageCall(LabelStage, (spec.name,)),
        f"labels/{spec.name}",
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        deps=bars_and_actions(shifted_windows(-lookback, 1)),
        checks=LABEL_CHECKS,
        columns={"ts": CLOCKS["ts"]} | _label_columns(spec),
        description=f"Label '{spec.name}': what came after each bar, entered at the next open; "
        "rows whose outcome is not known yet are left out.",
    )


def _label_columns(spec: LabelSpec) -> dict[str, tuple[str, str]]:
    stamps = {
        "t0": ("TIMESTAMPTZ", "known from"),
        "t1": ("TIMESTAMPTZ", "moment at which the outcome is known"),
    }
    if spec.type == "ohlc_path":
        return stamps | {
            "close_1": (
                "DOUBLE",
                "log of the next close over this one; close_2 and so on likewise",
            ),
            "body_1": ("DOUBLE", "log of the next bar's close over its open"),
            "upper_1": ("DOUBLE", "log of its high over the higher of open and close, 0 or more"),
            "lower_1": ("DOUBLE", "log of the lower of open and close over its low, 0 or more"),
        }
    columns = stamps | {"label": ("DOUBLE", _LABEL_MEANINGS[spec.type])}
    if spec.type in ("triple_barrier", "meta_label"):
        columns |= {
            "ambiguous": ("DOUBLE", "1 where one bar touched both barriers"),
            "exit_return": ("DOUBLE", "return of the position, as a fraction"),
        }
    if spec.type == "meta_label":
        columns["side"] = ("DOUBLE", "1 long, -1 short")
    return columns
