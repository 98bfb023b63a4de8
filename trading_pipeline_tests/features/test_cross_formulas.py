"""Cross features: alignment by what was known, and the formulas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError, UnknownNameError
from trading_pipeline.features.cross_formulas import (
    KnownCloses,
    aligned_closes,
    compute_cross_features,
    cross_columns,
)

DAY = 86_400_000_000


def walk(seed, rows, *, hour=21, first=0):
    """A random walk whose bars are known daily at an hour."""
    rng = np.random.default_rng(seed)
    days = np.arange(first, first + rows)
    return KnownCloses(
        days * DAY + hour * DAY // 24, 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    )


def by_pandas(own, peers, window):
    """The same columns by pandas, for series of one clock."""
    log = np.log(pd.Series(own.close))
    table = pd.DataFrame({name: np.log(peer.close) for name, peer in peers.items()})
    steps, moved = table.diff(), table.diff(window)
    market = steps.mean(axis=1)
    step, change = log.diff(), log.diff(window)
    covariance = step.rolling(window).cov(market)
    return {
        f"relative_strength_{window}": change - moved.mean(axis=1),
        f"return_rank_{window}": moved.lt(change, axis=0).mean(axis=1).where(change.notna()),
        f"dispersion_{window}": moved.std(axis=1, ddof=0),
        f"correlation_{window}": step.rolling(window).corr(market),
        f"beta_{window}": covariance / market.rolling(window).var(),
    }


def test_columns_equal_those_of_pandas_where_all_clocks_agree():
    own, peers = walk(1, 300), {name: walk(seed, 300) for seed, name in enumerate("abc", start=2)}
    found = compute_cross_features(own, peers, windows=(20, 60))
    assert list(found) == list(cross_columns((20, 60), ()))
    for window in (20, 60):
        for name, expected in by_pandas(own, peers, window).items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-8, atol=1e-12, err_msg=name)
            assert np.isnan(found[name][:window]).all()
            assert np.isfinite(found[name][window:]).all()
    assert found["peers"].tolist() == [0.0] + [3.0] * 299


def test_a_reference_has_columns_of_its_own_that_equal_those_of_a_market_of_one():
    own, other = walk(1, 100), walk(2, 100)
    alone = compute_cross_features(own, {"SPY_1d": other}, windows=(20,))
    found = compute_cross_features(
        own, {"SPY_1d": other, "b": walk(3, 100)}, windows=(20,), references=("SPY_1d",)
    )
    assert list(found) == list(cross_columns((20,), ("SPY_1d",)))
    for name in ("relative_strength_20", "correlation_20", "beta_20"):
        np.testing.assert_allclose(found[f"{name}_SPY_1d"], alone[name], rtol=1e-12)


def test_a_peer_that_closes_later_counts_from_the_next_bar_on():
    own, late = walk(1, 5, hour=21), walk(2, 5, hour=23)
    aligned = aligned_closes(own.known_at, late, 7)
    assert np.isnan(aligned[0])
    assert aligned[1:].tolist() == late.close[:4].tolist()
    same = aligned_closes(own.known_at, KnownCloses(own.known_at, late.close), 7)
    assert same.tolist() == late.close.tolist()


def test_a_peer_that_is_gone_is_not_counted_once_its_last_bar_is_too_old():
    own, gone = walk(1, 40), walk(2, 10)
    found = compute_cross_features(own, {"gone": gone}, windows=(5,), longest_age_days=3)
    assert found["peers"].tolist() == [0.0] + [1.0] * 12 + [0.0] * 27
    assert np.isnan(found["relative_strength_5"][13:]).all()


def test_a_peer_that_is_listed_late_joins_when_it_is_known():
    own, early, late = walk(1, 60), walk(2, 60), walk(3, 20, first=40)
    found = compute_cross_features(own, {"early": early, "late": late}, windows=(5,))
    assert found["peers"][[1, 40, 41]].tolist() == [1.0, 1.0, 2.0]
    without = compute_cross_features(own, {"early": early}, windows=(5,))
    for name in ("relative_strength_5", "beta_5"):
        np.testing.assert_array_equal(found[name][:41], without[name][:41])


def test_nobody_to_compare_with_gives_nan_and_not_zero():
    found = compute_cross_features(walk(1, 30), {}, windows=(5,))
    assert (found["peers"] == 0).all()
    assert all(np.isnan(values).all() for name, values in found.items() if name != "peers")


def test_a_window_without_movement_has_no_correlation_and_no_beta():
    own = walk(1, 30)
    flat = KnownCloses(own.known_at, np.full(30, 50.0))
    found = compute_cross_features(own, {"flat": flat}, windows=(5,))
    assert (found["correlation_5"][5:] == 0).all()
    assert (found["beta_5"][5:] == 0).all()
    stays = compute_cross_features(flat, {"moves": own}, windows=(5,))
    assert (stays["correlation_5"][5:] == 0).all()


def test_equal_returns_rank_in_the_middle():
    own = walk(1, 30)
    found = compute_cross_features(own, {"twin": own}, windows=(5,))
    assert (found["return_rank_5"][5:] == 0.5).all()
    np.testing.assert_allclose(found["beta_5"][5:], 1.0, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(30, 90), st.floats(0.0, 23.0))
def test_taking_everybodys_later_bars_away_changes_nothing(seed, cut, hour):
    own = walk(seed, 90)
    peers = {"a": walk(seed + 1, 120, hour=int(hour), first=-20), "b": walk(seed + 2, 60, first=20)}
    whole = compute_cross_features(own, peers, windows=(10,))
    now = int(own.known_at[cut - 1])
    part = compute_cross_features(
        own.until(now), {name: peer.until(now) for name, peer in peers.items()}, windows=(10,)
    )
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][:cut], err_msg=name)


def test_an_absent_reference_is_refused_by_the_name_of_its_feature():
    with pytest.raises(
        UnknownNameError, match=r"relative_strength_5_SPX_1d.*Did you mean 'SPY_1d'"
    ):
        compute_cross_features(
            walk(1, 30), {"SPY_1d": walk(2, 30)}, windows=(5,), references=("SPX_1d",)
        )


@pytest.mark.parametrize(
    ("moments", "closes"),
    [([0, 2, 1], [1.0, 1.0, 1.0]), ([0, 1, 2], [1.0, np.nan, 1.0]), ([0, 1, 2], [1.0, 0.0, 1.0])],
)
def test_closes_that_cannot_be_compared_are_refused_with_their_row(moments, closes):
    stamps = pd.DatetimeIndex(np.array(moments).astype("datetime64[us]")).tz_localize("UTC")
    with pytest.raises(DataQualityError, match=r"row [12]"):
        KnownCloses.of(pd.Series(closes), stamps)


def three_peers(rows=60):
    return walk(1, rows), {name: walk(seed, rows) for seed, name in enumerate("ABC", start=2)}


def test_only_members_at_the_bar_enter_counts_means_ranks_and_deviations():
    own, peers = three_peers()
    belonged = np.arange(60) < 40
    found = compute_cross_features(own, peers, windows=[10], members={"A": belonged})
    everyone = compute_cross_features(own, peers, windows=[10])
    others = {name: peers[name] for name in "BC"}
    without = compute_cross_features(own, others, windows=[10])
    assert found["peers"][1:].tolist() == [3.0] * 39 + [2.0] * 20
    for name in ("relative_strength_10", "return_rank_10", "dispersion_10"):
        np.testing.assert_array_equal(found[name][:40], everyone[name][:40])
        np.testing.assert_array_equal(found[name][40:], without[name][40:])
    for name in ("correlation_10", "beta_10"):  # each step's market is that of its own members
        np.testing.assert_array_equal(found[name][:40], everyone[name][:40])
        np.testing.assert_array_equal(found[name][49:], without[name][49:])
        assert not np.array_equal(found[name][41:48], without[name][41:48])


def test_a_new_members_return_reaches_back_to_before_it_joined():
    own, peers = three_peers()
    joined = {"A": np.arange(60) >= 30}
    found = compute_cross_features(own, peers, windows=[10], members=joined)
    everyone = compute_cross_features(own, peers, windows=[10])
    np.testing.assert_array_equal(found["return_rank_10"][30:], everyone["return_rank_10"][30:])


def test_without_a_member_there_is_nothing_to_compare_with():
    own, peers = three_peers()
    nobody = dict.fromkeys(peers, np.zeros(60, dtype=bool))
    found = compute_cross_features(own, peers, windows=[10], members=nobody)
    assert found["peers"].tolist() == [0.0] * 60
    assert np.isnan(found["return_rank_10"]).all()


def test_a_reference_keeps_its_own_columns_outside_its_membership():
    own, peers = three_peers()
    nobody = {"A": np.zeros(60, dtype=bool)}
    found = compute_cross_features(own, peers, windows=[10], references=["A"], members=nobody)
    everyone = compute_cross_features(own, peers, windows=[10], references=["A"])
    np.testing.assert_array_equal(found["beta_10_A"], everyone["beta_10_A"])
    assert found["peers"].max() == 2.0


def test_every_column_is_unknown_where_the_series_itself_does_not_belong():
    own, peers = three_peers()
    belonged = np.arange(60) >= 30
    found = compute_cross_features(own, peers, windows=[10], references=["A"], is_member=belonged)
    everyone = compute_cross_features(own, peers, windows=[10], references=["A"])
    for name, values in found.items():
        assert np.isnan(values[:30]).all()
        np.testing.assert_array_equal(values[30:], everyone[name][30:])
