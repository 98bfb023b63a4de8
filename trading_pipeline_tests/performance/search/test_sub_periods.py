"""Sharpe ratios in halves, years, calm and wild markets, against hand-cut series."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.return_metrics import sharpe
from trading_pipeline.performance.search.sub_periods import SubPeriods, sub_periods

STAMPS = pd.bdate_range("2019-07-01", periods=500, tz="UTC")


def by_name(found: SubPeriods) -> dict[tuple[str, str], tuple[int, float]]:
    return {(part.kind, part.name): (part.bars, part.sharpe) for part in found.parts}


def test_each_part_has_the_ratio_of_its_own_bars():
    generator = np.random.default_rng(1)
    own, market = generator.normal(0.001, 0.01, (2, 500))
    own[:250] -= 0.004
    found = sub_periods(own, market, STAMPS, periods_per_year=252)
    parts = by_name(found)
    in_2020 = STAMPS.year == 2020
    assert parts["year", "2020"] == (262, sharpe(own[in_2020], periods_per_year=252))
    assert parts["half", "first"] == (250, sharpe(own[:250], periods_per_year=252))
    assert parts["half", "first"][1] < 0.0 < parts["half", "second"][1]
    known = [part.sharpe for part in found.parts]
    assert found.positive_share == sum(ratio > 0 for ratio in known) / len(known)
    assert found.worst.sharpe == min(known)


def test_regimes_are_told_by_bars_before_and_hold_each_bar_once():
    market = np.where(np.arange(500) % 100 < 50, 0.001, -0.03) * np.tile([1.0, 0.9], 250)
    own = np.random.default_rng(2).normal(size=500) * 0.01
    parts = by_name(sub_periods(own, market, STAMPS, periods_per_year=252))
    for kind in ("volatility", "trend"):
        assert sum(bars for (each, _), (bars, _) in parts.items() if each == kind) == 500 - 21
    changed = market.copy()
    changed[-1] = 0.5  # the last bar's own return cannot move it into another part
    assert by_name(sub_periods(own, changed, STAMPS, periods_per_year=252)) == parts


def test_parts_in_which_nothing_was_held_count_nowhere():
    own = np.where(np.arange(500) < 250, 0.0, np.random.default_rng(3).normal(0.01, 0.01, 500))
    found = sub_periods(own, np.zeros(500), STAMPS, periods_per_year=252)
    assert math.isnan(by_name(found)["half", "first"][1])
    assert found.positive_share == 1.0
    nothing = sub_periods(np.zeros(10), np.zeros(10), STAMPS[:10], periods_per_year=252)
    assert nothing.parts == ()
    assert math.isnan(nothing.positive_share)
    assert nothing.worst is None


def test_series_of_other_lengths_are_refused():
    with pytest.raises(DataQualityError, match="500 stamps"):
        sub_periods(np.zeros(499), np.zeros(500), STAMPS, periods_per_year=252)
    with pytest.raises(ConfigurationError):
        sub_periods(np.zeros(500), np.zeros(500), STAMPS, periods_per_year=0.0)
