"""The assets of models and predictions, one pair a model spec."""

import dagster as dg

from trading_pipeline.defs.partitions import shifted_windows
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.models.model_features import model_feature_assets
from trading_pipeline.stages.models.models import ModelStage, PredictionStage

__all__ = ["model_assets", "training_mapping"]

GROUP = "models"
FOLD_SCHEMA = {
    "ts": ("TIMESTAMPTZ", "refit date"),
    "train_start": ("TIMESTAMPTZ", "first training row"),
    "train_end": ("TIMESTAMPTZ", "last training row"),
    "last_label_end": ("TIMESTAMPTZ", "moment at which the last training label was known"),
    "test_start": ("TIMESTAMPTZ", "first moment that is predicted"),
    "test_end": ("TIMESTAMPTZ", "end of what is predicted, exclusive"),
    "rows": ("BIGINT", "training rows"),
    "purged": ("BIGINT", "rows left out because their label ended too late"),
    "embargoed": ("BIGINT", "rows left out before the refit date"),
    "model_id": ("VARCHAR", "hash of what made it; empty where there is no model"),
    "path": ("VARCHAR", "folder of the model"),
    "sha256": ("VARCHAR", "of the estimator's file"),
    "reason": ("VARCHAR", "why there is no model"),
    "train_auc": ("DOUBLE", "in sample"),
    "train_effective_rows": ("DOUBLE", "what the overlapping training rows are worth"),
    "tail_rows": ("DOUBLE", "last rows of the training span, scored by what came before them"),
    "tail_effective_rows": ("DOUBLE", "what these overlapping rows are worth"),
    "tail_auc": ("DOUBLE", "on the scored rows"),
    "tail_auc_error": ("DOUBLE", "standard error from the effective rows"),
    "tail_brier": ("DOUBLE", "on the scored rows, calibrated"),
    "tail_brier_error": ("DOUBLE", "standard error from the effective rows"),
    "tail_base_rate_brier": ("DOUBLE", "Brier score of the base rate known before the rows"),
    "tail_accuracy": ("DOUBLE", "share of right forecasts at 0.5"),
    "tail_accuracy_error": ("DOUBLE", "standard error from the effective rows"),
    "tail_base_rate": ("DOUBLE", "share of up among the scored rows"),
    "tail_base_rate_error": ("DOUBLE", "standard error from the effective rows"),
    "tail_log_loss": ("DOUBLE", "on the scored rows, calibrated"),
}
PREDICTION_SCHEMA = {
    "ts": ("TIMESTAMPTZ", "bar that is predicted from"),
    "known_at": ("TIMESTAMPTZ", "moment from which the prediction can be used"),
    "model_id": ("VARCHAR", "model that made it"),
    "horizon": ("BIGINT", "bars ahead"),
    "p_up": ("DOUBLE", "probability of a rise, 0 to 1"),
}


def training_mapping(spec: ModelSpec, catalog: Catalog) -> dg.MultiPartitionMapping:
    """Windows that the fits of a window may read; with finer refits the own one too."""
    span = spec.training.span
    # as far back as there are windows: a large constant would be stepped through by Dagster
    back = len(catalog.grid.keys()) if span == "expanding" else int(span)
    return shifted_windows(-back, -1 if spec.training.refit == "window" else 0)


def model_assets(catalog: Catalog, grid: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """`models/<name>` and `predictions/<name>` of every model spec."""
    assets = []
    for spec in catalog.models.values():
        assets += [_model_asset(spec, catalog, grid), _prediction_asset(spec, grid)]
    return assets


def _model_asset(
    spec: ModelSpec, catalog: Catalog, grid: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    mapping = training_mapping(spec, catalog)
    return stage_asset(
        lambda workspace, instrument: ModelStage(workspace, instrument, spec.name),
        f"models/{spec.name}",
        group_name=GROUP,
        kinds={"scikitlearn"},
        partitions_def=grid,
        deps=[
            dg.AssetDep(dg.AssetKey(name.split("/")), partition_mapping=mapping)
            for name in [*model_feature_assets(spec), f"labels/{spec.label.name}"]
        ],
        code_version=spec.hash[:12],
        columns=FOLD_SCHEMA,
        description=f"Fits of '{spec.name}', one row a refit date. A fit reads earlier windows "
        "only, and of them the rows whose label ended before its refit date.",
    )


def _prediction_asset(spec: ModelSpec, grid: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    return stage_asset(
        lambda workspace, instrument: PredictionStage(workspace, instrument, spec.name),
        f"predictions/{spec.name}",
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        deps=[
            dg.AssetKey(name.split("/"))
            for name in [f"models/{spec.name}", *model_feature_assets(spec)]
        ],
        columns=PREDICTION_SCHEMA,
        description=f"Out-of-sample predictions of '{spec.name}', one row a bar, each by the "
        "newest fit made before it.",
    )
