"""Meta-labelling: learns from openings alone, whether the side that is opened makes money."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.models.predictors.meta import SIDE, Meta
from trading_pipeline.models.registry.fitted_model import NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import ModelSpec

NAN = float("nan")
REFIT = pd.Timestamp("2005-01-01", tz="UTC")


def spec_of(label="forward_return", **changes):
    values = {
        "name": "meta",
        "predictor": {"type": "meta", "params": {"strategy": "sma_crossover"}},
        "label": {"type": label, "horizon_bars": 5},
        "training": {"minimum_rows": 50},
    }
    return ModelSpec.parse({**values, **changes}, where="meta.yaml")


def data_of(rows=2_500, *, skill=1.0, seed=3):
    """A bar a day; every third opens a side, and `good` moves the odds that it makes money."""
    generator = np.random.default_rng(seed)
    index = pd.date_range("2000-01-01", periods=rows, tz="UTC", name="ts").as_unit("us")
    side = np.where(np.arange(rows) % 3 == 0, generator.choice([-1.0, 1.0], rows), NAN)
    good = generator.normal(size=rows)
    features = pd.DataFrame({"good": good, "noise": generator.normal(size=rows), SIDE: side}, index)
    gain = skill * good + generator.normal(size=rows)
    label = np.where(np.isnan(side), generator.normal(size=rows), gain * np.nan_to_num(side))
    known = index + pd.Timedelta(hours=21)
    spans = {"t0": known, "t1": known + pd.Timedelta(days=5)}
    return features, pd.DataFrame({**spans, "label": label}, index)


def fit(spec, data, refit_at=REFIT):
    return fit_model(
        spec,
        *data,
        instrument="AAPL_1d",
        refit_at=refit_at,
        test_end=refit_at + pd.Timedelta(days=365),
        feature_set_hash="f" * 64,
        history=history(data[0].index),
    )


def history(index):
    from trading_pipeline.domain.timeframe import Timeframe
    from trading_pipeline.models.predictors.predictor import History

    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    bars = pd.DataFrame(columns, index=index)
    known = index + pd.Timedelta(hours=21)
    return History(bars=bars, known_at=known, timeframe=Timeframe.D1, calendar="24/7")


@pytest.mark.parametrize(
    ("label", "outcomes", "paid"),
    [
        ("forward_return", [0.01, -0.01, 0.0, 0.02, 0.01], [1.0, 0.0, 0.0, 0.0]),
        ("direction", [1.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]),
        ("triple_barrier", [1.0, -1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]),
    ],
)
def test_a_row_is_whether_the_side_that_is_opened_made_money(label, outcomes, paid):
    _, labels = data_of(5)
    labels = labels.assign(label=outcomes, side=[1.0, 1.0, -1.0, -1.0, NAN])
    targets = Meta().targets(spec_of(label), labels, None)
    assert targets["label"].tolist() == paid
    assert targets.index.tolist() == labels.index[:4].tolist()
    assert list(targets.columns) == ["t0", "t1", "label"]


def test_short_sides_need_barriers_at_equal_distances():
    wide = {"type": "triple_barrier", "profit_volatilities": 2.0, "loss_volatilities": 1.0}
    _, labels = data_of(5)
    labels = labels.assign(label=1.0, side=[1.0, NAN, NAN, NAN, NAN])
    assert len(Meta().targets(spec_of(label=wide["type"]), labels, None)) == 1
    uneven = spec_of().model_copy(
        update={"label": spec_of("triple_barrier").label.model_validate(wide)}
    )
    assert len(Meta().targets(uneven, labels, None)) == 1
    with pytest.raises(ConfigurationError, match=r"2 volatilities above and 1 below"):
        Meta().targets(uneven, labels.assign(side=-1.0), None)


def test_what_makes_signals_pay_is_found_out_of_sample_and_bars_between_have_no_prediction():
    features, labels = data_of()
    fitted = fit(spec_of(), (features, labels))
    known = labels.index[labels["t1"] < REFIT]
    assert fitted.fold.rows == features.loc[known, SIDE].notna().sum()
    assert fitted.scores["tail"]["auc"] > 0.65
    always = fitted.scores["tail"]["base_rate"]
    said = f"Always acting pays in {always:.0%} of the signals."
    assert Meta().in_words(fitted.metrics()).endswith(said)
    later = features.loc[features.index >= REFIT]
    known_at = later.index + pd.Timedelta(hours=21)
    told = predict(fitted, later, known_at, history=history(features.index))
    assert list(told.columns) == ["known_at", "model_id", "horizon", "p_act"]
    assert told["p_act"].notna().equals(later[SIDE].notna())
    opened = told["p_act"].dropna()
    paid = (labels.loc[opened.index, "label"] * later.loc[opened.index, SIDE]) > 0.0
    assert np.mean((opened > 0.5) == paid) > 0.6
    assert Meta().summary(told)["signals"] == len(opened)


@pytest.mark.parametrize("planted", ["nothing", "permuted"])
def test_signals_that_pay_by_chance_score_nothing(planted):
    features, labels = data_of(skill=0.0 if planted == "nothing" else 1.0, seed=11)
    if planted == "permuted":
        shuffled = np.random.default_rng(5).permutation(labels["label"].to_numpy())
        labels = labels.assign(label=shuffled)
    tail = fit(spec_of(), (features, labels)).scores["tail"]
    assert abs(tail["auc"] - 0.5) < 3.0 * tail["auc_error"]


def test_sparse_openings_are_worth_what_their_overlap_in_bars_says():
    features, labels = data_of()
    fitted = fit(spec_of(), (features, labels))
    # an opening every third bar, labels of five: each has at most three fifths for itself
    assert 0.45 < fitted.effective_rows / fitted.rows_fitted < 0.7
    alone = features.copy()
    alone.loc[np.arange(len(alone)) % 30 != 0, SIDE] = NAN
    rare = fit(spec_of(), (alone, labels))
    assert rare.effective_rows == pytest.approx(rare.rows_fitted)


def test_the_file_of_a_meta_model_predicts_as_it_did(tmp_path):
    features, labels = data_of()
    fitted = fit(spec_of(), (features, labels))
    loaded = load_model(save_model(tmp_path, fitted))
    later = features.loc[features.index >= REFIT]
    known_at = later.index + pd.Timedelta(hours=21)
    told = [
        predict(each, later, known_at, history=history(features.index)) for each in (fitted, loaded)
    ]
    pd.testing.assert_frame_equal(*told)


def test_features_without_the_side_are_refused_and_no_opening_gives_no_model():
    features, labels = data_of()
    with pytest.raises(ConfigurationError, match="needs the feature 'side'"):
        fit(spec_of(), (features.drop(columns=SIDE), labels))
    found = fit(spec_of(), (features.assign(side=NAN), labels))
    assert isinstance(found, NoModel)
    assert found.reason.startswith("0 rows have features")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": {"type": "volatility"}}, "cannot learn the label 'volatility'"),
        ({"estimator": {"type": "ridge"}}, "needs a classifier"),
        ({"predictor": {"type": "meta", "params": {"strateggy": "x"}}}, "'strategy'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        check_model_spec(spec_of(**changes) if "label" not in changes else spec_of("volatility"))
