from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    DataLeakageError,
    DataQualityError,
    ModelIntegrityError,
    ModelTrainingError,
    UnknownNameError,
)
from trading_pipeline.models.leakage_guard import ensure_predictions_clean
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.models.predictors.estimators import (
    build_estimator,
    estimator_names,
    is_installed,
)
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.training.estimator_fit import margins_of
from trading_pipeline.models.training.forecasting import COMMON_COLUMNS, forecast, predict
from trading_pipeline.settings.model_spec import EstimatorSpec, LabelSpec, ModelSpec

REFIT = pd.Timestamp("2001-01-01", tz="UTC")
INSTALLED = [name for name in estimator_names("classifier") if is_installed(name)]


def p_up(model, features):
    return forecast(model, features)["p_up"].to_numpy()


def known(features):
    return features.index + pd.Timedelta(hours=21)


def test_a_fit_accounts_for_every_row(make_fit, make_data):
    features, labels = make_data(400)
    features.iloc[:30, 0] = np.nan
    model = make_fit(data=(features, labels))
    assert isinstance(model, FittedModel)
    # 366 days of 2000: those of the last 5 end in 2001, the first 30 have no feature
    assert model.fold.rows == 366 - 5 - 30
    assert model.fold.purged == 5
    assert model.rows_without_features == 30
    assert model.rows_fitted == model.fold.rows
    assert model.details["rows_calibrated"] == 331 - round(0.4 * 331)
    assert model.rows_scored == 331 - round(0.6 * 331)
    assert model.scores["tail"]["rows"] == model.rows_scored
    assert model.details["rows_purged_between"] == 3 * 5
    assert model.effective_rows == pytest.approx(331 / 5, rel=0.02)
    assert model.last_label_end == pd.Timestamp("2000-12-31 21:00", tz="UTC") < REFIT


def test_nothing_after_the_refit_date_changes_the_model(make_fit, make_data):
    features, labels = make_data(400)
    changed, turned = features.copy(), labels.copy()
    changed.loc[changed.index >= REFIT] = 99.0
    # a label that ends at or after the refit date is not known at it
    turned.loc[turned["t1"] >= REFIT, "label"] = 1.0
    plain, other = make_fit(data=(features, labels)), make_fit(data=(changed, turned))
    assert plain.model_id == other.model_id
    np.testing.assert_array_equal(p_up(plain, features), p_up(other, features))


def test_a_label_known_just_before_the_refit_date_does_change_it(make_fit, make_data):
    features, labels = make_data(400)
    turned = labels.copy()
    last = np.flatnonzero(turned["t1"] < REFIT)[-1]
    turned.iloc[last, 2] = 1.0 - turned.iloc[last, 2]
    plain, other = make_fit(data=(features, labels)), make_fit(data=(features, turned))
    assert plain.model_id != other.model_id
    assert (p_up(plain, features) != p_up(other, features)).any()


def test_a_ranking_that_fails_on_the_held_back_rows_gives_the_base_rate(make_fit, make_data):
    features, labels = make_data(400)
    turned = labels.copy()
    # the blocks are the last 217 of 361 rows
    turned.iloc[144:361, 2] = 1.0 - turned.iloc[144:361, 2]
    turned.iloc[200:361, 2] = labels.iloc[144:305, 2].to_numpy()
    other = make_fit(data=(features, turned))
    assert other.state["slope"] == 0.0
    np.testing.assert_allclose(p_up(other, features), other.details["base_rate"])
    assert other.scores["tail_uncalibrated"]["auc"] < 0.6


def test_scores_compare_with_the_base_rate_that_was_known_before(make_fit, make_data):
    features, labels = make_data(400, signal=0.0)
    labels = labels.copy()
    labels.iloc[220:, 2] = 1.0  # up to here half of them rose
    scores = make_fit(data=(features, labels)).scores["tail"]
    assert scores["base_rate"] > 0.99
    assert scores["base_rate_brier"] > 0.1  # nobody knew that all would rise
    assert scores["brier_skill"] < 0.05


def test_errors_are_those_of_effective_rows(make_fit, make_data):
    overlapping, single = (
        make_fit(data=make_data(400, horizon=horizon)).scores["tail"] for horizon in (5, 1)
    )
    assert single["effective_rows"] == single["rows"]
    assert overlapping["effective_rows"] == pytest.approx(overlapping["rows"] / 5, rel=0.05)
    for error in ("auc_error", "accuracy_error", "base_rate_error"):
        assert overlapping[error] > 1.8 * single[error]


@pytest.mark.parametrize("name", INSTALLED)
def test_rows_are_weighted_only_where_labels_overlap(make_fit, make_spec, make_data, name):
    features, labels = make_data(400, horizon=1)
    plain = make_fit(make_spec(estimator=name), (features, labels))
    unweighted = build_estimator(name, plain.spec.estimator.params, seed=plain.spec.seed)
    rows = labels.index[labels["t1"] < REFIT]
    unweighted.fit(features.loc[rows].to_numpy(), labels.loc[rows, "label"].astype("int64"))
    own = margins_of(plain.state["estimator"], features.to_numpy())
    np.testing.assert_array_equal(own, margins_of(unweighted, features.to_numpy()))
    longer = make_fit(make_spec(estimator=name), make_data(400, horizon=20))
    if name != "random_forest":  # it has no penalty that many rows of one outcome could outweigh
        assert np.ptp(margins_of(longer.state["estimator"], features.to_numpy())) < np.ptp(own)


@pytest.mark.parametrize("horizon", [1, 5, 20])
def test_on_random_walks_the_brier_score_stays_near_that_of_the_base_rate(
    make_fit, make_spec, horizon
):
    excess, far = [], []
    for seed in range(12):
        returns = np.random.default_rng([seed, horizon]).normal(size=1400)
        index = pd.date_range("2000-01-01", periods=1400, tz="UTC", name="ts").as_unit("us")
        price = pd.Series(np.cumsum(returns), index)
        changes = {f"change_{n}": price.diff(n) for n in (1, 3, 10, 40, 120)}
        features = pd.DataFrame(changes)
        forward = (price.shift(-horizon) - price).dropna()
        known_at = forward.index + pd.Timedelta(hours=21)
        labels = pd.DataFrame(
            {
                "t0": known_at,
                "t1": known_at + pd.Timedelta(days=horizon),
                "label": (forward > 0).astype("float64"),
            }
        )
        refit_at = index[900]
        model = make_fit(make_spec(), (features, labels), refit_at=f"{refit_at:%Y-%m-%d}")
        later = labels.index[labels.index >= refit_at]
        forecast, outcome = p_up(model, features.loc[later]), labels.loc[later, "label"]
        excess.append(
            np.mean((forecast - outcome) ** 2)
            - np.mean((model.details["base_rate"] - outcome) ** 2)
        )
        far.append(np.mean(np.abs(forecast - 0.5) > 0.1))
    assert np.mean(excess) < 0.005
    assert np.mean(far) < 0.1


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("calibration", ["sigmoid", None])
def test_equal_inputs_give_an_equal_model_and_the_planted_signal_is_found(
    make_fit, make_spec, make_data, name, calibration
):
    spec = make_spec(estimator=name, calibration=calibration)
    data = make_data(1200, signal=1.5)
    first, second = (make_fit(spec, data, refit_at="2003-01-01") for _ in range(2))
    assert first.model_id == second.model_id
    assert first.metrics() == second.metrics()
    features, labels = data
    later = features.loc[features.index >= "2003-01-01"]
    probability = p_up(first, later)
    np.testing.assert_array_equal(probability, p_up(second, later))
    truth = labels.loc[later.index, "label"]
    assert np.mean((probability >= 0.5) == (truth == 1.0)) > 0.6


def test_without_calibration_every_row_trains_and_the_odds_are_the_estimators_own(
    make_fit, make_spec, make_data
):
    model = make_fit(make_spec(calibration=None))
    assert model.state["slope"] is None
    assert (model.rows_fitted, model.details["rows_calibrated"]) == (model.fold.rows, 0)
    assert set(model.scores) == {"train"}
    features, _ = make_data()
    own = model.state["estimator"].predict_proba(features.to_numpy())[:, 1]
    np.testing.assert_allclose(p_up(model, features), own, rtol=1e-12)


def test_calibration_mends_a_boosting_that_is_too_sure(make_fit, make_spec, make_data):
    spec = make_spec(
        estimator="hist_gradient_boosting", params={"max_iter": 150, "learning_rate": 0.3}
    )
    scores = make_fit(spec, make_data(1500, signal=0.5), refit_at="2004-01-01").scores
    assert scores["tail"]["brier"] < scores["tail_uncalibrated"]["brier"]
    assert scores["tail"]["expected_calibration_error"] < 0.1
    assert scores["train"]["auc"] > scores["tail"]["auc"]


def test_metrics_are_flat_and_plain(make_fit):
    metrics = make_fit().metrics()
    assert {"tail_brier", "tail_auc", "train_accuracy", "tail_uncalibrated_log_loss"} <= set(
        metrics
    )
    assert all(isinstance(value, (int, float)) for value in metrics.values())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"params": {"C": 0.5}},
        {"calibration": None},
        {"training": {"embargo_bars": 3}},
        {"training": {"minimum_rows": 51}},
    ],
)
def test_the_id_changes_with_all_that_makes_a_model(make_fit, make_spec, change):
    assert make_fit(make_spec(**change)).model_id != make_fit().model_id


def test_the_id_is_made_of_name_instrument_refit_date_and_hash(make_fit, make_data):
    model = make_fit()
    assert model.model_id.startswith("direction-AAPL_1d-20010101-")
    assert len(model.model_id.rpartition("-")[2]) == 12
    features, labels = make_data()
    features.iloc[100, 0] += 1e-9
    assert make_fit(data=(features, labels)).model_id != model.model_id


def test_too_few_rows_are_no_model_and_no_error(make_fit, make_spec):
    outcome = make_fit(make_spec(training={"minimum_rows": 362}))
    assert isinstance(outcome, NoModel)
    assert outcome.reason == (
        "361 rows have features and a label that ended before 2001-01-01, 362 are needed."
    )
    assert outcome.fold.rows == 361
    assert isinstance(make_fit(make_spec(training={"minimum_rows": 361})), FittedModel)


def test_no_rows_at_all_are_no_model_either(make_fit, make_data):
    features, labels = make_data()
    outcome = make_fit(data=(features.iloc[:0], labels.iloc[:0]))
    assert isinstance(outcome, NoModel)
    assert (outcome.fold.rows, outcome.fold.train_start) == (0, None)
    assert isinstance(make_fit(refit_at="1999-01-01"), NoModel)


def test_labels_as_long_as_the_history_leave_nothing_to_calibrate_on(make_fit, make_data):
    features, labels = make_data(150, horizon=200)
    outcome = make_fit(data=(features, labels), refit_at="2002-01-01")
    assert isinstance(outcome, NoModel)
    assert "held back for calibration" in outcome.reason


def test_the_embargo_moves_the_end_of_the_training(make_fit, make_spec):
    model = make_fit(make_spec(training={"embargo_bars": 10}))
    assert (model.fold.rows, model.fold.embargoed) == (351, 10)
    assert model.last_label_end == pd.Timestamp("2000-12-21 21:00", tz="UTC")


@pytest.mark.parametrize(("value", "word"), [(1.0, "up"), (0.0, "down")])
@pytest.mark.parametrize("calibration", ["sigmoid", None])
def test_outcomes_all_alike_cannot_be_learned(
    make_fit, make_spec, make_data, value, word, calibration
):
    features, labels = make_data()
    labels["label"] = value
    with pytest.raises(ModelTrainingError, match=f"training rows.*have the outcome {word}"):
        make_fit(make_spec(calibration=calibration), (features, labels))


def test_a_fit_that_does_not_converge_is_an_error(make_fit, make_spec):
    with pytest.raises(ModelTrainingError, match=r"could not be fitted to 361 rows.*'max_iter'"):
        make_fit(make_spec(params={"max_iter": 1, "C": 100.0}))


def test_what_no_model_can_be_trained_on_is_refused(make_fit, make_data):
    features, labels = make_data()
    infinite = features.copy()
    infinite.iloc[3, 1] = np.inf
    with pytest.raises(DataQualityError, match="feature 'noise' is inf at 2000-01-04"):
        make_fit(data=(infinite, labels))
    with pytest.raises(DataQualityError, match=r"must be 1\.0 \(up\) or 0\.0 \(down\)"):
        make_fit(data=(features, labels.assign(label=0.3)))
    with pytest.raises(DataQualityError, match="The features are not in increasing order"):
        make_fit(data=(features.iloc[::-1], labels))
    with pytest.raises(DataQualityError, match="The labels are not in increasing order"):
        make_fit(data=(features, pd.concat([labels, labels.iloc[-1:]])))


def test_a_spec_is_checked_before_anything_is_read():
    with pytest.raises(UnknownNameError, match="no estimator 'logit'"):
        check_model_spec(ModelSpec(name="m", estimator=EstimatorSpec(type="logit")))
    with pytest.raises(ConfigurationError, match="cannot learn the label 'forward_return'"):
        check_model_spec(ModelSpec(name="m", label=LabelSpec(type="forward_return")))
    check_model_spec(ModelSpec(name="m"))


def test_predictions_have_one_row_for_each_row_of_features(make_fit, make_data):
    model = make_fit()
    features, _ = make_data(500)
    later = features.loc[features.index >= REFIT].copy()
    later.iloc[2, 1] = np.nan
    frame = predict(model, later, known(later))
    assert tuple(frame.columns) == (*COMMON_COLUMNS, "p_up")
    assert frame.index.equals(later.index)
    assert frame.index.name == "ts"
    assert (frame["model_id"] == model.model_id).all()
    assert (frame["horizon"] == 5).all()
    assert str(frame["known_at"].dtype) == "datetime64[us, UTC]"
    assert frame["p_up"].isna().tolist() == [row == 2 for row in range(len(later))]
    assert frame["p_up"].dropna().between(0, 1, inclusive="neither").all()
    ensure_predictions_clean(frame, {model.model_id: model.last_label_end})


def test_a_row_is_predicted_alike_alone_and_among_others(make_fit, make_data):
    model = make_fit()
    features, _ = make_data(500)
    later = features.loc[features.index >= REFIT]
    whole = predict(model, later, known(later))["p_up"]
    alone = predict(model, later.iloc[7:8], known(later.iloc[7:8]))["p_up"]
    assert alone.iloc[0] == pytest.approx(whole.iloc[7], rel=1e-12)


def test_columns_are_taken_by_name(make_fit, make_data):
    model = make_fit()
    features, _ = make_data()
    mixed = features[["noise", "useful"]].assign(extra=1.0)
    np.testing.assert_array_equal(p_up(model, mixed), p_up(model, features))
    with pytest.raises(ConfigurationError, match=r"needs the feature 'useful'.*'usefull'"):
        p_up(model, features.rename(columns={"useful": "usefull"}))
    with pytest.raises(DataQualityError, match="feature 'noise' is -inf"):
        p_up(model, features.assign(noise=-np.inf))


def test_rows_that_the_model_was_trained_on_cannot_be_predicted_by_mistake(make_fit, make_data):
    model = make_fit()
    features, _ = make_data()
    with pytest.raises(
        DataLeakageError, match="end at 2000-12-31, but the backtest starts at 2000"
    ):
        predict(model, features, known(features))
    frame = predict(model, features, known(features), allow_overlap=True)
    assert frame["p_up"].notna().all()


def test_predicting_nothing_or_only_nan_gives_the_right_columns(make_fit, make_data):
    model = make_fit()
    features, _ = make_data(500)
    later = features.loc[features.index >= REFIT]
    empty = predict(model, later.iloc[:0], known(later.iloc[:0]))
    assert tuple(empty.columns) == (*COMMON_COLUMNS, "p_up")
    assert empty.empty
    assert predict(model, later * np.nan, known(later))["p_up"].isna().all()


def test_features_of_another_set_or_with_other_stamps_are_refused(make_fit, make_data):
    model = make_fit()
    features, _ = make_data(500)
    later = features.loc[features.index >= REFIT]
    predict(model, later, known(later), feature_set_hash="f" * 64)
    with pytest.raises(ModelIntegrityError, match="trained with feature set ffffffffffff"):
        predict(model, later, known(later), feature_set_hash="e" * 64)
    with pytest.raises(DataQualityError, match="and 3 moments"):
        predict(model, later, known(later)[:3])


def test_a_model_is_a_value_that_cannot_be_changed(make_fit):
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_fit().columns = ()


@pytest.mark.parametrize("span", ["200d", {"1d": "200d", "1h": "90d"}])
def test_rows_older_than_a_span_of_time_are_left_out(make_data, make_spec, make_fit, span):
    features, labels = make_data(700)
    refit_at = pd.Timestamp("2001-06-01", tz="UTC")
    sliding = make_spec(training={"span": span})
    found = make_fit(sliding, (features, labels), refit_at="2001-06-01")
    assert found.fold.train_start == refit_at - pd.Timedelta(days=200)
    # older rows change nothing at all
    young = features.index >= found.fold.train_start
    alone = make_fit(sliding, (features.loc[young], labels.loc[young]), refit_at="2001-06-01")
    assert alone.made_from == found.made_from
    assert alone.scores == found.scores
