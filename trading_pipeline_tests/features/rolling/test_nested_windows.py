"""Statistics of several windows, joined of shorter ones, against those of each window by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.rolling import nested_windows as nested
from trading_pipeline.features.rolling import windows as rolling

# all joined but the first; some joined of unequal ones; none joined; one wanted twice
FAMILIES = [(5, 10, 20, 30, 60), (2, 3, 5, 8, 13), (4, 7, 50), (60, 5, 5)]
SIDES = [True, False]


def walk(rows, seed=1):
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, rows)))


def windows_of(values, window):
    return np.lib.stride_tricks.sliding_window_view(values, window)


def close_to(own, expected, scale=1.0):
    np.testing.assert_allclose(own, expected, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("windows", FAMILIES)
@pytest.mark.parametrize("rows", [0, 1, 4, 12, 59, 60, 61, 1500])
def test_each_statistic_is_that_of_its_window_alone(windows, rows):
    values, other = walk(rows), np.random.default_rng(2).normal(13.0, 1.0, rows)
    sums, moments = nested.nested_sums(values, windows), nested.nested_moments(values, windows)
    lines = nested.nested_lines(values, windows, moments)
    correlations = nested.nested_correlations(values, other, windows)
    for window in windows:
        mean, deviation = rolling.rolling_mean_and_std(values, window)
        close_to(sums[window], rolling.rolling_sum(values, window))
        close_to(moments[window].mean, mean)
        close_to(moments[window].deviation(window), deviation)
        for own, expected in zip(lines[window], rolling.rolling_line(values, window), strict=True):
            close_to(own, expected)
        close_to(correlations[window], rolling.rolling_correlation(values, other, window))
        for found in (sums[window], lines[window].residual, correlations[window]):
            assert np.isnan(found).sum() == min(window - 1, rows)


@pytest.mark.parametrize("greatest", SIDES)
@pytest.mark.parametrize("windows", FAMILIES)
def test_extremes_and_their_places_are_exact_and_of_equal_ones_the_first(windows, greatest):
    values = np.random.default_rng(3).integers(0, 6, 900).astype("float64")
    best = nested.nested_extremes(values, windows, greatest=greatest)
    places = nested.nested_extreme_positions(values, windows, greatest=greatest)
    for window in windows:
        views = windows_of(values if greatest else -values, window)
        found, place = best[window][window - 1 :], places[window][window - 1 :]
        np.testing.assert_array_equal(found if greatest else -found, views.max(axis=1))
        np.testing.assert_array_equal(place, views.argmax(axis=1) + 1)
        assert np.isnan(places[window][: window - 1]).all()


@settings(deadline=None, max_examples=60)  # the first call compiles
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), max_size=50))
def test_moments_of_any_numbers_are_those_of_each_window_by_numpy(values):
    array = np.array(values, dtype="float64")
    moments = nested.nested_moments(array, (2, 4, 6, 10))
    for window, found in moments.items():
        for row in range(window - 1, len(array)):
            part = array[row - window + 1 : row + 1]
            assert found.mean[row] == pytest.approx(part.mean(), rel=1e-9, abs=1e-6)
            expected = ((part - part.mean()) ** 2).sum()
            assert found.squares[row] == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert found.squares[row] >= 0.0


def test_long_windows_are_as_exact_as_extended_precision():
    generator = np.random.default_rng(4)
    # a level a million times the moves, where running sums of squares lose most of their digits
    values, other = 1e6 + generator.normal(0, 1.0, 600), generator.normal(0, 1.0, 600)
    moments = nested.nested_moments(values, FAMILIES[0])
    correlations = nested.nested_correlations(values, other, FAMILIES[0])
    for window in FAMILIES[0]:
        exact, more = windows_of(values.astype("longdouble"), window), windows_of(other, window)
        x = exact - exact.mean(axis=1, keepdims=True)
        y = more - more.astype("longdouble").mean(axis=1, keepdims=True)
        squares = (x**2).sum(axis=1)
        expected = (x * y).sum(axis=1) / np.sqrt(squares * (y**2).sum(axis=1))
        found = moments[window].squares[window - 1 :]
        np.testing.assert_allclose(found, squares.astype("float64"), rtol=1e-9)
        close_to(correlations[window][window - 1 :], expected.astype("float64"), 100.0)


@pytest.mark.parametrize("value", [0.1, 1.0 / 3.0, 123456.789])
def test_a_flat_window_has_no_spread_no_line_and_no_correlation(value):
    flat, moving = np.full(200, value), np.arange(200.0)
    moments = nested.nested_moments(flat, FAMILIES[0])
    lines = nested.nested_lines(flat, FAMILIES[0], moments)
    correlations = nested.nested_correlations(flat, moving, FAMILIES[0])
    for window in FAMILIES[0]:
        full = slice(window - 1, None)
        assert (moments[window].squares[full] == 0.0).all()
        assert (moments[window].mean[full] == value).all()
        assert (correlations[window][full] == 0.0).all()
        for part in lines[window]:
            assert (part[full] == 0.0).all()


def test_a_straight_line_explains_itself_and_is_correlated_with_itself():
    straight = 5.0 + 2.0 * np.arange(150.0)
    lines = nested.nested_lines(straight, FAMILIES[0], nested.nested_moments(straight, FAMILIES[0]))
    opposite = nested.nested_correlations(straight, -straight, FAMILIES[0])
    for window in FAMILIES[0]:
        assert lines[window].slope[window - 1 :] == pytest.approx(2.0)
        assert lines[window].r_squared[window - 1 :] == pytest.approx(1.0)
        assert lines[window].residual[window - 1 :] == pytest.approx(0.0, abs=1e-10)
        assert opposite[window][window - 1 :] == pytest.approx(-1.0)
        assert (opposite[window][window - 1 :] >= -1.0).all()


def test_correlations_of_moves_whose_squares_vanish_are_kept():
    generator = np.random.default_rng(5)
    small, other = 1e-100 * generator.normal(size=100), 1e-100 * generator.normal(size=100)
    own = nested.nested_correlations(small, other, (5, 10))[10][9:]
    expected = nested.nested_correlations(1e100 * small, 1e100 * other, (5, 10))[10][9:]
    np.testing.assert_allclose(own, expected, rtol=1e-9)


def statistics_of(values, windows):
    moments = nested.nested_moments(values, windows)
    return {
        "sum": nested.nested_sums(values, windows),
        "mean": {window: found.mean for window, found in moments.items()},
        "squares": {window: found.squares for window, found in moments.items()},
        "slope": {
            w: line.slope for w, line in nested.nested_lines(values, windows, moments).items()
        },
        "correlation": nested.nested_correlations(values, np.sin(values), windows),
        "greatest": nested.nested_extremes(values, windows, greatest=True),
    }


def test_statistics_have_no_memory_of_where_the_rows_begin_or_of_a_huge_value():
    values = walk(3000, 6)
    values[100] = 1e15
    whole, part = statistics_of(values, FAMILIES[0]), statistics_of(values[2777:], FAMILIES[0])
    for name, found in whole.items():
        for window in FAMILIES[0]:
            np.testing.assert_allclose(
                part[name][window][-100:], found[window][-100:], rtol=1e-9, atol=1e-12, err_msg=name
            )


def test_nan_in_a_window_gives_nan_and_afterwards_numbers_again():
    values = walk(200, 7)
    values[50] = np.nan
    for name, found in statistics_of(values, FAMILIES[0]).items():
        for window in FAMILIES[0]:
            missing = np.flatnonzero(np.isnan(found[window][window - 1 :])) + window - 1
            first = max(50, window - 1)
            assert missing.tolist() == list(range(first, 50 + window)), (name, window)


def test_inputs_are_left_as_they_are_and_may_be_views():
    block = np.column_stack([walk(300, 8), walk(300, 9)])
    before = block.copy()
    own = nested.nested_correlations(block[:, 0], block[:, 1], (5, 10))[10]
    np.testing.assert_array_equal(block, before)
    np.testing.assert_array_equal(
        own, nested.nested_correlations(before[:, 0].copy(), before[:, 1].copy(), (5, 10))[10]
    )


@pytest.mark.parametrize("windows", [(0, 5), (-3,)])
def test_a_window_without_rows_is_refused(windows):
    with pytest.raises(ConfigurationError, match="rows is not possible"):
        nested.nested_sums(np.ones(9), windows)
