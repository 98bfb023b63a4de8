"""The assets of models and predictions, of their cards, and of live models and their forecasts."""

from collections.abc import Callable, Mapping

import dagster as dg

from trading_pipeline.defs.failing_assets import failing_asset
from trading_pipeline.defs.partitions import (
    BY_INSTRUMENT,
    bars_and_actions,
    instruments,
    shifted_windows,
)
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.errors import OwnCodeError
from trading_pipeline.models.predictors.catalogue import Predictors
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.training.training_spans import windows_back
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.fan_out.call import StageCall
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.model_card import ModelCardStage
from trading_pipeline.stages.models.model_features import model_feature_assets, model_label_assets
from trading_pipeline.stages.models.models import ModelStage, PredictionStage

__all__ = ["card_assets", "forecast_assets", "model_assets", "training_mapping"]

_Kinds = Mapping[str, Callable[[ModelSpec, Predictor], dg.AssetsDefinition]]
"""How to make the assets of a spec, by what their names begin with."""
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
}
"""Columns of every fold table; those of its predictor's scores follow."""
LIVE_SCHEMA = {
    "role": ("VARCHAR", "champion, which forecasts, or challenger, which was not promoted"),
    "decision": ("VARCHAR", "why the champion forecasts"),
    "replaced": ("VARCHAR", "model in whose place the champion came"),
    "difference": ("DOUBLE", "mean loss of the challenger less that of the champion"),
    "difference_error": ("DOUBLE", "standard error of the difference"),
    "compared_effective_rows": ("DOUBLE", "what the overlapping rows of both are worth"),
}
"""Further columns of the fold table of a live model."""
PREDICTION_SCHEMA = {
    "ts": ("TIMESTAMPTZ", "bar that is predicted from"),
    "known_at": ("TIMESTAMPTZ", "moment from which the prediction can be used"),
    "model_id": ("VARCHAR", "model that made it"),
    "horizon": ("BIGINT", "bars ahead"),
}
"""Columns of all predictions; those of the predictor follow."""
TARGET_SCHEMA = {
    "target_ts": ("TIMESTAMPTZ", "bar that the step forecasts"),
    "target_known_at": ("TIMESTAMPTZ", "moment at which that bar will be known"),
    "last_close": ("DOUBLE", "close of the bar that is forecast from, as traded"),
}
"""Further columns of the newest forecast."""


def training_mapping(spec: ModelSpec, catalog: Catalog) -> dg.MultiPartitionMapping:
    """Windows that the fits of a window may read; with finer refits the own one too."""
    # as far back as there are windows: a large constant would be stepped through by Dagster
    back = windows_back(catalog.grid.windows(), spec.training)
    return shifted_windows(-back, -1 if spec.training.refit == "window" else 0)


def model_assets(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition, predictors: Predictors
) -> list[dg.AssetsDefinition]:
    """`models/<name>` and `predictions/<name>` of every model spec."""
    kinds: _Kinds = {
        "models": lambda spec, predictor: _model_asset(spec, catalog, grid, predictor),
        "predictions": lambda spec, predictor: _prediction_asset(spec, catalog, grid, predictor),
    }
    return _of_every_spec(catalog, predictors, grid, kinds)


def forecast_assets(catalog: Catalog, predictors: Predictors) -> list[dg.AssetsDefinition]:
    """`live/<name>` and `latest_forecast/<name>` of every model spec; cards alone read them too."""
    kinds: _Kinds = {"live": _live_asset, "latest_forecast": _latest_forecast_asset}
    return _of_every_spec(catalog, predictors, instruments, kinds)


def card_assets(catalog: Catalog, predictors: Predictors) -> list[dg.AssetsDefinition]:
    """`model_card/<name>` of every model spec."""
    return _of_every_spec(catalog, predictors, instruments, {"model_card": _card_asset})


def _of_every_spec(
    catalog: Catalog, predictors: Predictors, partitions: dg.PartitionsDefinition, kinds: _Kinds
) -> list[dg.AssetsDefinition]:
    """The assets `<kind>/<name>` of every model spec; those of a broken predictor's file fail."""
    assets = []
    for spec in catalog.models.values():
        try:
            predictor = predictors.get(spec.predictor.type)
        except OwnCodeError as error:
            names = [f"{kind}/{spec.name}" for kind in kinds]
            assets += [failing_asset(name, partitions, error, GROUP) for name in names]
        else:
            assets += [make(spec, predictor) for make in kinds.values()]
    return assets


def _model_asset(
    spec: ModelSpec, catalog: Catalog, grid: dg.MultiPartitionsDefinition, predictor: Predictor
) -> dg.AssetsDefinition:
    mapping = training_mapping(spec, catalog)
    return stage_asset(
        StageCall(ModelStage, (spec.name,)),
        f"models/{spec.name}",
        group_name=GROUP,
        kinds={"scikitlearn"},
        partitions_def=grid,
        deps=[
            dg.AssetDep(dg.AssetKey(name.split("/")), partition_mapping=mapping)
            for name in (
                *model_feature_assets(spec, predictor),
                *model_label_assets(spec, predictor),
            )
        ]
        + _bars(catalog, predictor, -1 if spec.training.refit == "window" else 0),
        code_version=spec.hash[:12],
        columns=FOLD_SCHEMA | _doubles(predictor.score_columns),
        description=f"Fits of '{spec.name}', one row a refit date. A fit reads earlier windows "
        "only, and of them the rows whose label ended before its refit date.",
    )


def _prediction_asset(
    spec: ModelSpec, catalog: Catalog, grid: dg.MultiPartitionsDefinition, predictor: Predictor
) -> dg.AssetsDefinition:
    return stage_asset(
        StageCall(PredictionStage, (spec.name,)),
        f"predictions/{spec.name}",
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        deps=[
            dg.AssetDep(dg.AssetKey(name.split("/")))
            for name in [f"models/{spec.name}", *model_feature_assets(spec, predictor)]
        ]
        + _bars(catalog, predictor, 0),
        columns=PREDICTION_SCHEMA | _doubles(predictor.columns),
        description=f"Out-of-sample predictions of '{spec.name}', one row a bar, each by the "
        "newest fit made before it.",
    )


def _live_asset(spec: ModelSpec, predictor: Predictor) -> dg.AssetsDefinition:
    return stage_asset(
        StageCall(LiveModelStage, (spec.name,)),
        f"live/{spec.name}",
        group_name=GROUP,
        kinds={"scikitlearn"},
        partitions_def=instruments,
        deps=_read_whole(
            [
                "bars",
                *model_feature_assets(spec, predictor),
                *model_label_assets(spec, predictor),
            ]
        ),
        code_version=spec.hash[:12],
        columns=FOLD_SCHEMA | _doubles(predictor.score_columns) | LIVE_SCHEMA,
        description=f"The model '{spec.name}' trained on everything that is known, for the newest "
        "forecast alone; no backtest can read it.",
    )


def _latest_forecast_asset(spec: ModelSpec, predictor: Predictor) -> dg.AssetsDefinition:
    return stage_asset(
        StageCall(LatestForecastStage, (spec.name,)),
        f"latest_forecast/{spec.name}",
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=instruments,
        deps=[
            dg.AssetDep(dg.AssetKey(["live", spec.name])),
            *_read_whole(["bars", *model_feature_assets(spec, predictor)]),
        ],
        columns=PREDICTION_SCHEMA | TARGET_SCHEMA | _doubles(predictor.columns),
        description=f"What the live model '{spec.name}' forecasts from the last bar, one row a "
        "step; prices as traded on that bar.",
    )


def _card_asset(spec: ModelSpec, predictor: Predictor) -> dg.AssetsDefinition:
    learned_from = [*model_feature_assets(spec, predictor), *model_label_assets(spec, predictor)]
    names = [f"models/{spec.name}", f"predictions/{spec.name}", *learned_from]
    return stage_asset(
        StageCall(ModelCardStage, (spec.name,)),
        f"model_card/{spec.name}",
        group_name=GROUP,
        kinds={"html"},
        partitions_def=instruments,
        deps=[
            dg.AssetDep(dg.AssetKey(["live", spec.name])),
            *(_read_whole([*names, "bars"]) if predictor.needs_bars else _of_all_windows(names)),
        ],
        description=f"How good the predictions of '{spec.name}' were out of sample: a verdict, "
        "scores with intervals beside the baselines, calibration, importance, and where they come "
        "from, as one self-contained page.",
    )


def _of_all_windows(names: list[str]) -> list[dg.AssetDep]:
    """All windows of these assets of the same instrument."""
    return [
        dg.AssetDep(dg.AssetKey(name.split("/")), partition_mapping=BY_INSTRUMENT) for name in names
    ]


def _read_whole(names: list[str]) -> list[dg.AssetDep]:
    """All windows of these assets of the same instrument, and its corporate actions."""
    return [*_of_all_windows(names), dg.AssetDep("corporate_actions")]


def _bars(catalog: Catalog, predictor: Predictor, last: int) -> list[dg.AssetDep]:
    """The bars up to a window, counted from the own one, for a predictor that reads them."""
    if not predictor.needs_bars:
        return []
    return bars_and_actions(shifted_windows(-len(catalog.grid.keys()), last))


def _doubles(columns: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {name: ("DOUBLE", meaning) for name, meaning in columns.items()}
