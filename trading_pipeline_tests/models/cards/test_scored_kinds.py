"""Scores, their errors and comparisons: by the definitions, on rows that are made for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import roc_auc_score

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.cards.importance import shuffled_blocks
from trading_pipeline.models.cards.intervals import Worth
from trading_pipeline.models.cards.scored_kinds import (
    SCORED_KINDS,
    comparisons,
    rates_by_forecast,
)
from trading_pipeline_tests.models.cards.card_worlds import rows_of

PROBABILITY, NUMBER = SCORED_KINDS["probability"], SCORED_KINDS["number"]


def by_name(scores):
    return {each.name: each for each in scores}


def test_ranks_of_one_fit_are_those_of_the_libraries():
    generator = np.random.default_rng(1)
    odds = generator.uniform(0.3, 0.7, 400)
    rises = (generator.uniform(size=400) < odds).astype(float)
    auc = by_name(PROBABILITY.scores(rows_of({"p_up": odds}, rises)))["auc"]
    assert auc.value == pytest.approx(roc_auc_score(rises, odds))
    numbers = generator.normal(size=400)
    outcome = 0.3 * numbers + generator.normal(size=400)
    scores = by_name(NUMBER.scores(rows_of({"yhat": numbers}, outcome)))
    assert scores["ic"].value == pytest.approx(pearsonr(numbers, outcome)[0])
    assert scores["rank_ic"].value == pytest.approx(spearmanr(numbers, outcome)[0])


def test_the_level_that_moves_from_fit_to_fit_is_no_ranking():
    """Forecasts that are nothing but the rate before rank below chance when fits are pooled."""
    pooled, honest = [], []
    for seed in range(20):
        rises = (np.random.default_rng(seed).uniform(size=600) < 0.5).astype(float)
        fit = np.arange(600) // 100
        level = np.array([(10 + rises[: 100 * n].sum()) / (20 + 100 * n) for n in fit])
        pooled.append(roc_auc_score(rises, level))
        auc = by_name(PROBABILITY.scores(rows_of({"p_up": level}, rises, fit=fit)))["auc"]
        honest.append(auc.value)
        assert auc.low < 0.5 < auc.high
    assert np.mean(pooled) < 0.49
    assert honest == pytest.approx([0.5] * 20)


def test_fits_of_few_rows_are_ranked_together():
    rows = rows_of({"p_up": np.full(95, 0.5)}, np.zeros(95), fit=np.arange(95) // 7)
    assert [group.stop - group.start for group in rows.groups] == [21, 21, 21, 32]
    alone = rows_of({"p_up": np.full(9, 0.5)}, np.zeros(9), fit=np.arange(9) // 5)
    assert alone.groups == [slice(0, 9)]


def test_the_error_of_a_mean_knows_that_outcomes_overlap():
    """Sums over ten bars at every bar: the spread over many histories is what is told."""
    means, told, naive = [], [], []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=609)
        sums = np.convolve(noise, np.ones(10), "valid")
        means.append(sums.mean())
        told.append(Worth(uniqueness=np.full(600, 0.1), overlap=9).error(sums))
        naive.append(sums.std() / np.sqrt(600))
    spread = np.std(means)
    assert np.mean(told) == pytest.approx(spread, rel=0.15)
    assert np.mean(naive) < 0.4 * spread


def test_clustered_rows_widen_the_interval_of_a_correlation():
    """Volatile times make forecast and outcome large together; plain errors would be too small."""
    beyond = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        scale = np.exp(np.repeat(generator.normal(0.0, 1.0, 20), 20))
        guess, outcome = (scale * generator.normal(size=400) for _ in range(2))
        ic = by_name(NUMBER.scores(rows_of({"yhat": guess}, outcome)))["ic"]
        beyond += not ic.low <= 0.0 <= ic.high
    assert beyond <= 10


def test_a_gain_over_a_baseline_is_that_of_the_same_rows():
    generator = np.random.default_rng(2)
    outcome = generator.normal(size=300)
    rows = rows_of({"yhat": 0.5 * outcome}, outcome)
    rows = type(rows)(**{**vars(rows), "baselines": {"zero": rows.told.assign(yhat=0.0)}})
    mse = {each.loss: each for each in comparisons(rows, NUMBER)}["mse"]
    assert mse.skill == pytest.approx(0.75)
    assert mse.gain == pytest.approx(0.75 * np.mean(outcome**2))
    assert 0.0 < mse.low < mse.gain < mse.high


def test_rates_by_forecast_hold_the_truth_and_every_row_once():
    generator = np.random.default_rng(3)
    odds = generator.uniform(0.2, 0.8, 5_000)
    rises = (generator.uniform(size=5_000) < odds).astype(float)
    bins = rates_by_forecast(rows_of({"p_up": odds}, rises))
    assert len(bins) == 10
    assert sum(each.rows for each in bins) == 5_000
    assert sum(each.low <= each.mean_forecast <= each.high for each in bins) >= 8
    one = rates_by_forecast(rows_of({"p_up": np.full(50, 0.6)}, rises[:50]))
    assert len(one) == 1


def test_calibration_error_is_shown_beside_what_chance_gives():
    generator = np.random.default_rng(4)
    odds = generator.uniform(0.2, 0.8, 2_000)
    rises = (generator.uniform(size=2_000) < odds).astype(float)
    right = by_name(PROBABILITY.scores(rows_of({"p_up": odds}, rises)))["ece"]
    wrong = by_name(PROBABILITY.scores(rows_of({"p_up": 1.0 - odds}, rises)))["ece"]
    assert right.value == pytest.approx(right.chance, abs=0.02)
    assert right.low <= right.chance
    assert wrong.low > wrong.chance


def test_outcomes_that_are_all_the_same_have_no_rank():
    scores = by_name(PROBABILITY.scores(rows_of({"p_up": np.full(40, 0.7)}, np.ones(40))))
    assert scores["auc"].value is None
    assert scores["brier"].value == pytest.approx(0.09)


@pytest.mark.parametrize(("rows", "length"), [(10, 3), (12, 4), (5, 1), (7, 20)])
def test_blocks_are_shuffled_whole(rows, length):
    order = shuffled_blocks(rows, length, np.random.default_rng(1))
    assert sorted(order.tolist()) == list(range(rows))
    breaks = np.sum((np.diff(order) != 1) & (np.diff(order) != 1 - rows))
    assert breaks <= -(-rows // length)


def test_a_probability_of_something_else_than_yes_or_no_is_refused():
    with pytest.raises(DataQualityError, match=r"outcomes of 1\.0 or 0\.0"):
        PROBABILITY.scores(rows_of({"p_up": [0.5, 0.6]}, [-1.0, 1.0]))
