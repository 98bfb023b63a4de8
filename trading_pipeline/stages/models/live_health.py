"""Age, drift and decay of the live models that are stored."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.models.predictors.calls import with_label_features
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.model_age import (
    FeatureDrift,
    ModelHealth,
    ScoreDecay,
    age_limit_days,
    feature_drift,
)
from trading_pipeline.models.training.effective_rows import label_clock, row_uniqueness
from trading_pipeline.models.training.forecasting import forecast
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.models.champion import Champion, stored_champion
from trading_pipeline.stages.models.model_features import joined_labels, model_label_assets
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace

__all__ = ["live_health", "live_models"]

_SCORES = {"auc": "AUC", "rank_ic": "rank IC"}
"""Scores without a scale, in which larger is better; the first that a predictor has is used."""
_FEWEST_EFFECTIVE = 20.0
_DAY = pd.Timedelta(days=1)


def live_models(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Instrument and model of every live model that is stored and that a file still names."""
    known = {f"live/{name}": name for name in workspace.catalog.models}
    for (asset, instrument_id), artifact in sorted(workspace.artifacts.newest(known).items()):
        if artifact.status == "ok" and instrument_id in workspace.catalog.instruments:
            yield instrument_id, known[asset]


def live_health(workspace: Workspace, instrument_id: str, model: str) -> ModelHealth | None:
    """The champion's age by the newest stored bar, drift and decay; None where there is none.

    Age counts from the last bar that it could learn from to the newest bar that is stored: where no
    bar is new, a new fit would learn nothing. Drift and decay are None where features or labels are
    not up to date enough to tell (`unmeasured` says why), or too few rows are known since.
    """
    champion = stored_champion(workspace, instrument_id, model)
    if champion is None:
        return None
    spec, series = workspace.catalog.model(model), stored_series(workspace, instrument_id)
    since = champion.known_until
    age = (series.known_at[-1] - since) / _DAY
    limit = age_limit_days(series.instrument.timeframe, spec.max_age_days)
    drift, decay, unmeasured = None, None, ""
    try:
        predictor = workspace.registries.predictors.get(champion.spec.predictor.type)
        if age > 0.0 and not predictor.bars_alone:
            drift, decay = _since(champion, predictor, instrument_id)
    except TradingPipelineError as error:
        unmeasured = str(error)  # age is known all the same
    return ModelHealth(
        age_days=max(age, 0.0),
        limit_days=limit,
        drift=drift,
        decay=decay,
        unmeasured=unmeasured,
    )


def _since(
    champion: Champion, predictor: Predictor, instrument_id: str
) -> tuple[FeatureDrift | None, ScoreDecay | None]:
    """Drift and decay on the rows that became known after the champion was fitted."""
    workspace = champion.workspace
    assets = model_label_assets(champion.spec, predictor)
    upstream = UpstreamFrames(workspace, instrument_id, assets)
    windows = workspace.windows_of(instrument_id)
    features = champion.features(instrument_id, predictor).rows(windows)
    fitted = champion.load()
    values = features[list(fitted.columns)]
    rows = values.loc[features["known_at"] >= champion.known_until]
    learned = values.loc[champion.row["train_start"] : champion.row["train_end"]]
    drift = feature_drift(learned, rows)
    known = pd.DatetimeIndex(features.loc[rows.index, "known_at"])
    told = forecast(fitted, rows, known)
    labels = joined_labels(upstream, assets, windows)
    labels = with_label_features(predictor, champion.spec, labels, features)
    return drift, _decay(champion, predictor, told.dropna(), labels)


def _decay(
    champion: Champion, predictor: Predictor, told: pd.DataFrame, labels: pd.DataFrame
) -> ScoreDecay | None:
    targets = predictor.targets(champion.spec, labels, None)
    known = targets.loc[targets.index.intersection(told.index)]
    if not len(known):
        return None
    worth = row_uniqueness(known, label_clock(targets))
    if worth.sum() < _FEWEST_EFFECTIVE:
        return None
    scores = predictor.scores(told.loc[known.index], known, worth)
    for name, shown in _SCORES.items():
        values = [
            champion.row.get(f"tail_{name}"),
            champion.row.get(f"tail_{name}_error"),
            scores.get(name),
            scores.get(f"{name}_error"),
        ]
        numbers = [float(each) for each in values if each is not None and pd.notna(each)]
        if len(numbers) == len(values):
            held_back, held_back_error, since, since_error = numbers
            return ScoreDecay(
                name=shown,
                held_back=held_back,
                held_back_error=held_back_error,
                since=since,
                since_error=since_error,
                effective_rows=float(worth.sum()),
            )
    return None
