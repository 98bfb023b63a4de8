"""How many independent trials correlated ones are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trading_pipeline.performance.search.effective_trials import effective_trials


@pytest.mark.parametrize(("groups", "members"), [(1, 8), (4, 5), (30, 1), (60, 1)])
def test_equal_trials_count_once_and_independent_ones_each(groups, members):
    noise = np.random.default_rng(groups).normal(size=(1_500, groups))
    found = effective_trials(np.repeat(noise, members, axis=1))
    assert found == pytest.approx(groups, rel=0.03)
    assert found <= groups * members


def test_more_correlation_is_worth_fewer_trials():
    generator = np.random.default_rng(2)
    shared, own = generator.normal(size=(1_000, 1)), generator.normal(size=(1_000, 20))
    found = [effective_trials(weight * shared + own) for weight in (0.0, 0.5, 1.0, 4.0)]
    assert found == sorted(found, reverse=True)
    # of N trials with one correlation r: N / (1 + (N - 1) r^2)
    assert found[2] == pytest.approx(20 / (1 + 19 * 0.25), rel=0.1)


def test_trials_without_variation_are_none():
    assert math.isnan(effective_trials(np.zeros((100, 3))))
    assert math.isnan(effective_trials(np.ones((2, 3))))
    one = np.random.default_rng(1).normal(size=(100, 1))
    assert effective_trials(np.column_stack([one, np.zeros(100), -one])) == pytest.approx(1.0)
