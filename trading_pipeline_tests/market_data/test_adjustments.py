"""Tests of splits and dividends, against hand-computed frames and shipped bars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.errors import DataQualityError
from trading_pipeline.market_data.adjustments import (
    EVENT_COLUMNS,
    adjustment_events,
    back_adjust,
    forward_adjust,
    forward_factors,
)
from trading_pipeline.market_data.calendars import session_dates

DAYS = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"]


def test_split_and_dividend_by_hand(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 52.0, 50.0, 49.0, 51.0])
    actions = [make_action("2020-01-06", "dividend", 1.0), make_action("2020-01-02", "split", 2.0)]
    events = adjustment_events(actions, bars)
    assert tuple(events.columns) == EVENT_COLUMNS
    assert events["split_factor"].tolist() == [2.0, 1.0]
    assert events["dividend_factor"].tolist() == [1.0, 1.0 / (1.0 - 1.0 / 50.0)]
    adjusted = forward_adjust(bars, events)
    # 49 after a dividend of 1 from 50 is no loss: 100 again, as the day before
    assert adjusted["close"].tolist() == pytest.approx([100.0, 104.0, 100.0, 100.0, 102 * 50 / 49])
    assert adjusted["volume"].tolist() == [100.0, 50.0, 50.0, 50.0, 50.0]
    factors = forward_factors(bars.index, events)
    assert factors["split"].tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert factors["total"].tolist() == pytest.approx([1, 2, 2, 100 / 49, 100 / 49])


def test_dividend_on_the_day_of_a_split_is_paid_on_new_shares(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 100.0, 48.0, 48.0, 48.0])
    actions = [make_action("2020-01-03", "split", 2.0), make_action("2020-01-03", "dividend", 2.0)]
    events = adjustment_events(actions, bars)
    assert len(events) == 1
    assert events["dividend_factor"].iloc[0] == 1.0 / (1.0 - 2.0 / 50.0)
    # two shares of 48 and two dividends of 2 that buy 4/48 shares: the wealth is 100 still
    assert forward_adjust(bars, events)["close"].tolist() == pytest.approx([100.0] * 5)


def test_a_capital_gain_of_a_fund_is_cash_like_a_dividend(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 100.0, 90.3, 90.3, 90.3])
    gain = [make_action("2020-01-03", "capital_gain", 8.0)]
    adjusted = forward_adjust(bars, adjustment_events(gain, bars))["close"]
    assert adjusted.pct_change().iloc[2] == pytest.approx(90.3 / 92.0 - 1.0)  # -1.8 %, not -9.7 %
    same = [make_action("2020-01-03", "dividend", 8.0)]
    pd.testing.assert_frame_equal(adjustment_events(gain, bars), adjustment_events(same, bars))


def test_gains_dividends_and_a_split_of_one_day_add_up(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 100.0, 45.0, 45.0, 45.0])
    kinds = [("capital_gain", 3.0), ("dividend", 2.0), ("split", 2.0)]
    actions = [make_action("2020-01-03", kind, value) for kind, value in kinds]
    adjusted = forward_adjust(bars, adjustment_events(actions, bars))["close"]
    assert adjusted.tolist() == pytest.approx([100.0] * 5)


def test_several_splits_of_one_day_multiply(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 100.0, 25.0, 25.0, 25.0])
    both = [make_action("2020-01-03", "split", value) for value in (5.0, 0.8)]
    assert adjustment_events(both, bars)["split_factor"].tolist() == [4.0]


def test_two_dividends_of_one_day_are_one(make_bars, make_action):
    bars = make_bars(DAYS, [100.0] * 5)
    both = [make_action("2020-01-03", "dividend", value) for value in (1.0, 3.0)]
    one = [make_action("2020-01-03", "dividend", 4.0)]
    pd.testing.assert_frame_equal(adjustment_events(both, bars), adjustment_events(one, bars))


def test_action_on_a_day_without_a_bar_counts_from_the_next_bar(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 100.0, 100.0, 50.0, 50.0])
    events = adjustment_events([make_action("2020-01-04", "split", 2.0)], bars)
    assert forward_adjust(bars, events)["close"].tolist() == [100.0] * 5


def test_actions_up_to_the_first_bar_change_nothing(make_bars, make_action):
    bars = make_bars(DAYS, [100.0] * 5)
    actions = [make_action("2019-06-01", "split", 2.0), make_action("2020-01-01", "dividend", 1.0)]
    events = adjustment_events(actions, bars)
    assert len(events) == 0
    pd.testing.assert_frame_equal(forward_adjust(bars, events), bars)


def test_no_bars_and_no_actions_are_legal(make_bars, make_action):
    events = adjustment_events([make_action("2020-01-03", "split", 2.0)], empty_bars())
    assert len(events) == 0
    assert str(events["ex_date"].dtype) == "datetime64[us, UTC]"
    assert forward_adjust(empty_bars(), events).empty
    bars = make_bars(DAYS, [1.0] * 5)
    pd.testing.assert_frame_equal(forward_adjust(bars, adjustment_events([], bars)), bars)


def test_reverse_split_raises_volume_and_lowers_factors(make_bars, make_action):
    bars = make_bars(DAYS, [1.0, 1.0, 10.0, 10.0, 10.0])
    adjusted = forward_adjust(
        bars, adjustment_events([make_action("2020-01-03", "split", 0.1)], bars)
    )
    assert adjusted["close"].tolist() == pytest.approx([1.0] * 5)
    assert adjusted["volume"].tolist() == pytest.approx([100.0, 100.0, 1000.0, 1000.0, 1000.0])


@pytest.mark.parametrize("cash", [50.0, 60.0])
def test_dividend_as_large_as_the_price_is_refused_with_both_values(make_bars, make_action, cash):
    bars = make_bars(DAYS, [100.0, 50.0, 50.0, 50.0, 50.0])
    with pytest.raises(DataQualityError, match=r"X_1d: the dividend of .* is not below") as caught:
        adjustment_events([make_action("2020-01-03", "dividend", cash)], bars)
    assert caught.value.dividend == cash
    assert caught.value.previous_close == 50.0


def test_missing_close_before_a_dividend_is_refused_and_not_made_up(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, np.nan, 50.0, 50.0, 50.0])
    with pytest.raises(DataQualityError, match="close of nan"):
        adjustment_events([make_action("2020-01-03", "dividend", 1.0)], bars)


def test_other_columns_are_kept_and_the_input_is_not_changed(make_bars, make_action):
    bars = make_bars(DAYS, [100.0, 50.0, 50.0, 50.0, 50.0]).assign(note=7.0)
    before = bars.copy()
    adjusted = forward_adjust(
        bars, adjustment_events([make_action("2020-01-02", "split", 2.0)], bars)
    )
    assert adjusted["note"].tolist() == [7.0] * 5
    pd.testing.assert_frame_equal(bars, before)


def test_a_part_of_the_series_is_adjusted_as_the_whole_is(shipped):
    _, bars, actions = shipped("MSFT")
    events = adjustment_events(actions, bars)
    whole = forward_adjust(bars, events)
    pd.testing.assert_frame_equal(forward_adjust(bars["2006":"2007"], events), whole["2006":"2007"])


@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "MSFT"])
def test_returns_with_dividends_are_those_of_a_holder(symbol, shipped):
    """Oracle: cash and shares by hand, day by day."""
    _, bars, actions = shipped(symbol)
    by_day = {(action.ex_date, action.kind): action.value for action in actions}
    closes, days = bars["close"].to_list(), bars.index.date
    returns = []
    for position in range(1, len(bars)):
        ratio = by_day.get((days[position], "split"), 1.0)
        cash = by_day.get((days[position], "dividend"), 0.0)
        # reinvested at the close before, less the dividend
        bought = 1.0 / (1.0 - cash / (closes[position - 1] / ratio))
        returns.append(closes[position] * ratio * bought / closes[position - 1] - 1.0)
    adjusted = forward_adjust(bars, adjustment_events(actions, bars))["close"].pct_change()
    assert adjusted.iloc[1:].to_numpy() == pytest.approx(np.array(returns), abs=1e-12)


def test_back_adjusted_prices_end_as_traded_and_have_equal_returns(shipped):
    _, bars, actions = shipped("AAPL")
    events = adjustment_events(actions, bars)
    back, forward = back_adjust(bars, events), forward_adjust(bars, events)
    assert back["close"].iloc[-1] == pytest.approx(bars["close"].iloc[-1], rel=1e-14)
    assert back["volume"].iloc[-1] == bars["volume"].iloc[-1]
    assert back["volume"].iloc[0] == bars["volume"].iloc[0] * 4.0
    np.testing.assert_allclose(
        back["close"].pct_change().iloc[1:], forward["close"].pct_change().iloc[1:], atol=1e-12
    )


def test_intraday_ex_date_counts_in_the_sessions_of_the_calendar(make_action):
    index = pd.DatetimeIndex(
        ["2012-03-12 15:00", "2012-03-12 22:30", "2012-03-13 15:00"], tz="UTC", name="ts"
    ).as_unit("us")
    bars = pd.DataFrame({"close": [100.0, 50.0, 50.0]}, index=index)
    split = [make_action("2012-03-13", "split", 2.0)]
    days = session_dates(index, "1h", "CMES")
    events = adjustment_events(split, bars, sessions=days)
    # the evening of the 12th trades for the 13th
    assert forward_factors(index, events, sessions=days)["split"].tolist() == [1.0, 2.0, 2.0]
    assert forward_factors(index, events)["split"].tolist() == [1.0, 1.0, 2.0]
    with pytest.raises(DataQualityError, match="2 session dates were given for 3 bars"):
        forward_factors(index, events, sessions=days[:2])


@st.composite
def histories(draw):
    closes = draw(st.lists(st.floats(5.0, 500.0), min_size=6, max_size=30))
    days = pd.bdate_range("2020-01-01", periods=len(closes), tz="UTC", name="ts", unit="us")
    places = draw(st.lists(st.integers(1, len(closes) - 1), max_size=6))
    actions = []
    for place in places:
        kind = draw(st.sampled_from(["split", "dividend"]))
        bounds = (0.5, 5.0) if kind == "split" else (0.01, 0.2)
        actions.append(
            CorporateAction(
                instrument="X_1d",
                ex_date=days[place].date(),
                kind=kind,
                value=draw(st.floats(*bounds)),
                source="test",
                seen_at=datetime(2020, 1, 1, tzinfo=UTC),
            )
        )
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes), index=days)
    return frame.assign(volume=1000.0), actions


@settings(deadline=None, max_examples=60)
@given(histories(), st.integers(0, 29))
def test_history_never_changes_when_later_actions_and_bars_come(history, cut):
    bars, actions = history
    cut = min(cut, len(bars) - 1)
    last: date = bars.index[cut].date()
    early_bars = bars.iloc[: cut + 1]
    early_actions = [action for action in actions if action.ex_date <= last]
    now = forward_adjust(early_bars, adjustment_events(early_actions, early_bars))
    later = forward_adjust(bars, adjustment_events(actions, bars)).iloc[: cut + 1]
    pd.testing.assert_frame_equal(now, later, rtol=1e-12, atol=0.0, check_freq=False)


@settings(deadline=None, max_examples=40)
@given(histories())
def test_factors_do_not_depend_on_the_order_of_the_actions(history):
    bars, actions = history
    forward = adjustment_events(actions, bars)
    backward = adjustment_events(actions[::-1], bars)
    pd.testing.assert_frame_equal(forward, backward, rtol=1e-12)
    shuffled = forward.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        forward_factors(bars.index, forward), forward_factors(bars.index, shuffled), rtol=1e-12
    )


@settings(deadline=None, max_examples=40)
@given(histories())
def test_volume_times_price_changes_only_by_dividends(history):
    bars, actions = history
    splits = [action for action in actions if action.kind == "split"]
    adjusted = forward_adjust(bars, adjustment_events(splits, bars))
    np.testing.assert_allclose(
        adjusted["close"] * adjusted["volume"], bars["close"] * bars["volume"], rtol=1e-12
    )
