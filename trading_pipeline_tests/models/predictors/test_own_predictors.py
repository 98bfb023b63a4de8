"""A user's predictor: one class in one file, and what is said when it does wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    LookaheadError,
    ModelTrainingError,
    OwnCodeError,
    UnknownNameError,
)
from trading_pipeline.models.predictors.catalogue import check_model_spec, own_predictors
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import ModelSpec

HEAD = """
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.models import Predictor, PredictorParams

"""
GOOD = (
    HEAD
    + """
class Params(PredictorParams):
    alpha: float = 1.0
    "Penalty of the ridge."


class Mine(Predictor):
    columns = {"yhat": "expected label"}
    params_type = Params

    def fit(self, rows):
        model = Ridge(alpha=rows.params.alpha)
        return {"model": model.fit(rows.values, rows.targets["label"], rows.weights), "extra": 2}

    def predict(self, state, rows):
        return pd.DataFrame({"yhat": state["model"].predict(rows.values)}, rows.features.index)

    def scores(self, predictions, targets, uniqueness):
        error = (predictions["yhat"] - targets["label"]) ** 2
        return {"rows": len(error), "mse": float(error.mean())}

    def baselines(self, before, targets):
        mean = before.targets["label"].mean()
        return {"drift": pd.DataFrame({"yhat": mean}, targets.index)}
"""
)
PREDICT = (
    '        return pd.DataFrame({"yhat": state["model"].predict(rows.values)}, '
    "rows.features.index)"
)


@pytest.fixture
def fitted(tmp_path, make_data):
    """Fit a file's predictor on the shared data."""

    def fit(text, params=None, data=None):
        folder = tmp_path / "predictors"
        folder.mkdir(exist_ok=True)
        (folder / "mine.py").write_text(text)
        predictors = own_predictors(folder)
        features, labels = data or make_data(400)
        spec = ModelSpec.parse(
            {
                "name": "m",
                "predictor": {"type": "mine", "params": params or {}},
                "training": {"minimum_rows": 50},
            },
            where="m.yaml",
        )
        return fit_model(
            spec,
            features,
            labels,
            instrument="AAPL_1d",
            refit_at=pd.Timestamp("2001-01-01", tz="UTC"),
            test_end=pd.Timestamp("2002-01-01", tz="UTC"),
            feature_set_hash="f" * 64,
            predictors=predictors,
        ), predictors

    return fit


def later_rows(make_data):
    features, _ = make_data(500)
    features = features.loc[features.index >= "2001-01-01"]
    return features, features.index + pd.Timedelta(hours=21)


def test_two_methods_are_a_predictor_that_is_trained_scored_saved_and_asked(
    fitted, tmp_path, make_data
):
    model, predictors = fitted(GOOD)
    assert isinstance(model, FittedModel)
    assert model.scores["tail"]["mse"] < model.scores["tail_drift"]["mse"]
    assert model.rows_scored == 361 - round(0.4 * 361)
    again = load_model(save_model(tmp_path / "m", model), predictors)
    features, known_at = later_rows(make_data)
    features.iloc[3, 0] = np.nan
    frame = predict(again, features, known_at)
    assert list(frame.columns) == ["known_at", "model_id", "horizon", "yhat"]
    assert frame["yhat"].isna().tolist() == [row == 3 for row in range(len(frame))]
    pd.testing.assert_frame_equal(frame, predict(model, features, known_at))


def test_its_parameters_are_checked_and_change_the_model(fitted):
    first, second = fitted(GOOD)[0], fitted(GOOD, {"alpha": 500.0})[0]
    assert first.model_id != second.model_id
    with pytest.raises(ConfigurationError, match=r"'mine'.*alpah"):
        fitted(GOOD, {"alpah": 1.0})
    with pytest.raises(ConfigurationError, match="alpha"):
        fitted(GOOD, {"alpha": "much"})


def test_a_changed_line_is_another_model(fitted):
    assert fitted(GOOD)[0].model_id != fitted(GOOD.replace('"extra": 2', '"extra": 3'))[0].model_id


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "        model = Ridge",
            "        1 / 0\n        model = Ridge",
            r"mine\.py, line \d+: fit of",
        ),
        (PREDICT, "        return 1 / 0", r"mine\.py, line \d+: predict of 'mine'.*ZeroDivision"),
        (PREDICT, PREDICT + ".iloc[1:]", r"gave \d+ lines for"),
        (PREDICT, PREDICT + ".reset_index()", "other stamps"),
        (PREDICT, PREDICT + " * np.nan", "gave nan as 'yhat'"),
        (PREDICT, PREDICT + " / 0.0", "gave -?inf as 'yhat'"),
        (PREDICT, PREDICT + '.rename(columns={"yhat": "y"})', "no column 'yhat'"),
        (PREDICT, "        return state['model'].predict(rows.values)", "gave a ndarray"),
        ("        return {", "        return 5\n        return {", "gave a int"),
    ],
)
def test_what_a_predictor_does_wrong_is_told_with_its_place(fitted, old, new, message):
    assert old in GOOD
    with pytest.raises(ModelTrainingError, match=message):
        fitted(GOOD.replace(old, new))


@pytest.mark.parametrize(
    "leak",
    [
        # what is predicted for a row knows the mean of all rows of the batch
        "        frame = pd.DataFrame({'yhat': state['model'].predict(rows.values)}, "
        "rows.features.index)\n        return frame - frame.mean()",
        # the row after it
        "        found = state['model'].predict(rows.values)\n"
        "        return pd.DataFrame({'yhat': np.append(found[1:], found[-1])}, "
        "rows.features.index)",
        # what a longer call has left in the module
        "        found = state['model'].predict(rows.values)\n"
        "        SEEN.setdefault('mean', found.mean())\n"
        "        return pd.DataFrame({'yhat': found - SEEN['mean']}, rows.features.index)",
    ],
)
def test_predictions_that_depend_on_later_rows_are_refused(fitted, leak):
    text = GOOD.replace(PREDICT, leak).replace("class Params", "SEEN = {}\n\n\nclass Params")
    with pytest.raises(LookaheadError, match=r"mine\.py: the predictor 'mine' gives .* as 'yhat'"):
        fitted(text)


def test_too_little_to_learn_from_is_no_model(fitted):
    text = GOOD.replace(
        "        model = Ridge", '        raise InsufficientDataError("few")\n        model = Ridge'
    )
    outcome, _ = fitted(text)
    assert isinstance(outcome, NoModel)
    assert outcome.reason == "few"


def test_a_state_that_cannot_be_read_back_is_not_written(fitted, tmp_path):
    model, _ = fitted(GOOD.replace('"extra": 2', '"extra": self'))
    with pytest.raises(ConfigurationError, match=r"holds the type .*Mine"):
        save_model(tmp_path / "m", model)
    assert not (tmp_path / "m").exists()
    model, predictors = fitted(GOOD)
    plain = dataclasses.replace(model, state={"a": np.arange(3), "b": [1.5, "x"]})
    assert load_model(save_model(tmp_path / "m", plain), predictors).state["b"] == [1.5, "x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "SyntaxError"),
        (HEAD, "no class that is a predictor"),
        (GOOD.replace("def predict", "def predicts"), "has no predict"),
        (GOOD.replace('columns = {"yhat": "expected label"}', "columns = {}"), "columns of Mine"),
        (GOOD.replace('{"yhat": "expected label"}', '{"known_at": "x"}'), "'known_at'"),
        (GOOD.replace("params_type = Params", "params_type = dict"), "params_type"),
        (GOOD.replace("    columns", '    name = "direction"\n    columns'), "is there already"),
        (GOOD.replace("    columns", '    scored_as = "rank"\n    columns'), "is 'rank'; give one"),
        (GOOD.replace("    columns", '    scored_as = "path"\n    columns'), "no PathPredictor"),
        (
            GOOD.replace("    columns", '    scored_as = "probability"\n    columns'),
            "which is its column 'p_up'",
        ),
        (
            GOOD.replace(
                "    columns", '    scored_as = "number"\n    headline = "auc"\n    columns'
            ),
            "one of rank_ic, ic, mse_skill, mae_skill",
        ),
    ],
)
def test_a_file_that_is_no_predictor_stops_only_what_asks_for_it(tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    predictors = own_predictors(tmp_path)
    assert predictors.get("direction").name == "direction"
    with pytest.raises(OwnCodeError, match=message):
        check_model_spec(ModelSpec.parse({"name": "m", "predictor": "mine"}, where="m"), predictors)
    assert [each.path.name for each in predictors.own.broken] == ["mine.py"]


def test_an_unknown_predictor_gets_close_names():
    with pytest.raises(UnknownNameError, match=r"no predictor 'directon'.*'direction'"):
        check_model_spec(ModelSpec.parse({"name": "m", "predictor": "directon"}, where="m"))


def test_a_predictor_with_its_own_method_takes_no_estimator(tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    spec = {"name": "m", "predictor": "mine", "estimator": {"type": "hist_gradient_boosting"}}
    with pytest.raises(ConfigurationError, match="brings its own method"):
        check_model_spec(ModelSpec.parse(spec, where="m"), own_predictors(tmp_path))


def test_what_it_reads_besides_its_rows_is_noted(fitted, tmp_path):
    (tmp_path / "secret.csv").write_text("1\n")
    line = f"        open({str(tmp_path / 'secret.csv')!r}).close()\n"
    model, _ = fitted(GOOD.replace(PREDICT, line + PREDICT))
    assert model.details["reads_outside"] == [f"reads {tmp_path / 'secret.csv'}"]
    assert fitted(GOOD)[0].details["reads_outside"] == []
