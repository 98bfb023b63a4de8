from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.permutation import (
    audit_permuted_labels,
    held_out_auc,
    rank_auc,
)

ROWS = 800


def frame_of(columns=12, rows=ROWS, seed=1):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    index = pd.date_range("2001-01-01", periods=rows, tz="UTC", name="ts")
    return pd.DataFrame(values, index=index).rename(columns=str)


def outcomes_of(features, seed=2):
    """Up half of the time, and a little more often where the first feature is high."""
    noise = np.random.default_rng(seed).normal(size=len(features))
    return pd.DataFrame({"label": (features["0"] + noise > 0).astype("float64")})


def in_sample(features, outcomes):
    """Fits and scores on the same rows."""
    values = features.to_numpy()
    weights, *_ = np.linalg.lstsq(values, outcomes.to_numpy() - outcomes.mean(), rcond=None)
    return rank_auc(values @ weights, outcomes.to_numpy())


def chosen_on_all_rows(features, outcomes):
    """Picks the features by all rows, then holds rows out: the common mistake."""
    strength = features.corrwith(outcomes).abs()
    best = features[strength.nlargest(5).index]
    signed = best * np.sign(best.corrwith(outcomes))
    return rank_auc(signed.sum(axis=1).to_numpy()[400:], outcomes.to_numpy()[400:])


def outcomes_among_the_inputs(features, outcomes):
    """Lets the outcomes of later rows in as a feature."""
    return held_out_auc(
        features.assign(mean_of_outcome=outcomes.rolling(3).mean()).dropna(), outcomes.iloc[2:]
    )


def test_an_honest_evaluation_learns_nothing_from_permuted_outcomes():
    for seed in range(8):
        features = frame_of(seed=seed)
        assert audit_permuted_labels(features, outcomes_of(features), seed=seed) == []


@pytest.mark.parametrize("leak", [in_sample, chosen_on_all_rows, outcomes_among_the_inputs])
def test_an_evaluation_that_leaks_outcomes_is_caught(leak):
    features = frame_of(columns=60 if leak is chosen_on_all_rows else 12)
    (finding,) = audit_permuted_labels(features, outcomes_of(features), evaluate=leak)
    assert finding.audit == "permuted_labels"
    assert finding.value_with_future > 0.52
    assert finding.value_without_future == 0.5
    assert "Fit, scale and choose on the training rows only" in finding.sentence()


def test_held_out_auc_finds_what_is_there_before_it_is_permuted():
    features = frame_of()
    outcomes = outcomes_of(features)["label"]
    assert held_out_auc(features, outcomes) > 0.65
    assert held_out_auc(features.assign(constant=1.0), outcomes) == pytest.approx(
        held_out_auc(features, outcomes)
    )


def test_rank_auc_is_the_chance_that_an_up_row_scores_higher():
    generator = np.random.default_rng(3)
    scores, outcomes = (
        generator.integers(0, 5, 60).astype(float),
        generator.integers(0, 2, 60) * 1.0,
    )
    up, down = scores[outcomes == 1.0], scores[outcomes == 0.0]
    pairs = (up[:, None] > down).mean() + 0.5 * (up[:, None] == down).mean()
    assert rank_auc(scores, outcomes) == pytest.approx(pairs)
    assert np.isnan(rank_auc(scores, np.ones(60)))


def test_rows_without_features_are_left_out_and_returns_are_split_at_their_median():
    features = frame_of()
    features.iloc[:50] = np.nan
    returns = pd.DataFrame({"label": np.random.default_rng(1).normal(size=ROWS)}, features.index)
    seen = []

    def look(inputs, outcomes):
        seen.append((len(inputs), outcomes.mean()))
        return 0.5

    assert audit_permuted_labels(features, returns, evaluate=look, permutations=3) == []
    assert seen == [(750, 0.5)] * 3


def test_too_few_rows_or_one_outcome_only_cannot_be_audited():
    features = frame_of(rows=30)
    with pytest.raises(InsufficientDataError, match="30 rows have features and a label"):
        audit_permuted_labels(features, outcomes_of(features))
    with pytest.raises(InsufficientDataError, match=r"100\.0% of them with outcome 1"):
        audit_permuted_labels(frame_of(), outcomes_of(frame_of()).assign(label=1.0))


def test_equal_seeds_give_equal_findings():
    features = frame_of()
    first = audit_permuted_labels(features, outcomes_of(features), evaluate=in_sample, seed=4)
    assert first == audit_permuted_labels(
        features, outcomes_of(features), evaluate=in_sample, seed=4
    )
