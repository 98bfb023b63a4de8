from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.cards.scores import auc_error, reliability_table, score_probabilities

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1).map(lambda p: round(p, 2))),
    min_size=2,
    max_size=60,
)


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_scores_are_those_of_scikit_learn(rows):
    outcome, forecast = np.array(rows, dtype=float).T
    scores = score_probabilities(outcome, forecast)
    clipped = np.clip(forecast, 1e-15, 1 - 1e-15)
    assert scores.brier == pytest.approx(metrics.brier_score_loss(outcome, forecast))
    assert scores.log_loss == pytest.approx(metrics.log_loss(outcome, clipped, labels=[0, 1]))
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(outcome, forecast >= 0.5))
    if 0 < outcome.sum() < len(outcome):
        assert scores.auc == pytest.approx(metrics.roc_auc_score(outcome, forecast))
        assert scores.brier_skill is not None
    else:
        assert scores.auc is None
        assert scores.brier_skill is None


def test_a_small_table_by_hand():
    scores = score_probabilities([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.4])
    assert scores.rows == 4
    assert scores.base_rate == 0.5
    assert scores.brier == pytest.approx((0.01 + 0.04 + 0.36 + 0.16) / 4)
    assert scores.brier_skill == pytest.approx(1 - 0.1425 / 0.25)
    assert scores.accuracy == 0.75
    # pairs of a yes and a no: 0.9 beats both, 0.4 beats 0.2 and ties with 0.4
    assert scores.auc == 3.5 / 4
    # bins 0.2: |0.2-0|, 0.4: |0.4-0.5| twice, 0.9: |0.9-1|
    assert scores.expected_calibration_error == pytest.approx((0.2 + 2 * 0.1 + 0.1) / 4)


def test_the_base_rate_as_forecast_has_no_skill():
    scores = score_probabilities([1, 0, 0, 0], [0.25] * 4)
    assert scores.brier_skill == pytest.approx(0.0)
    assert scores.auc == 0.5
    assert scores.expected_calibration_error == pytest.approx(0.0)


def test_a_sure_and_wrong_forecast_has_a_large_but_finite_log_loss():
    assert 34 < score_probabilities([1.0, 0.0], [0.0, 1.0]).log_loss < 35


def test_the_reliability_table_holds_every_row_once_and_leaves_empty_bins_out():
    table = reliability_table([0, 1, 1, 1], [0.0, 0.05, 0.95, 1.0])
    assert [(one.lower, one.upper, one.rows) for one in table] == [(0.0, 0.1, 2), (0.9, 1.0, 2)]
    assert [one.mean_forecast for one in table] == pytest.approx([0.025, 0.975])
    assert [one.observed_rate for one in table] == [0.5, 1.0]
    assert len(reliability_table([0, 1, 1, 1], [0.0, 0.05, 0.95, 1.0], bins=2)) == 2


@pytest.mark.parametrize(
    ("outcome", "forecast", "message"),
    [
        ([1.0, 0.0], [0.5], "cannot be scored"),
        ([], [], "at least one row"),
        ([0.5], [0.5], "Outcomes must be"),
        ([1.0], [1.1], "probabilities from 0 to 1"),
        ([1.0], [np.nan], "leave rows with NaN out"),
        ([np.nan], [0.5], "Outcomes must be"),
    ],
)
def test_what_cannot_be_scored_is_refused(outcome, forecast, message):
    for score in (score_probabilities, reliability_table):
        with pytest.raises(DataQualityError, match=message):
            score(outcome, forecast)


def test_errors_by_hand():
    scores = score_probabilities([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.4], uniqueness=[0.5] * 4)
    assert scores.effective_rows == 2.0
    assert scores.base_rate_error == pytest.approx(0.5 / np.sqrt(2))
    assert scores.accuracy_error == pytest.approx(np.sqrt(0.75 * 0.25 / 2))
    assert scores.brier_error == pytest.approx(np.std([0.01, 0.04, 0.36, 0.16]) / np.sqrt(2))
    plain = score_probabilities([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.4])
    assert plain.brier_error == pytest.approx(scores.brier_error / np.sqrt(2))
    assert (plain.brier, plain.auc) == (scores.brier, scores.auc)


def test_the_error_of_an_auc_is_that_of_hanley_and_mcneil():
    """Their example of 58 abnormal and 51 normal images: an area of 0.893, an error of 0.032."""
    assert auc_error(0.893, 51, 58) == pytest.approx(0.032, abs=0.0006)


def test_the_error_of_an_auc_is_its_spread_over_samples():
    generator = np.random.default_rng(5)
    outcome = np.repeat([0.0, 1.0], 30)
    aucs = [score_probabilities(outcome, generator.uniform(size=60)).auc for _ in range(2000)]
    assert auc_error(0.5, 30, 30) == pytest.approx(np.std(aucs), rel=0.05)


def test_a_perfect_ranking_of_few_rows_keeps_an_error():
    assert auc_error(1.0, 2, 2) > 0.1
    assert auc_error(1.0, 0.3, 0.2) > 0.3
    assert auc_error(1.0, 500, 500) < 0.002


def test_skill_is_measured_against_the_base_rate_that_was_known():
    scores = score_probabilities([1, 1, 1, 0], [0.7] * 4, base_rates=[0.5, 0.5, 0.6, 0.6])
    expected = (0.25 + 0.25 + 0.16 + 0.36) / 4
    assert scores.base_rate_brier == pytest.approx(expected)
    assert scores.brier_skill == pytest.approx(1 - (3 * 0.09 + 0.49) / 4 / expected)
    assert score_probabilities([1, 1, 1, 0], [0.7] * 4).base_rate_brier == pytest.approx(0.1875)


@pytest.mark.parametrize("worth", [[1.0], [0.0, 1.0], [1.0, 1.5], [np.nan, 1.0]])
def test_a_uniqueness_that_is_none_is_refused(worth):
    with pytest.raises(DataQualityError, match="uniqueness above 0 and at most 1"):
        score_probabilities([1, 0], [0.5, 0.5], uniqueness=worth)
