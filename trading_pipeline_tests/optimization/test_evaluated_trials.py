"""Trials in columns: rows, frames and records of them say the same."""

import math

import numpy as np
import pytest

from trading_pipeline.backtest.kernels import codes
from trading_pipeline.optimization.evaluated_trials import TRIAL_COLUMNS, EvaluatedTrials
from trading_pipeline.optimization.trial_run import _Pace


def trials(count, first=0):
    statistics = np.random.default_rng(first).normal(size=(count, codes.S_COUNT))
    statistics[:, [codes.S_TRADES, codes.S_BARS_IN_POSITION]] = 7.0
    return EvaluatedTrials(
        statistics=statistics,
        value=statistics[:, codes.S_SHARPE],
        bars=np.full(count, 90, dtype=np.int64),
        parameters_hash=[f"h{first + number}" for number in range(count)],
        status=["ok"] * count,
        reason=[None] * count,
    )


def test_rows_of_parts_joined_and_taken_are_those_of_the_table_and_of_a_record():
    failed = EvaluatedTrials.failed(["bad"], ["it raised"], 90)
    every = EvaluatedTrials.joined([trials(3), failed, trials(2, first=3)])
    assert (len(every), every.parameters_hash) == (6, ["h0", "h1", "h2", "bad", "h3", "h4"])
    order = [5, 3, 0]
    taken = every.take(order)
    rows = [taken.row(number) for number in range(3)]
    assert list(taken.table.columns) == list(rows[0]) == list(TRIAL_COLUMNS)
    again = EvaluatedTrials.of_rows(rows).table
    assert again.equals(taken.table)
    assert [type(taken.row(0)[name]) for name in ("trade_count", "value")] == [int, float]
    assert (rows[1]["status"], rows[1]["reason"]) == ("failed", "it raised")
    assert math.isnan(rows[1]["value"])
    assert taken.table["sharpe"].tolist()[0] == every.table["sharpe"].iloc[5]


def test_the_best_is_the_first_of_the_highest_and_none_without_a_value():
    some = trials(4)
    some.value[:] = [1.0, math.nan, 2.0, 2.0]
    assert some.best == 2
    assert EvaluatedTrials.failed(["a", "b"], ["x", "y"], 9).best == -1


@pytest.mark.parametrize(("seconds", "size"), [(0.001, 4_000), (0.25, 16), (1.0, 4), (16.0, 1)])
def test_after_a_first_block_of_16_the_next_takes_half_a_second(seconds, size):
    pace = _Pace()
    assert pace.block(1_000) == 16
    pace.took(seconds, 16, 1_000)
    assert pace.block(2_000) == size
    pace.took(0.4, 1, 1_000)  # a rest of one set says little
    assert pace.block(2_000) == size
