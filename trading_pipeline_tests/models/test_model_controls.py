"""Controls of the whole chain: it finds what is there, and nothing where nothing is."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.models.cards.scores import score_probabilities
from trading_pipeline.models.leakage_guard import ensure_predictions_clean
from trading_pipeline.models.registry.fitted_model import FittedModel
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.splitters import label_splitter
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.models.training.walk_forward_folds import refit_dates
from trading_pipeline.settings.model_spec import (
    EstimatorSpec,
    LabelSpec,
    ModelSpec,
    TrainingSpec,
)

HOUR = pd.Timedelta(hours=1)
TRAIN_ROWS, TEST_ROWS = 6_000, 20_000


def autoregressive_bars(rho, rows, seed=7):
    """Hourly bars without gaps whose log returns are an AR(1) of coefficient `rho`."""
    noise = np.random.default_rng(seed).normal(0.0, 0.001, rows)
    returns = np.empty(rows)
    returns[0] = noise[0]
    for row in range(1, rows):
        returns[row] = rho * returns[row - 1] + noise[row]
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    index = pd.date_range("2000-01-01", periods=rows, freq="h", tz="UTC", name="ts").as_unit("us")
    frame = pd.DataFrame({"open": opened, "close": close}, index=index)
    return frame.assign(high=frame.max(axis=1), low=frame.min(axis=1), volume=1.0)


def lagged_returns(bars, lags=3):
    returns = np.log(bars["close"]).diff()
    return pd.DataFrame({f"return_{lag}": returns.shift(lag) for lag in range(lags)})


def spec(estimator="logistic", horizon=1):
    return ModelSpec(
        name="control",
        estimator=EstimatorSpec(type=estimator),
        label=LabelSpec(horizon_bars=horizon),
        training=TrainingSpec(minimum_rows=500),
    )


def out_of_sample(model_spec, features, labels, known_at, split):
    refit_at = known_at[split]
    model = fit_model(
        model_spec,
        features,
        labels,
        instrument="CONTROL_1h",
        refit_at=refit_at,
        test_end=known_at[-1],
        feature_set_hash="0" * 64,
    )
    assert isinstance(model, FittedModel)
    later = known_at > model.last_label_end + model_spec.label.horizon_bars * HOUR
    predicted = predict(model, features.loc[later], known_at[later])
    both = labels.index.intersection(predicted.index)
    return score_probabilities(labels.loc[both, "label"], predicted.loc[both, "p_up"])


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist_gradient_boosting"])
def test_a_planted_autocorrelation_is_found_out_of_sample(estimator):
    bars = autoregressive_bars(0.2, TRAIN_ROWS + TEST_ROWS)
    known_at = bars.index + HOUR
    labels = compute_labels(LabelSpec(horizon_bars=1), bars, known_at).frame
    scores = out_of_sample(spec(estimator), lagged_returns(bars), labels, known_at, TRAIN_ROWS)
    assert scores.rows >= TEST_ROWS - 10
    # the best possible is 1/2 + asin(0.2)/pi = 0.564
    assert 0.54 <= scores.accuracy <= 0.575
    assert scores.brier_skill > 0.0
    assert scores.expected_calibration_error < 0.03


@pytest.mark.slow
def test_no_autocorrelation_and_shuffled_labels_give_an_auc_of_one_half():
    aucs = []
    for seed in range(6):
        rho = 0.2 if seed % 2 else 0.0
        bars = autoregressive_bars(rho, 8_000, seed)
        known_at = bars.index + HOUR
        labels = compute_labels(LabelSpec(horizon_bars=1), bars, known_at).frame
        if rho:
            shuffled = np.random.default_rng(seed).permutation(labels["label"].to_numpy())
            labels = labels.assign(label=shuffled)
        scores = out_of_sample(spec(), lagged_returns(bars), labels, known_at, 4_000)
        aucs.append(scores.auc)
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.012)
    assert np.ptp(aucs) < 0.08


@pytest.mark.slow
def test_overlapping_labels_fool_a_random_split_but_not_the_purged_one():
    """A random walk, levels as features and labels of 40 bars: there is nothing to find."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import KFold, cross_val_predict

    fooled, honest = [], []
    for seed in range(4):
        bars = autoregressive_bars(0.0, 6_000, seed)
        known_at = bars.index + HOUR
        labels = compute_labels(LabelSpec(horizon_bars=40), bars, known_at).frame
        close = np.log(bars["close"])
        features = pd.DataFrame({f"change_{n}": close.diff(n) for n in (5, 20, 60, 150, 400)})
        honest.append(
            out_of_sample(spec("hist_gradient_boosting", 40), features, labels, known_at, 4_000).auc
        )
        rows = labels.index[400:]
        forest = HistGradientBoostingClassifier(max_iter=60, random_state=1)
        shuffled = cross_val_predict(
            forest,
            features.loc[rows].to_numpy(),
            labels.loc[rows, "label"].to_numpy(),
            cv=KFold(4, shuffle=True, random_state=1),
            method="predict_proba",
        )[:, 1]
        fooled.append(score_probabilities(labels.loc[rows, "label"], shuffled).auc)
    assert min(fooled) > 0.7
    assert np.mean(honest) == pytest.approx(0.5, abs=0.1)
    assert np.mean(fooled) > np.mean(honest) + 0.2


@pytest.mark.slow
@pytest.mark.parametrize("refit", ["window", "quarter"])
def test_ten_years_of_the_index_walked_forward_hold_no_leak_and_no_miracle(refit):
    """S&P 500, direction of 5 days, `core`: any AUC far from one half would be a leak."""
    from arch.data import sp500

    raw = sp500.load().rename(columns=str.lower)
    index = pd.DatetimeIndex(raw.index).tz_localize("UTC").as_unit("us").rename("ts")
    bars = raw[["open", "high", "low", "close", "volume"]].astype("float64").set_axis(index, axis=0)
    known_at = bars.index + 21 * HOUR
    features = compute_features(feature_set("core"), bars)
    labels = compute_labels(LabelSpec(horizon_bars=5), bars, known_at).frame
    pieces, ends = [], {}
    for year in range(2008, 2018):
        start, end = (pd.Timestamp(f"{one}-01-01", tz="UTC") for one in (year, year + 1))
        dates = [*refit_dates(start, end, refit), end]
        for refit_at, test_end in itertools.pairwise(dates):
            model = fit_model(
                spec(horizon=5),
                features,
                labels,
                instrument="SP500_1d",
                refit_at=refit_at,
                test_end=test_end,
                feature_set_hash=feature_set("core").hash,
            )
            assert isinstance(model, FittedModel)
            assert model.last_label_end < refit_at
            # 5 labels are always still open, one more or less for a holiday at the very end
            assert 4 <= model.fold.purged <= 6
            mine = (known_at >= refit_at) & (known_at < test_end)
            pieces.append(predict(model, features.loc[mine], known_at[mine]))
            ends[model.model_id] = model.last_label_end
    predictions = pd.concat(pieces)
    assert predictions.index.is_unique
    assert predictions.index.is_monotonic_increasing
    assert len(ends) == 10 * (1 if refit == "window" else 4)
    ensure_predictions_clean(predictions, ends)
    both = labels.index.intersection(predictions.index)
    scores = score_probabilities(labels.loc[both, "label"], predictions.loc[both, "p_up"])
    assert scores.rows > 2500
    assert 0.44 <= scores.auc <= 0.56
    assert abs(predictions["p_up"].mean() - scores.base_rate) < 0.08


@pytest.mark.slow
def test_a_shuffled_split_of_the_index_finds_what_a_purged_one_does_not():
    """S&P 500 1999-2018, 157 features, labels of 20 days: published as 0.899 and 0.478.

    The published boosting is not this one to the last parameter, so the band of the purged AUC is
    that of a coin with about 250 independent rows (four standard errors), and the shuffled one has
    to be far outside it.
    """
    from arch.data import sp500
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import KFold, cross_val_predict

    raw = sp500.load().rename(columns=str.lower)
    index = pd.DatetimeIndex(raw.index).tz_localize("UTC").as_unit("us").rename("ts")
    bars = raw[["open", "high", "low", "close", "volume"]].astype("float64").set_axis(index, axis=0)
    features = compute_features(feature_set("alpha158"), bars)
    assert features.shape[1] == 157
    labels = compute_labels(LabelSpec(horizon_bars=20), bars, bars.index + 21 * HOUR).frame
    labels = labels.loc[labels.index.intersection(features.dropna().index)]
    values = features.loc[labels.index].to_numpy()
    outcomes = labels["label"].to_numpy()
    boosting = HistGradientBoostingClassifier(max_iter=30, early_stopping=False, random_state=7)
    aucs = {}
    for name, split in (
        ("shuffled", KFold(5, shuffle=True, random_state=7)),
        ("purged", label_splitter(labels, "purged_k_fold", splits=5)),
    ):
        odds = cross_val_predict(boosting, values, outcomes, cv=split, method="predict_proba")[:, 1]
        aucs[name] = score_probabilities(outcomes, odds).auc
    assert aucs["shuffled"] > 0.8
    assert 0.40 < aucs["purged"] < 0.56
