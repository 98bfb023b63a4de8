"""Cards find what is there, say so only where it is shown, and keep quiet about the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ModelTrainingError
from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.models.cards.card import card_as_values, card_from_values
from trading_pipeline.models.cards.card_rows import KnownBefore
from trading_pipeline.models.cards.make_card import model_card
from trading_pipeline.models.predictors.catalogue import own_predictors
from trading_pipeline_tests.models.cards.card_worlds import HOUR, bars_of, spec_of, walk_forward

NEXT_BAR = {"label": {"type": "direction", "horizon_bars": 1}}
OWN = """
import pandas as pd
from sklearn.linear_model import Ridge
from trading_pipeline.models import Predictor


class Mine(Predictor):
    columns = {"yhat": "expected return"}
    labels = ("forward_return",)

    def fit(self, rows):
        return {"model": Ridge(alpha=1e-9).fit(rows.values, rows.targets["label"])}

    def predict(self, state, rows):
        return pd.DataFrame({"yhat": state["model"].predict(rows.values)}, rows.features.index)

    def scores(self, predictions, targets, uniqueness):
        return {"misses": 0.25, "misses_error": 0.01, "rows_error": 1.0}

    def baselines(self, before, targets):
        return {"drift": pd.DataFrame({"yhat": before.targets["label"].mean()}, targets.index)}
"""


@pytest.fixture(scope="module")
def found():
    """The card of direction on an AR(1) of 0.2."""
    return model_card(walk_forward(spec_of(**NEXT_BAR), bars_of(0.2, 6_000)))


def score(card, name):
    return next(each for each in card.scores if each.name == name)


def test_an_autocorrelation_is_found_and_told_with_its_interval(found):
    assert found.judgement == "better"
    assert found.verdict.startswith(("Better than always up: AUC 0.5", "Better than always down"))
    auc = score(found, "auc")
    assert 0.53 < auc.low < auc.value < auc.high < 0.62
    # the best possible is 1/2 + asin(0.2)/pi = 0.564
    assert score(found, "accuracy").value == pytest.approx(0.56, abs=0.02)
    brier = next(each for each in found.comparisons if each.loss == "brier")
    assert brier.baseline == "base_rate"
    assert brier.low > 0.0


def test_the_family_that_tells_something_stands_out_and_noise_does_not(found):
    family = {each.family: each for each in found.importance}
    assert found.importance[0].family == "return"
    assert family["return"].columns == 2
    assert family["return"].low > 0.0
    assert family["noise"].low < 0.0 < family["noise"].high or family["noise"].increase < 0.001
    first = found.coefficients[0]
    assert first.feature == "return_0"
    assert first.mean > 0.0
    assert first.same_sign == 1.0


def test_a_card_says_what_it_is_made_of_and_reads_back_from_plain_values(found):
    assert found.fits == found.refit_dates == 3
    assert found.training_seconds == 1.5
    assert found.rows == sum(each.rows for each in found.periods) == 4_000 - 1
    assert found.effective_rows == pytest.approx(found.rows, rel=0.01)
    assert sum(each.rows for each in found.reliability) == found.rows
    assert found.facts["last model"].startswith("control-CONTROL_1h-")
    assert card_from_values(card_as_values(found)) == found


@pytest.mark.parametrize("horizon", [1, 5])
def test_random_walks_are_not_called_better_than_chance(horizon):
    spec = spec_of(label={"type": "direction", "horizon_bars": horizon}, calibration=None)
    outside, judgements = 0, []
    for seed in range(12):
        card = model_card(walk_forward(spec, bars_of(0.0, 1_200, seed), fits=2))
        auc = score(card, "auc")
        outside += not auc.low <= 0.5 <= auc.high
        judgements.append(card.judgement)
    assert outside <= 2
    assert judgements.count("better") <= 2


@pytest.mark.long
def test_of_a_hundred_random_walks_at_least_ninety_hold_chance():
    held = 0
    for seed in range(100):
        card = model_card(walk_forward(spec_of(**NEXT_BAR), bars_of(0.0, 1_500, seed), fits=4))
        auc = score(card, "auc")
        held += auc.low <= 0.5 <= auc.high
    assert held >= 90


def test_permuted_labels_of_a_market_with_an_edge_score_nothing():
    bars = bars_of(0.2, 3_000)
    spec = spec_of(**NEXT_BAR)
    labels = compute_labels(spec.label, bars, bars.index + HOUR).frame
    shuffled = np.random.default_rng(5).permutation(labels["label"].to_numpy())
    card = model_card(walk_forward(spec, bars, labels=labels.assign(label=shuffled)))
    assert card.judgement == "no better"
    assert card.verdict.startswith("No better than always")


def test_a_number_is_judged_by_its_rank_correlation_beside_drift_and_zero():
    label = {"type": "forward_return", "horizon_bars": 1}
    spec = spec_of("forward_return", estimator={"type": "ridge"}, label=label)
    card = model_card(walk_forward(spec, bars_of(0.2, 3_000)))
    assert card.verdict.startswith("Better than drift: rank IC 0.")
    assert {each.baseline for each in card.comparisons} == {"zero", "drift", "last"}
    held = score(card, "coverage_90")
    assert held.chance == 0.9
    assert held.low < 0.9 < held.high


def test_a_path_is_judged_at_its_first_horizon_against_the_harder_baseline():
    params = {"lags": 2, "steps": 4, "paths": 100}
    spec = spec_of({"type": "autoregressive", "params": params})
    card = model_card(walk_forward(spec, bars_of(0.3, 3_000)))
    assert [each.bars for each in card.horizons] == [1, 2, 4]
    assert card.judgement == "better"
    assert "1 bar ahead" in card.verdict
    # the best possible skill is the square of 0.3
    assert 0.05 < card.headline_score.value < 0.12
    assert card.horizons[2].effective_rows == pytest.approx(card.horizons[2].rows / 4)
    assert not card.importance
    none = model_card(walk_forward(spec, bars_of(0.0, 2_000)))
    assert none.judgement in ("no better", "worse")


def test_baselines_know_the_rows_of_the_fit_and_no_other():
    given = walk_forward(spec_of(**NEXT_BAR), bars_of(0.0, 900), fits=2)
    known = KnownBefore(given, given.labels)
    for fit in given.fits:
        rows = known.rows(fit)
        assert len(rows) == fit.fold.rows
        assert rows.targets["t1"].max() == fit.fold.last_label_end < fit.fold.test_start


def own(tmp_path, text):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    return own_predictors(tmp_path)


def test_a_users_predictor_without_a_kind_gets_a_card_that_says_so(tmp_path):
    spec = spec_of("mine", label={"type": "forward_return", "horizon_bars": 1})
    given = walk_forward(spec, bars_of(0.2, 900), fits=2, predictors=own(tmp_path, OWN))
    card = model_card(given)
    assert card.judgement == "not judged"
    assert "'mine' does not say how it is scored" in card.verdict
    assert any("scored_as" in note for note in card.notes)
    (shown,) = card.scores
    assert (shown.name, shown.value) == ("misses", 0.25)
    assert shown.low == pytest.approx(0.23, abs=0.005)
    assert not card.importance


def test_a_users_predictor_that_says_its_kind_is_judged_as_the_shipped_ones(tmp_path):
    kind = '    scored_as = "number"\n    headline = "ic"\n'
    text = OWN.replace("    labels =", f"{kind}    labels =")
    spec = spec_of("mine", label={"type": "forward_return", "horizon_bars": 1})
    card = model_card(
        walk_forward(spec, bars_of(0.3, 2_000), fits=2, predictors=own(tmp_path, text))
    )
    assert card.verdict.startswith("Better than drift: IC 0.")
    assert card.importance[0].family == "return"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{"drift": pd.DataFrame({"yhat"', '{"drift": pd.DataFrame({"other"', "no column 'yhat'"),
        (
            'pd.DataFrame({"yhat": before.targets["label"].mean()}, targets.index)',
            "0.5",
            "no DataFrame for 'drift'",
        ),
        (
            '        return {"drift"',
            '        raise ValueError("mine")\n        return {"drift"',
            "mine",
        ),
    ],
)
def test_baselines_that_cannot_be_compared_are_refused_with_their_name(tmp_path, old, new, message):
    assert old in OWN
    plain = OWN.replace("    def scores", "    scored_as = 'number'\n\n    def scores")
    spec = spec_of("mine", label={"type": "forward_return", "horizon_bars": 1})
    given = walk_forward(spec, bars_of(0.2, 600), fits=1, predictors=own(tmp_path, plain))
    wrong = own(tmp_path, plain.replace(old, new)).get("mine")
    with pytest.raises(ModelTrainingError, match=message):
        model_card(type(given)(**{**vars(given), "predictor": wrong}))


def test_without_a_model_or_a_known_outcome_nothing_is_told():
    given = walk_forward(spec_of(**NEXT_BAR), bars_of(0.2, 900), fits=2)
    none = model_card(type(given)(**{**vars(given), "fits": []}))
    assert none.judgement == "not enough"
    assert "each of the 2 refit dates" in none.verdict
    unknown = type(given)(**{**vars(given), "labels": given.labels.iloc[:300]})
    card = model_card(unknown)
    assert "no prediction whose outcome is known" in card.verdict
    assert card.horizons == card.periods == ()


def test_equal_input_gives_an_equal_card():
    given = walk_forward(spec_of(**NEXT_BAR), bars_of(0.1, 900), fits=2)
    assert model_card(given) == model_card(given)
    assert pd.isna(given.features["return_1"].iloc[0])
