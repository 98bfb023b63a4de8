"""Tuning: chosen among the rows of a fit alone, told with all candidates, nothing from noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.models.registry.fitted_model import NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.training.splitters import label_splitter
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import ModelSpec

REFIT = pd.Timestamp("2001-01-01", tz="UTC")
ALPHAS = [0.1, 10.0, 1000.0]


def spec_of(tuning=None, **changes):
    values = {
        "name": "tuned",
        "predictor": "forward_return",
        "estimator": {"type": "ridge"},
        "label": {"type": "forward_return"},
        "training": {"minimum_rows": 50},
        "tuning": tuning or {"params": {"alpha": ALPHAS}},
    }
    return ModelSpec.parse({**values, **changes}, where="tuned.yaml")


def data_of(rows=400, *, signal=1.0, seed=7):
    """Five features, of which one moves the return; one bar a day from 2000 on, labels of 5."""
    generator = np.random.default_rng(seed)
    index = pd.date_range("2000-01-01", periods=rows, tz="UTC", name="ts").as_unit("us")
    columns = list("abcde")
    features = pd.DataFrame(generator.normal(size=(rows, 5)), index=index, columns=columns)
    known = index + pd.Timedelta(hours=21)
    label = signal * features["a"] + generator.normal(size=rows)
    spans = {"t0": known, "t1": known + pd.Timedelta(days=5)}
    return features, pd.DataFrame({**spans, "label": label}, index)


def fit(spec, data, refit_at=REFIT):
    return fit_model(
        spec,
        *data,
        instrument="AAPL_1d",
        refit_at=refit_at,
        test_end=refit_at + pd.Timedelta(days=300),
        feature_set_hash="f" * 64,
    )


def test_the_candidates_are_those_of_a_plain_loop_over_purged_splits():
    features, labels = data_of()
    spec = spec_of(
        {"params": {"alpha": ALPHAS}, "splits": 4},
        training={"minimum_rows": 50, "weights": "equal"},
    )
    told = fit(spec, (features, labels)).details["tuning"]
    kept = labels.loc[labels["t1"] < REFIT]
    values, wanted = features.loc[kept.index].to_numpy(), kept["label"].to_numpy()
    assert (told["metric"], told["splits"]) == ("mse", 4)
    for candidate, alpha in zip(told["candidates"], ALPHAS, strict=True):
        misses = []
        for train, test in label_splitter(kept, "purged_k_fold", splits=4).split():
            ridge = make_pipeline(StandardScaler(), Ridge(alpha=alpha))
            ridge.fit(values[train], wanted[train])
            misses.append(np.mean((ridge.predict(values[test]) - wanted[test]) ** 2))
        assert candidate["params"] == {"alpha": alpha}
        assert candidate["mean"] == pytest.approx(np.mean(misses), rel=1e-12)
        assert candidate["error"] == pytest.approx(np.std(misses, ddof=1) / 2.0, rel=1e-12)


def test_a_strong_signal_chooses_little_penalty_and_noise_chooses_much():
    strong = fit(spec_of(), data_of(signal=1.0))
    noise = fit(spec_of(), data_of(signal=0.0))
    assert strong.details["tuning"]["chosen"] == {"alpha": 0.1}
    assert noise.details["tuning"]["chosen"] == {"alpha": 1000.0}
    assert strong.state["estimator"]["regression"].alpha == 0.1
    assert strong.spec == spec_of()  # as it was written: the choice is in the details


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["direction", "forward_return"]))
def test_nothing_after_the_refit_date_moves_the_choice(seed, predictor):
    features, labels = data_of(500)
    spec = spec_of()
    if predictor == "direction":
        labels = labels.assign(label=(labels["label"] > 0.0).astype("float64"))
        spec = spec_of(
            {"params": {"C": [0.001, 1.0]}},
            predictor="direction",
            estimator={"type": "logistic"},
            label={"type": "direction"},
        )
    before = fit(spec, (features, labels))
    generator = np.random.default_rng(seed)
    later = features.index >= REFIT
    unknown = (labels["t1"] >= REFIT).to_numpy()
    features.loc[later] = generator.normal(size=(int(later.sum()), 5)) * 50.0
    labels.loc[unknown, "label"] = generator.permutation(labels.loc[unknown, "label"].to_numpy())
    after = fit(spec, (features, labels))
    assert after.details == before.details
    assert after.scores == before.scores
    assert after.made_from == before.made_from


def test_each_held_back_block_was_tuned_on_the_rows_before_it():
    """The rows change from noise to signal in the middle, and so does what each block takes."""
    noise, signal = data_of(800, signal=0.0), data_of(800, signal=3.0)
    half = noise[0].index < noise[0].index[400]
    features = noise[0].where(pd.Series(half, noise[0].index), signal[0])
    labels = noise[1].where(pd.Series(half, noise[0].index), signal[1])
    labels["label"] = labels["label"].astype("float64")
    refit_at = features.index[-1] + pd.Timedelta(days=30)
    found = fit(spec_of(), (features, labels), refit_at)
    alphas = [each["alpha"] for each in found.details["held_back_parameters"]]
    assert alphas[0] == 1000.0  # 320 rows of noise
    assert alphas[-1] < 1000.0
    # of the first block alone: a fit that ends where the block begins tunes on the same rows
    first = features.index[round(0.4 * len(labels))] + pd.Timedelta(hours=21)
    alone = fit(spec_of(), (features, labels), first)
    assert alone.details["tuning"]["chosen"] == {"alpha": alphas[0]}


@pytest.mark.parametrize("predictor", ["direction", "forward_return"])
def test_permuted_labels_score_nothing_however_much_is_tuned(predictor):
    features, labels = data_of(2_000, signal=1.0)
    shuffled = np.random.default_rng(3).permutation(labels["label"].to_numpy())
    labels = labels.assign(label=shuffled)
    spec = spec_of({"params": {"alpha": [0.01, 0.1, 1.0, 10.0, 100.0]}})
    score, chance = "rank_ic", 0.0
    if predictor == "direction":
        labels = labels.assign(label=(labels["label"] > 0.0).astype("float64"))
        spec = spec_of(
            {"params": {"C": [0.001, 0.01, 0.1, 1.0, 10.0]}},
            predictor="direction",
            estimator={"type": "logistic"},
            label={"type": "direction"},
        )
        score, chance = "auc", 0.5
    found = fit(spec, (features, labels), features.index[-1])
    tail = found.scores["tail"]
    assert abs(tail[score] - chance) < 3.0 * tail[f"{score}_error"]


def test_ties_go_to_the_first_that_was_written():
    same = {"params": {"max_iter": [300, 200, 900]}}
    features, labels = data_of()
    labels = labels.assign(label=(labels["label"] > 0.0).astype("float64"))
    spec = spec_of(
        same, predictor="direction", estimator={"type": "logistic"}, label={"type": "direction"}
    )
    told = fit(spec, (features, labels)).details["tuning"]
    assert len({each["mean"] for each in told["candidates"]}) == 1
    assert told["chosen"] == {"max_iter": 300}


def test_the_choice_is_in_the_file_of_the_model_and_the_file_is_equal_again(tmp_path):
    first = save_model(tmp_path / "a", fit(spec_of(), data_of()))
    again = save_model(tmp_path / "b", fit(spec_of(), data_of()))
    for name in ("metadata.json", "model.skops"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    loaded = load_model(first)
    assert loaded.details["tuning"]["chosen"] == {"alpha": 0.1}
    assert len(loaded.details["held_back_parameters"]) == 3
    assert loaded.spec.tuning == spec_of().tuning


def test_a_metric_may_be_named_and_must_fit_the_estimator():
    told = fit(spec_of({"params": {"alpha": ALPHAS}, "metric": "mae"}), data_of()).details["tuning"]
    assert told["metric"] == "mae"
    with pytest.raises(ConfigurationError, match="none of a regressor: mse, mae"):
        check_model_spec(spec_of({"params": {"alpha": ALPHAS}, "metric": "log_loss"}))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"tuning": {"params": {"alpha": [-1.0]}}}, ConfigurationError, "must be above 0"),
        ({"tuning": {"params": {"alhpa": [1.0]}}}, UnknownNameError, "Did you mean 'alpha'"),
        (
            {"estimator": {"type": "ridge", "params": {"alpha": 1}}},
            ConfigurationError,
            "out of one",
        ),
        (
            {"predictor": "autoregressive", "estimator": {}, "label": {}},
            ConfigurationError,
            "'tuning' of the model 'tuned' would be ignored",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_read(changes, error, said):
    with pytest.raises(error, match=said):
        check_model_spec(spec_of(**changes))


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        ({"params": {}}, "at least one value"),
        ({"params": {"alpha": []}}, "at least one value"),
        ({"params": {"a": [1] * 5, "b": [1] * 5, "c": [1] * 5}}, "125 combinations"),
        ({"params": {"alpha": [1]}, "splits": 1}, "splits"),
        ({"params": {"alpha": [1]}, "metric": "auc"}, "metric"),
        ({"params": {"alpha": [1]}, "grid": 1}, "Unknown key 'tuning.grid'"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(tuning, said):
    with pytest.raises(ConfigurationError, match=said):
        spec_of(tuning)


def test_one_outcome_alone_gives_no_model_and_the_reason():
    features, labels = data_of()
    spec = spec_of(
        {"params": {"C": [0.1, 1.0]}},
        predictor="direction",
        estimator={"type": "logistic"},
        label={"type": "direction"},
    )
    found = fit(spec, (features, labels.assign(label=1.0)))
    assert isinstance(found, NoModel)
    assert "None of the 5 splits" in found.reason


def test_a_spec_without_tuning_has_the_hash_of_before():
    spec = ModelSpec(name="direction")
    assert "tuning" not in spec.model_dump(mode="json")
    assert spec.hash == "82c5b5e44c93932be1f7eba3ec81777ba7ab3482ad77250a43cbe6d11bb71fae"
    assert spec_of().hash != spec_of({"params": {"alpha": [0.1]}}).hash
