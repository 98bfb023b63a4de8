"""Features, labels and fits that the tests of models share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import (
    EstimatorSpec,
    LabelSpec,
    ModelSpec,
    TrainingSpec,
)

DAY = pd.Timedelta(days=1)
CLOSE = pd.Timedelta(hours=21)


def make_data(rows: int = 400, *, seed: int = 7, horizon: int = 5, signal: float = 1.0):
    """Two features, of which `useful` moves the odds of the label; one bar a day from 2000 on."""
    generator = np.random.default_rng(seed)
    index = pd.date_range("2000-01-01", periods=rows, tz="UTC", name="ts").as_unit("us")
    features = pd.DataFrame(
        generator.normal(size=(rows, 2)), index=index, columns=["useful", "noise"]
    )
    odds = 1.0 / (1.0 + np.exp(-signal * features["useful"].to_numpy()))
    label = (generator.uniform(size=rows) < odds).astype("float64")
    known_at = index + CLOSE
    labels = pd.DataFrame({"t0": known_at, "t1": known_at + horizon * DAY, "label": label}, index)
    return features, labels


def make_spec(
    *, estimator: str = "logistic", calibration: str | None = "sigmoid", **changes: object
) -> ModelSpec:
    training = {"minimum_rows": 50} | dict(changes.pop("training", {}))
    parameters = changes.pop("params", {})
    if estimator == "hist_gradient_boosting":
        parameters = {"max_iter": 10} | dict(parameters)
    return ModelSpec(
        name="direction",
        estimator=EstimatorSpec(type=estimator, params=parameters),
        label=LabelSpec(horizon_bars=5),
        training=TrainingSpec(**training),
        calibration=calibration,
        **changes,
    )


def make_fit(
    spec: ModelSpec | None = None,
    data: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    *,
    refit_at: str = "2001-01-01",
) -> FittedModel | NoModel:
    features, labels = data or make_data()
    return fit_model(
        spec or make_spec(),
        features,
        labels,
        instrument="AAPL_1d",
        refit_at=pd.Timestamp(refit_at, tz="UTC"),
        test_end=pd.Timestamp("2002-01-01", tz="UTC"),
        feature_set_hash="f" * 64,
    )


@pytest.fixture(name="make_data")
def _make_data() -> Callable[..., tuple[pd.DataFrame, pd.DataFrame]]:
    return make_data


@pytest.fixture(name="make_spec")
def _make_spec() -> Callable[..., ModelSpec]:
    return make_spec


@pytest.fixture(name="make_fit")
def _make_fit() -> Callable[..., FittedModel | NoModel]:
    return make_fit
