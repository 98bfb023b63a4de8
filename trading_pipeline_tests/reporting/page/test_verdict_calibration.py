"""The calibration of the verdict, smaller: hardly a false alarm, and a planted edge is seen."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import verdict_calibration as calibration

MARKETS = 60


@pytest.fixture(scope="module")
def noise() -> calibration.Cells:
    return calibration.false_alarms("noise", MARKETS, seed=5)


def share(cells: calibration.Cells, trials: int, what: str) -> float:
    own = [cell for (*_, count), cell in cells.items() if count == trials]
    return float(np.mean([said for cell in own for said in getattr(cell, what)]))


def test_without_an_edge_few_results_stand_out_and_fewer_of_the_best_of_fifty(noise):
    assert share(noise, 1, "stands_out") < 0.07
    assert share(noise, 50, "stands_out") < 0.03
    assert share(noise, 50, "surely_above_zero") > 0.2  # what the count of trials is for


def test_in_a_rising_market_holding_explains_what_a_rule_earned():
    cells = calibration.false_alarms("rising", MARKETS // 2, searched=False, seed=5)
    assert share(cells, 1, "stands_out") < 0.07
    assert share(cells, 1, "surely_above_zero") > 0.15


def test_a_planted_edge_is_seen_and_less_so_after_many_trials(noise):
    unskilled = noise["noise", "reversion", 5, 1].sharpes
    true, found = calibration.power("reversion", 5, 2.0, MARKETS, unskilled, seed=5)
    assert true == pytest.approx(2.0, abs=0.05)
    assert found[1] >= 90.0
    assert found[1_000] < 70.0
    assert calibration.power("reversion", 5, 3.0, MARKETS, unskilled, seed=5)[1][1] == 100.0
