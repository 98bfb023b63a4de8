"""Control: on random walks the interval of a score out of sample holds that of a coin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.models.cards.scores import score_probabilities
from trading_pipeline.models.training.effective_rows import label_clock, row_uniqueness
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import LabelSpec, ModelSpec, TrainingSpec

ROWS, TRAINED, SEEDS = 1_600, 800, 100
ERRORS = 1.96


def walk(seed, horizon):
    """Daily closes of a random walk: past changes as features, direction over `horizon` bars."""
    returns = np.random.default_rng([seed, horizon]).normal(size=ROWS)
    index = pd.date_range("2000-01-01", periods=ROWS, tz="UTC", name="ts").as_unit("us")
    price = pd.Series(np.cumsum(returns), index)
    features = pd.DataFrame({f"change_{n}": price.diff(n) for n in (1, 2, 5)})
    forward = (price.shift(-horizon) - price).dropna()
    known_at = forward.index + pd.Timedelta(hours=21)
    spans = {"t0": known_at, "t1": known_at + pd.Timedelta(days=horizon)}
    return features, pd.DataFrame({**spans, "label": (forward > 0.0).astype("float64")})


def scored_out_of_sample(seed, horizon):
    features, labels = walk(seed, horizon)
    spec = ModelSpec(
        name="walk",
        label=LabelSpec(horizon_bars=horizon),
        training=TrainingSpec(minimum_rows=500),
        calibration=None,  # a calibrated model may say 0.5 of every row, which proves nothing
    )
    refit_at = features.index[TRAINED]
    model = fit_model(
        spec,
        features,
        labels,
        instrument="WALK_1d",
        refit_at=refit_at,
        test_end=features.index[-1],
        feature_set_hash="0" * 64,
    )
    later = labels.loc[refit_at:]
    told = predict(model, features.loc[later.index], pd.DatetimeIndex(later["t0"]))
    worth = row_uniqueness(later, label_clock(later))
    return score_probabilities(later["label"], told["p_up"], uniqueness=worth)


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [1, 5])
def test_at_least_ninety_of_a_hundred_walks_are_no_better_than_a_coin(horizon):
    scores = [scored_out_of_sample(seed, horizon) for seed in range(SEEDS)]
    held = [abs(each.auc - 0.5) <= ERRORS * each.auc_error for each in scores]
    assert sum(held) >= 90
    assert np.mean([each.auc for each in scores]) == pytest.approx(0.5, abs=0.01)
    # an interval that holds everything would prove nothing
    assert max(each.auc_error for each in scores) < 0.06
    assert min(each.auc_error for each in scores) > 0.01
