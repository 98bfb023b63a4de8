from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.models.registry.model_age import (
    AGE_LIMIT_DAYS,
    LARGE_DRIFT,
    FeatureDrift,
    ModelHealth,
    ScoreDecay,
    feature_drift,
)


def persistent(rows, *, seed, columns=5, rho=0.98):
    """Features that remember: each is an AR(1) series with deviation 1."""
    steps = np.random.default_rng(seed).normal(size=(rows, columns)) * np.sqrt(1.0 - rho**2)
    values = np.zeros((rows, columns))
    for row in range(1, rows):
        values[row] = rho * values[row - 1] + steps[row]
    return pd.DataFrame(values, columns=list("abcde")[:columns])


def cut(frame, newest=60):
    return frame.iloc[:-newest], frame.iloc[-newest:]


def test_every_timeframe_has_a_limit_that_does_not_fall_with_its_length():
    limits = [AGE_LIMIT_DAYS[each] for each in Timeframe]
    assert limits == sorted(limits)


def test_persistent_features_without_a_break_are_rarely_called_drifted():
    found = [feature_drift(*cut(persistent(1300, seed=seed))) for seed in range(100)]
    assert np.mean([each.value > LARGE_DRIFT for each in found]) > 0.9  # the usual rule of thumb
    assert np.mean([each.is_large for each in found]) <= 0.1  # 20 spans in training: 5 %


def test_features_that_moved_away_are_drift_and_the_furthest_is_named():
    training, newest = cut(persistent(1300, seed=2))
    moved = newest.add([1.0, 6.0, 3.0, 3.0, 3.0], axis=1)
    found = feature_drift(training, moved)
    assert found.is_large
    assert found.changed[0] in "bcde"
    assert len(found.changed) == 3
    (reason,) = ModelHealth(age_days=1.0, limit_days=90.0, drift=found).reasons_to_refit().values()
    assert "stability index" in reason


def test_the_index_is_the_sum_over_the_deciles():
    training = pd.DataFrame({"a": np.tile(np.arange(10.0), 40)})
    newest = pd.DataFrame({"a": np.repeat([0.0, 9.0], 20)})
    found = feature_drift(training, newest)
    p, q = np.full(10, 0.1), np.array([0.5, *[1e-4] * 8, 0.5])
    assert found.value == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert found.usual == pytest.approx(0.0)


def test_few_rows_a_column_without_change_and_holes_are_no_drift():
    training, newest = cut(persistent(1300, seed=4))
    assert feature_drift(training, newest.iloc[:19]) is None
    assert feature_drift(training.iloc[:199], newest) is None
    assert feature_drift(training[[]], newest[[]]) is None
    still = training.assign(a=1.0), newest.assign(a=1.0)
    assert np.isfinite(feature_drift(*still).value)
    assert not feature_drift(training.mask(training > 1.0), newest.mask(newest > 1.0)).is_large
    assert feature_drift(training, pd.concat([newest] * 5)).rows == 124  # a tenth of the training


def decay(since, error=0.03):
    return ScoreDecay(
        name="AUC",
        held_back=0.55,
        held_back_error=0.04,
        since=since,
        since_error=error,
        effective_rows=60.0,
    )


def test_a_score_has_decayed_beyond_two_errors_of_the_difference():
    assert not decay(0.46).is_large
    assert decay(0.44).is_large
    assert not decay(0.66).is_large


def test_all_reasons_are_told_and_a_young_sound_model_has_none():
    sound = FeatureDrift(rows=60, value=1.2, usual=1.3, changed=("a",))
    young = ModelHealth(age_days=90.0, limit_days=90.0, drift=sound, decay=decay(0.5))
    assert young.reasons_to_refit() == {}
    drifted = FeatureDrift(rows=60, value=1.4, usual=1.3, changed=("a",))
    old = ModelHealth(age_days=91.0, limit_days=90.0, drift=drifted, decay=decay(0.3))
    assert list(old.reasons_to_refit()) == ["age", "drift", "decay"]
    assert "fell from 0.550 ± 0.040 held back to 0.300" in old.reasons_to_refit()["decay"]
