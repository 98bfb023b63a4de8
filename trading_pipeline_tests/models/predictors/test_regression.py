"""Forward returns and volatility: found where they can be, with intervals that hold their share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError, ModelTrainingError
from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS, check_model_spec
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.forecasting import forecast, predict
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import LabelSpec, ModelSpec

ROWS = 3_000


def bars_of(returns):
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    index = pd.date_range("2000-01-01", periods=len(returns), tz="UTC", name="ts").as_unit("us")
    frame = pd.DataFrame({"open": opened, "close": close}, index=index)
    return frame.assign(high=frame.max(axis=1), low=frame.min(axis=1), volume=1.0)


def autoregressive(rho=0.3, seed=7):
    noise = np.random.default_rng(seed).normal(0.0, 0.01, ROWS)
    returns = noise.copy()
    for row in range(1, ROWS):
        returns[row] += rho * returns[row - 1]
    return bars_of(returns)


def clustered(seed=7):
    noise, variance = np.random.default_rng(seed).normal(size=ROWS), 1.0
    returns = np.empty(ROWS)
    for row in range(ROWS):
        returns[row] = np.sqrt(variance) * noise[row]
        variance = 0.03 + 0.12 * returns[row] ** 2 + 0.85 * variance
    return bars_of(0.01 * returns)


def features_of(bars):
    returns = np.log(bars["close"]).diff()
    lags = {f"return_{lag}": returns.shift(lag) for lag in range(2)}
    sizes = {f"size_{n}": np.log(returns.abs().rolling(n).mean()) for n in (3, 10, 30)}
    return pd.DataFrame(lags | sizes)


def spec_of(predictor, label, estimator="ridge", **changes):
    return ModelSpec.parse(
        {
            "name": "m",
            "predictor": predictor,
            "estimator": {"type": estimator},
            "label": label,
            "training": {"minimum_rows": 200},
            **changes,
        },
        where="m.yaml",
    )


def fitted(spec, bars, at=2_000):
    known_at = bars.index + pd.Timedelta(hours=21)
    labels = compute_labels(spec.label, bars, known_at).frame
    features = features_of(bars)
    model = fit_model(
        spec,
        features,
        labels,
        instrument="SIM_1d",
        refit_at=known_at[at],
        test_end=known_at[-1],
        feature_set_hash="0" * 64,
    )
    later = slice(at + 10, None)
    return model, features.iloc[later], known_at[later], labels


@pytest.mark.parametrize("estimator", ["ridge", "hist_gradient_boosting", "random_forest"])
def test_an_autoregression_is_found_and_its_interval_holds_its_share(estimator):
    spec = spec_of("forward_return", {"type": "forward_return", "horizon_bars": 1}, estimator)
    model, features, known_at, labels = fitted(spec, autoregressive())
    assert isinstance(model, FittedModel)
    tail = model.scores["tail"]
    assert tail["rank_ic"] > 4.0 * tail["rank_ic_error"]
    assert tail["mse"] < model.scores["tail_zero"]["mse"]
    assert 0.85 < tail["coverage_90"] < 0.95
    frame = predict(model, features, known_at)
    both = frame.index.intersection(labels.index)
    outcomes = labels.loc[both, "label"]
    assert np.corrcoef(frame.loc[both, "yhat"], outcomes)[0, 1] > 0.2
    inside = outcomes.between(frame.loc[both, "q05"], frame.loc[both, "q95"])
    assert 0.85 < inside.mean() < 0.95
    assert list(frame.columns[3:]) == ["yhat", "q05", "q50", "q95"]


def test_a_random_walk_gives_no_evidence_of_skill():
    spec = spec_of("forward_return", {"type": "forward_return", "horizon_bars": 5})
    away = []
    for seed in range(10):
        tail = fitted(spec, autoregressive(0.0, seed))[0].scores["tail"]
        away.append(tail["rank_ic"] / tail["rank_ic_error"])
    assert np.mean(np.abs(away) > 2.0) <= 0.3
    assert abs(np.mean(away)) < 1.0


def test_permuted_labels_score_nothing():
    spec = spec_of("forward_return", {"type": "forward_return", "horizon_bars": 1})
    bars = autoregressive()
    known_at = bars.index + pd.Timedelta(hours=21)
    labels = compute_labels(spec.label, bars, known_at).frame
    mixed = np.random.default_rng(1).permutation(labels["label"].to_numpy())
    model = fit_model(
        spec,
        features_of(bars),
        labels.assign(label=mixed),
        instrument="SIM_1d",
        refit_at=known_at[-1],
        test_end=known_at[-1],
        feature_set_hash="0" * 64,
    )
    tail = model.scores["tail"]
    assert abs(tail["rank_ic"]) < 2.5 * tail["rank_ic_error"]
    assert abs(tail["accuracy"] - 0.5) < 2.5 * tail["accuracy_error"]


def test_volatility_that_clusters_is_forecast_better_than_by_its_mean_or_its_last_value():
    spec = spec_of("volatility", {"type": "volatility", "horizon_bars": 5})
    against = {"tail_mean": [], "tail_last": []}
    for seed in range(5):
        model, features, known_at, _ = fitted(spec, clustered(seed))
        tail = model.scores["tail"]
        for baseline, shares in against.items():
            shares.append(tail["mae"] / model.scores[baseline]["mae"])
        assert tail["rank_ic"] > 4.0 * tail["rank_ic_error"]
        assert 0.8 < tail["coverage_90"] < 0.97
        assert "accuracy" not in tail
        frame = predict(model, features, known_at)
        assert (frame[["yhat", "q05", "q50", "q95"]] > 0.0).all(axis=None)
    assert np.mean(against["tail_mean"]) < 0.95
    assert np.mean(against["tail_last"]) < 0.95


@pytest.mark.parametrize(
    ("predictor", "label"), [("forward_return", "scaled_return"), ("volatility", "volatility")]
)
@pytest.mark.parametrize("estimator", ["ridge", "hist_gradient_boosting", "random_forest"])
def test_the_same_fold_twice_gives_equal_bytes_and_is_read_back(
    tmp_path, predictor, label, estimator
):
    spec = spec_of(predictor, {"type": label}, estimator)
    files = []
    for number in range(2):
        model, features, _, _ = fitted(spec, clustered())
        path = save_model(tmp_path / str(number), model)
        files.append([each.read_bytes() for each in sorted(path.iterdir())])
        pd.testing.assert_frame_equal(
            forecast(load_model(path), features), forecast(model, features)
        )
    assert files[0] == files[1]


def test_weights_and_their_decay_change_the_model():
    label = {"type": "forward_return", "horizon_bars": 10}
    bars = autoregressive()
    made = {
        name: fitted(spec_of("forward_return", label, training=training), bars)[0]
        for name, training in (
            ("plain", {"minimum_rows": 200}),
            ("equal", {"minimum_rows": 200, "weights": "equal"}),
            ("faded", {"minimum_rows": 200, "half_life_bars": 100}),
        )
    }
    slopes = [each.state["estimator"][1].coef_.tolist() for each in made.values()]
    assert slopes[0] != slopes[1] != slopes[2] != slopes[0]
    assert len({each.effective_rows for each in made.values()}) == 1


def test_what_cannot_be_learned_is_refused_by_name():
    for changes, message in (
        (("forward_return", {"type": "direction"}), r"cannot learn.*'direction'.*: direction"),
        (("volatility", {"type": "forward_return"}), "that learn it: forward_return"),
        (("direction", {"type": "ohlc_path"}), "cannot learn the label 'ohlc_path'"),
        (("forward_return", {"type": "forward_return"}, "logistic"), "needs a regressor: hist"),
        (("direction", {"type": "direction"}, "ridge"), "needs a classifier"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            check_model_spec(spec_of(*changes))
    with pytest.raises(ConfigurationError, match="gives no probability"):
        check_model_spec(
            spec_of("forward_return", {"type": "forward_return"}, calibration="sigmoid")
        )


@pytest.mark.parametrize("name", ["forward_return", "volatility"])
def test_bad_rows_are_typed_errors(name):
    spec = spec_of(name, {"type": name})
    bars = clustered()
    known_at = bars.index + pd.Timedelta(hours=21)
    labels = compute_labels(spec.label, bars, known_at).frame
    about = {
        "instrument": "SIM_1d",
        "refit_at": known_at[2000],
        "test_end": known_at[-1],
        "feature_set_hash": "0" * 64,
    }
    features = features_of(bars)
    with pytest.raises(DataQualityError, match="infinite"):
        fit_model(spec, features.replace(features.iloc[100, 0], np.inf), labels, **about)
    with pytest.raises(ModelTrainingError, match="nothing to learn"):
        fit_model(spec, features, labels.assign(label=0.01), **about)
    with pytest.raises(DataQualityError, match="leave rows without an outcome out"):
        fit_model(spec, features, labels.assign(label=np.nan), **about)
    assert isinstance(fit_model(spec, features, labels.iloc[:150], **about), NoModel)


def test_every_shipped_predictor_of_labels_scores_its_own_baselines_by_its_own_scores():
    shipped = [SHIPPED_PREDICTORS.get(name) for name in SHIPPED_PREDICTORS.names()]
    of_labels = [each for each in shipped if not (each.bars_alone or each.label_features)]
    for predictor in of_labels:
        name = predictor.name
        label = LabelSpec(type=predictor.labels[0], horizon_bars=2)
        estimator = "logistic" if predictor.task == "classifier" else "ridge"
        spec = spec_of(name, label.model_dump(), estimator)
        bars = clustered()
        model, _, _, _ = fitted(spec, bars)
        shown = {key.removeprefix("tail_") for key in predictor.score_columns if "tail" in key}
        assert shown <= set(model.scores["tail"])
        assert predictor.in_words(model.metrics())
