"""Feature quality against scipy, pandas and planted cases."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, spearmanr

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.feature_quality import (
    correlation_clusters,
    feature_quality,
    information_coefficient,
    kolmogorov_smirnov,
    population_stability,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def closes(returns):
    return pd.Series(100 * np.exp(np.cumsum(returns)))


def test_the_information_coefficient_is_spearmans(rng):
    x, y = rng.normal(size=300), rng.normal(size=300)
    x[:20], y[-5:] = np.nan, np.nan
    ic, error = information_coefficient(x, y, 5)
    assert ic == pytest.approx(spearmanr(x[20:-5], y[20:-5]).statistic, rel=1e-12)
    assert error == pytest.approx(1 / np.sqrt(275 / 5 - 1))


def test_the_standard_error_is_that_of_many_unrelated_series(rng):
    found = [
        information_coefficient(rng.normal(size=100), rng.normal(size=100), 1) for _ in range(800)
    ]
    assert np.std([ic for ic, _ in found]) == pytest.approx(found[0][1], rel=0.08)


def test_overlapping_returns_are_worth_fewer_rows(rng):
    """Persistent features against h-bar returns scatter as the error says, not as 1/sqrt(n)."""
    found, h = [], 10
    for _ in range(300):
        total = np.cumsum(rng.normal(size=400 + h))
        slow = np.convolve(rng.normal(size=400 + h), np.ones(h), "valid")[:400]
        found.append(information_coefficient(slow, total[h:] - total[:-h], h))
    scatter = np.std([ic for ic, _ in found])
    assert scatter > 1.8 / np.sqrt(400)
    assert scatter < 1.3 * found[0][1]


def test_a_feature_that_foresees_and_one_that_does_not(rng):
    returns = rng.normal(0, 0.01, 400)
    features = pd.DataFrame(
        {"foresees": np.append(returns[1:], 0.0), "noise": rng.normal(size=400)}
    )
    table = feature_quality(features, closes(returns), horizons=(1, 5)).table
    assert table.loc["foresees", "ic_1"] > 0.99
    assert abs(table.loc["noise", "ic_1"]) < 3 * table.loc["noise", "ic_1_se"]
    assert 0.2 < table.loc["foresees", "ic_5"] < 0.7


def test_constant_columns_gaps_and_copies_are_named(rng):
    base = rng.normal(size=200)
    features = pd.DataFrame(
        {
            "a": base, "still": 1.0, "a_again": np.exp(base), "a_mirrored": -base,
            "other": rng.normal(size=200), "late": np.r_[np.full(50, np.nan), base[50:] ** 2],
        }
    )  # fmt: skip
    found = feature_quality(features, closes(rng.normal(0, 0.01, 200)))
    assert found.constant == ("still",)
    assert found.clusters == (("a", "a_again", "a_mirrored"),)
    assert found.missing_share == pytest.approx(50 / 1200)
    assert found.table.loc["late", "missing_share"] == 0.25
    assert np.isnan(found.table.loc["still", "ic_1"])
    assert "psi" not in found.table.columns


def test_the_kolmogorov_smirnov_distance_is_scipys(rng):
    before, now = rng.normal(size=500), rng.normal(0.3, 1.2, 120).round(1)
    before[::50] = np.nan
    expected = ks_2samp(before[np.isfinite(before)], now).statistic
    assert kolmogorov_smirnov(before, now) == pytest.approx(expected, rel=1e-12)


def test_drift_is_seen_and_its_absence_too(rng):
    before = rng.normal(size=20_000)
    assert population_stability(before, rng.normal(size=5_000)) < 0.02
    assert population_stability(before, rng.normal(1.0, 1.0, 5_000)) > 0.25
    assert population_stability(before, before) == 0.0
    # by hand: a bin of 90 % and one of 10 % become two of 50 %
    old, new = np.array([0.0] * 90 + [1.0] * 10), np.array([0.0] * 50 + [1.0] * 50)
    by_hand = (0.5 - 0.9) * np.log(0.5 / 0.9) + (0.5 - 0.1) * np.log(0.5 / 0.1)
    assert population_stability(old, new) == pytest.approx(by_hand)


def test_drift_against_a_reference_stands_in_the_table(rng):
    now = pd.DataFrame({"same": rng.normal(size=250), "moved": rng.normal(2.0, 1.0, 250)})
    reference = pd.DataFrame({"moved": rng.normal(size=50_000), "same": rng.normal(size=50_000)})
    table = feature_quality(now, closes(rng.normal(0, 0.01, 250)), reference=reference).table
    assert table.loc["moved", "psi"] > 1.0 > 0.25 > table.loc["same", "psi"]
    assert table.loc["moved", "ks"] > 0.6 > 0.15 > table.loc["same", "ks"]


def test_nothing_is_made_of_nothing():
    empty = pd.DataFrame({"a": np.empty(0), "b": np.empty(0)})
    found = feature_quality(empty, pd.Series(np.empty(0)), reference=empty)
    assert (found.rows, found.missing_share, found.constant, found.clusters) == (0, 0.0, (), ())
    assert found.table["ic_1"].isna().all()
    assert np.isnan(population_stability(np.empty(0), np.ones(3)))
    assert np.isnan(kolmogorov_smirnov(np.ones(3), np.full(3, np.nan)))
    assert correlation_clusters(pd.DataFrame(np.zeros((5, 2))), 0.9) == ()


def test_features_and_closes_of_different_length_are_refused():
    with pytest.raises(ConfigurationError, match="3 rows of features and 2 closes"):
        feature_quality(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), pd.Series([1.0, 2.0]))
