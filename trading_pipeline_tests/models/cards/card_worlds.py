"""Walk-forward fits and predictions in memory, as a card takes them."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.features.sets.families import feature_families
from trading_pipeline.models.cards.card_rows import CardFit, CardInput, HorizonRows
from trading_pipeline.models.cards.intervals import Worth
from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS
from trading_pipeline.models.predictors.predictor import History
from trading_pipeline.models.registry.fitted_model import FittedModel
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import ModelSpec

HOUR = pd.Timedelta(hours=1)


def bars_of(rho: float, rows: int, seed: int = 7) -> pd.DataFrame:
    """Hourly bars whose log returns are an AR(1)."""
    noise = np.random.default_rng(seed).normal(0.0, 0.001, rows)
    returns = np.empty(rows)
    last = 0.0
    for row in range(rows):
        last = returns[row] = rho * last + noise[row]
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    index = pd.date_range("2000-01-01", periods=rows, freq="h", tz="UTC", name="ts").as_unit("us")
    frame = pd.DataFrame({"open": opened, "close": close}, index=index)
    return frame.assign(high=frame.max(axis=1), low=frame.min(axis=1), volume=1.0)


def features_of(bars: pd.DataFrame, seed: int = 3) -> pd.DataFrame:
    """The last returns, and a column that tells nothing."""
    returns = np.log(bars["close"]).diff()
    found = pd.DataFrame({f"return_{lag}": returns.shift(lag) for lag in range(2)})
    return found.assign(noise=np.random.default_rng(seed).normal(size=len(bars)))


def spec_of(predictor: str = "direction", **changes: object) -> ModelSpec:
    given = {
        "name": "control",
        "predictor": predictor,
        "training": {"minimum_rows": 100},
        **changes,
    }
    return ModelSpec.model_validate(given)


def walk_forward(
    spec: ModelSpec,
    bars: pd.DataFrame,
    *,
    fits: int = 3,
    labels: pd.DataFrame | None = None,
    predictors: object = SHIPPED_PREDICTORS,
) -> CardInput:
    """Fits of equally long spans after the first third of the bars, and what they predicted."""
    known_at = pd.DatetimeIndex(bars.index) + HOUR
    features = features_of(bars)
    predictor = predictors.get(spec.predictor.type)
    history = None
    if predictor.needs_bars:
        history = History(bars=bars, known_at=known_at, timeframe=Timeframe.H1, calendar="24/7")
        features = features[[]]
    if labels is None:
        labels = compute_labels(spec.label, bars, known_at).frame
    edges = np.linspace(len(bars) // 3, len(bars), fits + 1).astype(int)
    found = []
    for start, end in itertools.pairwise(edges.tolist()):
        test_end = known_at[end] if end < len(bars) else known_at[-1] + HOUR
        model = fit_model(
            spec,
            features,
            labels,
            instrument="CONTROL_1h",
            refit_at=known_at[start],
            test_end=test_end,
            feature_set_hash="0" * 64,
            predictors=predictors,
            history=history,
        )
        assert isinstance(model, FittedModel)
        rows = slice(start, end)
        told = predict(model, features.iloc[rows], known_at[rows], history=history)
        found.append(
            CardFit(
                model_id=model.model_id,
                fold=model.fold,
                predictions=told,
                load=lambda model=model: model,
                seconds=0.5,
            )
        )
    return CardInput(
        spec=spec,
        predictor=predictor,
        instrument="CONTROL_1h",
        fits=found,
        refit_dates=fits,
        features=features,
        labels=labels,
        history=history,
        families=feature_families(map(str, features.columns)),
    )


def rows_of(told: dict[str, object], label: object, *, fit: object = None, overlap: int = 0):
    """Scored rows of one horizon from plain arrays."""
    outcome = np.asarray(label, dtype="float64")
    index = pd.date_range("2000-01-01", periods=len(outcome), freq="h", tz="UTC", name="ts")
    return HorizonRows(
        bars=1 + overlap,
        told=pd.DataFrame(told, index=index, dtype="float64"),
        outcomes=pd.DataFrame({"label": outcome}, index=index),
        fit=np.zeros(len(outcome), dtype=np.int64) if fit is None else np.asarray(fit),
        worth=Worth(uniqueness=np.full(len(outcome), 1.0 / (1 + overlap)), overlap=overlap),
        baselines={},
    )
