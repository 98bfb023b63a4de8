"""Metrics over a moving window."""

import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance import rolling_metrics as module
from trading_pipeline.performance.benchmark_metrics import benchmark_metrics
from trading_pipeline.performance.rolling_metrics import rolling_metrics


def sample(rows=120, seed=3):
    generator = np.random.default_rng(seed)
    index = pd.date_range("2024-01-01", periods=rows, tz="UTC", name="ts")
    own = pd.Series(generator.normal(0.0005, 0.01, rows), index=index)
    return own, generator.normal(0.0003, 0.01, rows)


def rolled(own, window=21, **others):
    return rolling_metrics(own, window_bars=window, periods_per_year=252, **others)


def test_every_row_equals_the_metric_of_its_window():
    own, other = sample()
    table = rolled(own, benchmark_returns=other)
    for row in range(20, len(own)):
        part, reference = own.to_numpy()[row - 20 : row + 1], other[row - 20 : row + 1]
        compared = benchmark_metrics(part, reference, periods_per_year=252)
        expected = {
            "total_return": measure.total_return(part),
            "annual_volatility": measure.annual_volatility(part, periods_per_year=252),
            "sharpe": measure.sharpe(part, periods_per_year=252),
            "max_drawdown": measure.max_drawdown(part),
            "beta": compared["beta"],
            "correlation": compared["correlation"],
        }
        assert table.iloc[row].to_dict() == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_rows_before_the_first_whole_window_are_nan_and_the_index_stays():
    own, _ = sample()
    table = rolled(own)
    assert table.index.equals(own.index)
    assert table.iloc[:20].isna().all(axis=None)
    assert table.iloc[20:].notna().all(axis=None)
    assert list(table.columns) == ["total_return", "annual_volatility", "sharpe", "max_drawdown"]


def test_later_bars_change_no_earlier_row():
    own, _ = sample()
    pd.testing.assert_frame_equal(rolled(own.iloc[:70]), rolled(own).iloc[:70], check_freq=False)


def test_a_far_earlier_bar_changes_no_later_row():
    own, _ = sample()
    changed = own.copy()
    changed.iloc[5] = 0.9
    pd.testing.assert_frame_equal(rolled(changed).iloc[30:], rolled(own).iloc[30:])


def test_a_missing_return_empties_the_windows_that_hold_it_and_no_other():
    own, _ = sample()
    own.iloc[40] = np.nan
    empty = rolled(own)["sharpe"].isna().to_numpy()
    assert np.flatnonzero(empty).tolist() == [*range(20), *range(40, 61)]


def test_a_window_that_does_not_move_has_no_ratio():
    own = pd.Series([0.01] * 30)
    table = rolled(own, window=5, benchmark_returns=np.zeros(30))
    assert table["sharpe"].isna().all()
    assert (table["annual_volatility"].iloc[4:] == 0.0).all()
    assert (table["max_drawdown"].iloc[4:] == 0.0).all()
    assert table["beta"].isna().all()
    assert table["correlation"].isna().all()


def test_first_bar_of_a_window_can_be_its_drawdown():
    own = pd.Series([0.5, -0.2, 0.1])
    assert rolled(own, window=2)["max_drawdown"].iloc[2] == pytest.approx(-0.2)


def test_chunks_give_the_same_as_one_piece(monkeypatch):
    own, other = sample()
    whole = rolled(own, benchmark_returns=other)
    monkeypatch.setattr(module, "_CHUNK_VALUES", 21 * 7)
    pd.testing.assert_frame_equal(rolled(own, benchmark_returns=other), whole)


def test_fewer_returns_than_the_window_give_rows_of_nan():
    own, other = sample(rows=10)
    table = rolled(own, benchmark_returns=other)
    assert table.shape == (10, 6)
    assert table.isna().all(axis=None)


@pytest.mark.parametrize("window", [1, 0, -5])
def test_a_window_without_a_deviation_is_refused(window):
    with pytest.raises(ConfigurationError, match="window"):
        rolled(sample()[0], window=window)


def test_another_length_of_the_benchmark_is_refused():
    own, other = sample()
    with pytest.raises(DataQualityError, match="120 returns and the benchmark 119"):
        rolled(own, benchmark_returns=other[:-1])


def test_a_year_of_no_bars_is_refused():
    with pytest.raises(ConfigurationError):
        rolling_metrics(sample()[0], window_bars=5, periods_per_year=math.nan)
