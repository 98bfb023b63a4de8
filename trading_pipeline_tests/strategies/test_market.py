"""What a strategy can see of the market."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.backtest import validate_bars
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DataQualityError, StrategyError
from trading_pipeline.strategies import Market
from trading_pipeline_tests.strategies.conftest import bars_of, clock_of, predictions_of


def test_without_factors_bars_are_the_raw_ones():
    raw = bars_of([10.0, 11.0])
    market = Market(raw)
    pd.testing.assert_frame_equal(market.bars, raw, check_freq=False)
    assert market.to_raw([1.0, 2.0]).tolist() == [1.0, 2.0]


def test_checked_bars_make_the_same_market():
    raw, factors = bars_of([10.0, 11.0, 12.0]), np.array([1.0, 1.0, 2.0])
    checked = validate_bars(raw)
    for more in ((), (factors,)):
        market, wanted = Market(checked, *more), Market(raw, *more)
        np.testing.assert_array_equal(market.close, wanted.close)
        pd.testing.assert_frame_equal(market.bars, wanted.bars, check_freq=False)
        assert (len(market), market.data_hash(2)) == (3, wanted.data_hash(2))
        other = market.with_bars(wanted.raw * 2.0, market.inputs)
        assert other.close[0] == 20.0
    market.raw.loc[:, "close"] = 0.0
    assert checked.frame["close"].tolist() == [10.0, 11.0, 12.0]


def test_a_split_is_no_jump_in_adjusted_prices_and_shares():
    raw = bars_of([100.0, 51.0])  # two for one before bar 1
    market = Market(raw, np.array([1.0, 2.0]), split_factor=np.array([1.0, 2.0]))
    assert market.close.tolist() == [100.0, 102.0]
    assert market.bars["volume"].tolist() == [100.0, 50.0]


def test_volume_is_left_alone_without_split_factors():
    market = Market(bars_of([100.0, 99.0]), np.array([1.0, 1.05]))
    assert market.bars["volume"].tolist() == [100.0, 100.0]


@given(st.lists(st.floats(0.1, 50.0), min_size=1, max_size=20))
def test_to_raw_undoes_the_adjustment(factors):
    raw = bars_of(np.linspace(10.0, 20.0, len(factors)))
    market = Market(raw, np.array(factors))
    np.testing.assert_allclose(market.to_raw(market.bars["high"]), raw["high"], rtol=1e-14)


def test_one_level_becomes_one_raw_price_a_bar():
    market = Market(bars_of([100.0, 51.0]), np.array([1.0, 2.0]))
    assert market.to_raw(90.0).tolist() == [90.0, 45.0]


def test_a_later_action_changes_no_earlier_adjusted_bar():
    raw = bars_of([100.0, 102.0, 51.0])
    before = Market(raw.iloc[:2], np.array([1.0, 1.0]))
    after = Market(raw, np.array([1.0, 1.0, 2.0]))
    pd.testing.assert_frame_equal(before.bars, after.bars.iloc[:2], check_freq=False)


def test_the_caller_s_frames_are_neither_changed_nor_shared():
    raw, factor = bars_of([10.0, 11.0]), np.array([1.0, 2.0])
    market = Market(raw, factor)
    market.bars.loc[:, "close"] = 0.0
    factor[:] = 9.0
    assert raw["close"].tolist() == [10.0, 11.0]
    assert market.factor.tolist() == [1.0, 2.0]


def test_predictions_are_joined_on_known_at_and_never_on_ts():
    bars = bars_of([1.0, 2.0, 3.0])
    clock = clock_of(bars)
    # Stamped with the bar's own ts, but known only a day later: must not be seen before.
    late = predictions_of(clock, [0.1, 0.2, 0.3]).assign(known_at=clock + pd.Timedelta(days=1))
    aligned = Market(bars, None, clock, {"m": late}).predictions["m"]
    assert np.isnan(aligned["p_up"].iloc[0])
    assert aligned["p_up"].tolist()[1:] == [0.1, 0.2]
    assert aligned.index.equals(bars.index)


def test_a_prediction_known_exactly_at_the_bar_counts_and_one_microsecond_later_does_not():
    bars = bars_of([1.0])
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.7])
    late = frame.assign(known_at=clock + pd.Timedelta(microseconds=1))
    assert Market(bars, None, clock, {"m": frame}).predictions["m"]["p_up"].tolist() == [0.7]
    assert Market(bars, None, clock, {"m": late}).predictions["m"]["p_up"].isna().all()


def test_age_counts_bars_since_the_prediction_could_be_known():
    bars = bars_of([1.0] * 5)
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.1, 0.2, 0.3, 0.4, 0.5]).iloc[[1, 3]]
    aligned = Market(bars, None, clock, {"m": frame}).predictions["m"]
    assert aligned["age_bars"].tolist()[1:] == [0.0, 1.0, 0.0, 1.0]
    assert np.isnan(aligned["age_bars"].iloc[0])
    assert aligned["p_up"].tolist()[1:] == [0.2, 0.2, 0.4, 0.4]


def test_a_weekly_prediction_is_carried_over_the_daily_bars_with_its_age():
    bars = bars_of([1.0] * 4)
    clock = clock_of(bars)
    earlier = pd.DatetimeIndex([clock[0] - pd.Timedelta(days=10)])
    aligned = Market(bars, None, clock, {"m": predictions_of(earlier, [0.6])}).predictions["m"]
    assert aligned["p_up"].tolist() == [0.6] * 4
    assert aligned["age_bars"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_no_prediction_at_all_gives_nan_rows():
    bars = bars_of([1.0, 2.0])
    clock = clock_of(bars)
    aligned = Market(bars, None, clock, {"m": predictions_of(clock, [1, 1]).iloc[:0]}).predictions
    assert aligned["m"]["p_up"].isna().all()
    assert aligned["m"]["age_bars"].isna().all()
    assert len(aligned["m"]) == 2


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=30, unique=True),
    st.lists(st.integers(0, 400), min_size=1, max_size=30, unique=True),
)
def test_alignment_equals_pandas_merge_asof(bar_hours, known_hours):
    start = pd.Timestamp("2024-01-01", tz="UTC")
    stamps = [start + pd.Timedelta(hours=hour) for hour in sorted(bar_hours)]
    clock = pd.DatetimeIndex(stamps).as_unit("us").rename("known_at")
    moments = [start + pd.Timedelta(hours=hour) for hour in sorted(known_hours)]
    known = pd.DatetimeIndex(moments).as_unit("us").rename("known_at")
    frame = predictions_of(known, np.arange(len(known)) / 100.0)
    bars = bars_of(np.ones(len(clock))).set_axis(clock.rename("ts"), axis=0)
    found = Market(bars, None, clock, {"m": frame}).predictions["m"]["p_up"].to_numpy()
    expected = pd.merge_asof(
        pd.DataFrame({"known_at": clock}), frame.reset_index(drop=True), on="known_at"
    )["p_up"]
    np.testing.assert_array_equal(found, expected.to_numpy())


@given(st.integers(0, 6))
def test_head_is_the_market_as_it_was(rows):
    bars = bars_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    clock = clock_of(bars)
    factor = np.arange(1.0, 7.0)
    frame = predictions_of(clock, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    whole = Market(bars, factor, clock, {"m": frame}, split_factor=factor)
    part = whole.head(rows)
    assert len(part) == rows
    assert len(part.prediction_frames["m"]) == rows
    pd.testing.assert_frame_equal(part.bars, whole.bars.iloc[:rows], check_freq=False)
    pd.testing.assert_frame_equal(
        part.predictions["m"], whole.predictions["m"].iloc[:rows], check_freq=False
    )


def test_head_drops_predictions_that_were_not_yet_known():
    bars = bars_of([1.0, 2.0])
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.1, 0.2]).assign(known_at=clock + pd.Timedelta(hours=30))
    assert Market(bars, None, clock, {"m": frame}).head(2).prediction_frames["m"].empty


def test_predictions_without_a_market_clock_are_refused():
    bars = bars_of([1.0])
    market = Market(bars, predictions={"m": predictions_of(clock_of(bars), [0.5])})
    with pytest.raises(StrategyError, match="known_at"):
        market.predictions  # noqa: B018 - the property raises


def test_predictions_without_known_at_are_refused():
    bars = bars_of([1.0])
    frame = predictions_of(clock_of(bars), [0.5]).drop(columns="known_at")
    with pytest.raises(DataQualityError, match="no column known_at"):
        Market(bars, None, clock_of(bars), {"m": frame}).predictions  # noqa: B018


@pytest.mark.parametrize("order", [[1, 0], [0, 0]])
def test_predictions_out_of_order_or_twice_are_refused(order):
    bars = bars_of([1.0, 2.0])
    frame = predictions_of(clock_of(bars), [0.5, 0.6]).iloc[order]
    with pytest.raises(DataQualityError, match="sorted by known_at"):
        Market(bars, None, clock_of(bars), {"m": frame}).predictions  # noqa: B018


@pytest.mark.parametrize("factor", [[1.0], [1.0, 0.0], [1.0, -2.0], [1.0, np.nan], [np.inf, 1.0]])
@pytest.mark.parametrize("name", ["factor", "split_factor"])
def test_factors_that_cannot_be_are_refused(name, factor):
    with pytest.raises(DataQualityError, match=name):
        Market(bars_of([1.0, 2.0]), **{name: factor})


def test_a_clock_that_is_short_backward_or_naive_is_refused():
    bars = bars_of([1.0, 2.0])
    clock = clock_of(bars)
    for wrong in (clock[:1], clock[::-1], clock.insert(1, pd.NaT)[:2], clock.tz_localize(None)):
        with pytest.raises(DataQualityError):
            Market(bars, known_at=wrong)


def test_bars_without_a_column_are_refused():
    with pytest.raises(DataQualityError, match="volume"):
        Market(bars_of([1.0]).drop(columns="volume"))


def test_the_first_traded_bar_is_kept_by_prefixes_and_shares_what_was_computed():
    market = Market(bars_of([1.0, 2.0, 3.0]), first_traded=1)
    assert market.head(2).first_traded == 1
    computed = market.bars
    later = market.traded_from(2)
    assert (market.first_traded, later.first_traded) == (1, 2)
    assert later.bars is computed
    assert market.traded_from(1) is market


def test_a_first_traded_bar_before_the_first_row_is_refused():
    with pytest.raises(DataQualityError, match="row -1"):
        Market(bars_of([1.0]), first_traded=-1)
    with pytest.raises(DataQualityError, match="row -2"):
        Market(bars_of([1.0])).traded_from(-2)


def several_steps():
    bars = bars_of([1.0, 2.0, 3.0])
    clock = clock_of(bars)
    near, far = (
        predictions_of(clock[:2], p_up).assign(horizon=horizon)
        for horizon, p_up in ((1, [0.1, 0.2]), (4, [0.6, 0.7]))
    )
    frame = pd.concat([near, far]).sort_values(["known_at", "horizon"])
    return Market(bars, None, clock, {"m": frame})


def test_one_step_of_a_path_is_aligned_and_the_last_one_by_default():
    market = several_steps()
    assert market.predictions_at("m", 1)["p_up"].tolist() == [0.1, 0.2, 0.2]
    assert market.predictions_at("m", 4)["p_up"].tolist() == [0.6, 0.7, 0.7]
    assert market.predictions["m"]["p_up"].tolist() == [0.6, 0.7, 0.7]
    assert market.predictions["m"]["age_bars"].tolist() == [0.0, 0.0, 1.0]
    assert market.head(1).predictions_at("m", 1)["p_up"].tolist() == [0.1]


def test_a_step_that_is_not_there_is_answered_with_those_that_are():
    market = several_steps()
    with pytest.raises(StrategyError, match=r"no forecast 2 bars ahead; it has those of 1, 4\."):
        market.predictions_at("m", 2)
    with pytest.raises(StrategyError, match="no predictions of the model 'n'"):
        market.predictions_at("n")


def test_a_step_of_predictions_that_name_none_is_refused():
    bars = bars_of([1.0])
    frame = predictions_of(clock_of(bars), [0.5]).drop(columns="horizon")
    market = Market(bars, None, clock_of(bars), {"m": frame})
    assert market.predictions["m"]["p_up"].tolist() == [0.5]
    with pytest.raises(StrategyError, match="no column horizon"):
        market.predictions_at("m", 5)


def test_a_market_keeps_its_timeframe_and_calendar_and_its_hash_knows_them():
    bars = bars_of([1.0, 2.0, 3.0])
    market = Market(bars, timeframe="1d", calendar="XNYS")
    for part in (market.head(2), market.traded_from(1)):
        assert (part.timeframe, part.calendar) == (Timeframe.D1, "XNYS")
    hashes = {
        Market(bars, timeframe=timeframe, calendar=calendar).data_hash(3)
        for timeframe in ("1d", "1w")
        for calendar in ("XNYS", "24/7")
    }
    assert len(hashes) == 4
