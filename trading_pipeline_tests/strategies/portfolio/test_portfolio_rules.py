"""Shipped portfolio strategies on markets by hand, and against a few lines of pandas and numpy."""

import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import SHIPPED
from trading_pipeline.strategies.portfolio import pairs_reversion
from trading_pipeline.strategies.portfolio.pairs_reversion import spread_scores
from trading_pipeline.strategies.portfolio.returns import shrunk_covariance
from trading_pipeline_tests.strategies.portfolio.panels import (
    month_ends,
    panel,
    random_panel,
    weights_of,
)

NAN = np.nan
NONE = [NAN, NAN]
FAMILY = ("cross_sectional_momentum", "minimum_variance", "pairs_reversion", "volatility_target")


def frame(seen):
    return pd.DataFrame(seen.closes, seen.index, list(seen.instruments))


# Momentum ------------------------------------------------------------------------------------


def test_momentum_holds_what_rose_most_up_to_the_month_before():
    # one bar a month: a row's ranking return ends one bar before it
    seen = panel({"A": [10.0, 11.0, 11.0, 12.0], "B": [10.0, 10.0, 20.0, 1.0]}, freq="MS")
    found = weights_of("cross_sectional_momentum", seen, lookback_months=2, top=1)
    np.testing.assert_array_equal(found, [NONE, NONE, [1.0, 0.0], [0.0, 1.0]])


def test_momentum_leaves_out_what_cannot_be_held_and_shares_among_the_rest():
    closes = {"A": [1.0, 5.0, 25.0], "B": [1.0, 2.0, 4.0], "C": [1.0, 1.0, 1.0]}
    member = np.array([True, True, False])
    seen = panel(closes, freq="MS", members={"A": member})
    found = weights_of("cross_sectional_momentum", seen, lookback_months=1, skip_months=0, top=2)
    np.testing.assert_array_equal(found[1:], [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    third = weights_of("cross_sectional_momentum", seen, lookback_months=1, skip_months=0)
    np.testing.assert_array_equal(third[1:], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize("weighting", ["equal", "inverse_volatility"])
def test_momentum_at_month_ends_equals_resampled_months(weighting):
    seen = random_panel(5)
    seen.due = month_ends(seen)
    found = weights_of("cross_sectional_momentum", seen, top_share=0.4, weighting=weighting)
    closes = frame(seen)
    months = closes.resample("ME").last()
    past = months.shift(1) / months.shift(12)
    for row in np.flatnonzero(seen.due):
        ranking = past.loc[closes.index[row].strftime("%Y-%m")].iloc[0]
        if ranking.isna().any():
            assert np.isnan(found[row]).all()
            continue
        held = ranking.nlargest(2).index
        share = pd.Series(1.0, held)
        if weighting == "inverse_volatility":
            share = 1.0 / closes[held].pct_change().iloc[row - 62 : row + 1].std()
        expected = (share / share.sum()).reindex(closes.columns, fill_value=0.0)
        np.testing.assert_allclose(found[row], expected.to_numpy(), rtol=1e-12)
    assert np.isfinite(found).all(axis=1).sum() >= 18


# Volatility target ---------------------------------------------------------------------------


def test_volatility_target_scales_equal_weights_by_hand():
    # A returns 0.1 and -0.1: variance 0.02; half of it: 0.005, twice a year 0.01, deviation 0.1
    seen = panel({"A": [100.0, 110.0, 99.0], "B": [50.0, 50.0, 50.0]}, periods_per_year=2.0)
    given = {"lookback_bars": 2, "annual_volatility": 0.05}
    found = weights_of("volatility_target", seen, **given)
    np.testing.assert_allclose(found[2], [0.25, 0.25])
    assert np.isnan(found[:2]).all()
    inverse = weights_of("volatility_target", seen, base="inverse_volatility", **given)
    np.testing.assert_allclose(inverse[2], [0.25, 0.0])


def test_volatility_target_stops_at_its_leverage():
    seen = panel({"A": [100.0, 110.0, 99.0], "B": [50.0, 50.0, 50.0]}, periods_per_year=2.0)
    for most in (1.0, 1.5):
        found = weights_of(
            "volatility_target", seen, lookback_bars=2, annual_volatility=2.0, maximum_leverage=most
        )
        np.testing.assert_allclose(found[2], [most / 2, most / 2])
    calm = panel({"A": [1.0, 1.0, 1.0], "B": [2.0, 2.0, 2.0]}, periods_per_year=2.0)
    np.testing.assert_allclose(weights_of("volatility_target", calm, lookback_bars=2)[2], 0.5)


@pytest.mark.parametrize("covariance", ["rolling", "ewma"])
def test_volatility_target_equals_pandas(covariance):
    seen = random_panel(4, 200, periods_per_year=252.0)
    found = weights_of("volatility_target", seen, covariance=covariance, lookback_bars=40)
    returns = frame(seen).pct_change()
    basket = returns.mean(axis=1)
    for row in range(40, 200, 13):
        window = basket.iloc[row - 39 : row + 1]
        if covariance == "rolling":
            variance = window.var()
        else:
            share = 0.94 ** np.arange(39, -1, -1)
            variance = float((window**2 * share).sum() / share.sum())
        scale = min(0.1 / math.sqrt(252.0 * variance), 1.0)
        np.testing.assert_allclose(found[row], scale / 4, rtol=1e-9)


# Minimum variance ----------------------------------------------------------------------------


def uncorrelated():
    """Returns (0.1, 0), (-0.1, 0), (0, d), (0, -d): B has three times the variance of A."""
    d = 0.1 * math.sqrt(3.0)
    a, b = [0.1, -0.1, 0.0, 0.0], [0.0, 0.0, d, -d]
    return panel({"A": 10.0 * np.cumprod([1.0, *1.0 + np.array(a)]),
                  "B": 10.0 * np.cumprod([1.0, *1.0 + np.array(b)])})  # fmt: skip


def test_minimum_variance_by_hand():
    given = {"lookback_bars": 4, "shrinkage": "none"}
    found = weights_of("minimum_variance", uncorrelated(), **given)
    np.testing.assert_allclose(found[4], [0.75, 0.25])
    capped = weights_of("minimum_variance", uncorrelated(), maximum_weight=0.6, **given)
    np.testing.assert_allclose(capped[4], [0.6, 0.4])
    # three tenths of each are all that the cap allows; the rest is cash
    low = weights_of("minimum_variance", uncorrelated(), maximum_weight=0.3, **given)
    np.testing.assert_allclose(low[4], [0.3, 0.3])


def test_a_singular_covariance_is_solved_and_said():
    seen = random_panel(3, 60)
    twins = panel({"A": seen.closes[:, 0], "B": seen.closes[:, 0], "C": seen.closes[:, 2]})
    for each, bars in ((twins, 40), (random_panel(4, 60), 3)):
        found = weights_of("minimum_variance", each, lookback_bars=bars, shrinkage="none")
        decided = found[bars:]
        np.testing.assert_allclose(decided.sum(axis=1), 1.0)
        assert (decided >= 0.0).all()
        (note,) = each.notes
        assert note.startswith(f"Singular covariance on {len(decided)} of {len(each)} rows")
    both = weights_of("minimum_variance", twins, lookback_bars=40, shrinkage="none")[40:]
    np.testing.assert_allclose(both[:, 0], both[:, 1], atol=1e-6)
    flat = panel({"A": [1.0] * 5, "B": [2.0] * 5})
    np.testing.assert_allclose(weights_of("minimum_variance", flat, lookback_bars=3)[4], 0.5)


def test_shrunk_covariances_are_those_of_scikit_learn():
    from sklearn.covariance import ledoit_wolf

    generator = np.random.default_rng(5)
    for rows, count in ((252, 3), (20, 30), (5, 1), (60, 10)):
        returns = 0.01 * generator.normal(size=(rows, count))
        np.testing.assert_allclose(
            shrunk_covariance(returns), ledoit_wolf(returns)[0], rtol=1e-9, atol=1e-18
        )


# Pairs ---------------------------------------------------------------------------------------


def test_the_score_of_a_spread_by_hand():
    # slope 12 / 10, residuals 0.2, 0, -0.2, -0.4 and 0.4, whose squares add up to 0.4
    score, slope = spread_scores(
        np.array([0.0, 1.0, 2.0, 3.0, 5.0]), np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 5
    )
    assert slope[4] == pytest.approx(1.2)
    assert score[4] == pytest.approx(0.4 / math.sqrt(0.4 / 3.0))
    assert np.isnan(score[:4]).all()


SCORES = [NAN, 0.0, 2.1, 3.0, 0.4, -2.5, -4.2, -3.0, -0.3, 2.2, -0.1]
DOLLAR = [NONE, [0, 0], [-0.5, 0.5], NONE, [0, 0], [0.5, -0.5], [0, 0], NONE, NONE,
          [-0.5, 0.5], [0, 0]]  # fmt: skip


def with_scores(monkeypatch, scores, slope):
    given = np.array(scores), np.full(len(scores), slope)
    monkeypatch.setattr(pairs_reversion, "spread_scores", lambda *_: given)
    return panel({"A": np.ones(len(scores)), "B": np.ones(len(scores))})


def test_pairs_open_close_and_give_up_by_hand(monkeypatch):
    seen = with_scores(monkeypatch, SCORES, slope=3.0)
    np.testing.assert_array_equal(weights_of("pairs_reversion", seen), DOLLAR)
    by_slope = weights_of("pairs_reversion", seen, weighting="hedge_ratio", exposure=2.0)
    np.testing.assert_allclose(by_slope[2], [-0.5, 1.5])
    other = weights_of("pairs_reversion", seen, dependent="B")
    np.testing.assert_array_equal(other[:, ::-1], DOLLAR)


def test_a_pair_is_closed_where_one_of_it_cannot_be_held(monkeypatch):
    scores = [0.0, 2.5, 2.5, 2.5]
    with_scores(monkeypatch, scores, slope=1.0)
    member = np.array([True, True, False, True])
    seen = panel({"A": np.ones(4), "B": np.ones(4)}, members={"B": member})
    found = weights_of("pairs_reversion", seen)
    np.testing.assert_array_equal(found, [[0, 0], [-0.5, 0.5], [0, 0], [-0.5, 0.5]])


def test_pairs_equal_a_regression_a_row():
    generator = np.random.default_rng(2)
    common = np.cumsum(generator.normal(0.0, 0.01, 400))
    gap = np.zeros(400)
    for row in range(1, 400):
        gap[row] = 0.9 * gap[row - 1] + generator.normal(0.0, 0.01)
    seen = panel({"A": np.exp(common + gap), "B": np.exp(0.7 * common + 1.0)})
    found = weights_of("pairs_reversion", seen, lookback_bars=30, stop=3.0)
    side, stopped, states = 0, False, []
    y, x = np.log(seen.closes).T
    for row in range(29, 400):
        window = slice(row - 29, row + 1)
        line, squares, *_ = np.polyfit(x[window], y[window], 1, full=True)
        z = (y[row] - np.polyval(line, x[row])) / math.sqrt(squares[0] / 28)
        if side and (abs(z) <= 0.5 or z * side > 0.0):
            side = 0
        elif side and abs(z) >= 3.0:
            side, stopped = 0, True
        elif stopped:
            stopped = abs(z) > 0.5
        elif not side and abs(z) >= 2.0:
            side, stopped = (0, True) if abs(z) >= 3.0 else (-int(np.sign(z)), False)
        states.append(side)
    assert {-1, 0, 1} == set(states)
    held = pd.DataFrame(found).ffill().to_numpy()[29:]
    np.testing.assert_array_equal(held, 0.5 * np.outer(states, [1, -1]))


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("pairs_reversion", {"enter": 1.0, "leave": 1.0}, "'leave' of 1 is not below 'enter'"),
        ("pairs_reversion", {"stop": 2.0}, "'stop' of 2 is not above 'enter'"),
        ("cross_sectional_momentum", {"skip_months": 12}, "leaves nothing"),
        ("cross_sectional_momentum", {"top": 1, "top_share": 0.5}, "give one of them"),
        ("minimum_variance", {"maximum_weight": 1.5}, "has no effect without shorts"),
        ("volatility_target", {"annual_volatility": 0.0}, "annual_volatility"),
        ("volatility_target", {"lookback_bars": True}, "lookback_bars"),
        ("volatility_target", {"decay": math.nan}, "decay"),
        ("minimum_variance", {"lookback": 5}, "Did you mean 'lookback_bars'"),
    ],
)
def test_parameters_without_sense_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        SHIPPED.validate_params(name, params)


def test_a_pair_needs_two_instruments_and_knows_the_one_it_explains():
    with pytest.raises(StrategyError, match="trades 2 instruments, and 'instruments' lists 3"):
        weights_of("pairs_reversion", random_panel(3, 80))
    with pytest.raises(StrategyError, match="'dependent' of pairs_reversion is 'X'"):
        weights_of("pairs_reversion", random_panel(2, 80), dependent="X")


@pytest.mark.parametrize("name", FAMILY)
def test_no_weight_comes_before_the_warm_up_and_short_panels_have_none(name):
    seen = random_panel(2, 320)
    first = int(np.flatnonzero(np.isfinite(weights_of(name, seen)).all(axis=1))[0])
    # months have 20 to 23 rows
    assert first >= SHIPPED.warmup_bars(name, {}) - 12
    for rows in (0, 1, 5):
        part = seen.head(rows)
        assert weights_of(name, part).shape == (rows, 2)
        assert np.isnan(weights_of(name, part)).all()


@pytest.mark.parametrize("name", FAMILY)
def test_prices_that_are_missing_until_later_do_no_harm(name):
    seen = random_panel(2, 400)
    late = seen.markets["B_1d"].raw.iloc[150:]
    markets = {"A_1d": seen.markets["A_1d"], "B_1d": type(seen.markets["A_1d"])(late)}
    for key, each in markets.items():
        index = pd.DatetimeIndex(each.raw.index)
        markets[key] = type(each)(each.raw, None, index + pd.Timedelta(hours=21))
    found = weights_of(name, type(seen)(markets, periods_per_year=252.0))
    decided = np.isfinite(found).all(axis=1)
    assert decided.any()
    assert (found[:150, 1][decided[:150]] == 0.0).all()
