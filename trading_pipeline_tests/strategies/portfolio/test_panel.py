"""What a panel shows of markets on equal and on different clocks, and when."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, InsufficientDataError, StrategyError
from trading_pipeline.strategies import Market, Panel
from trading_pipeline_tests.strategies.portfolio.panels import PRICES, market, panel, random_panel

NAN = np.nan


def stamps(*texts):
    return pd.DatetimeIndex(texts, tz="UTC", name="ts").as_unit("us")


SHARE = stamps("2024-01-05", "2024-01-08", "2024-01-09")  # a Friday, Monday, Tuesday
COIN = stamps("2024-01-05", "2024-01-06", "2024-01-07", "2024-01-08", "2024-01-09")


def share_and_coin():
    hours = pd.Timedelta(hours=21)
    return Panel(
        {
            "S_1d": market([10.0, 11.0, 12.0], SHARE, SHARE + hours),
            "C_1d": market([1.0, 2.0, 3.0, 4.0, 5.0], COIN, COIN + pd.Timedelta(days=1)),
        }
    )


def test_instruments_are_joined_on_what_was_known_and_not_on_their_stamps():
    seen = share_and_coin()
    assert seen.instruments == ("C_1d", "S_1d")
    assert seen.index.equals(COIN)
    # on days with a share's bar the row is decided at 21:00, when the coin's day is not over yet
    assert [str(each)[:16] for each in seen.decided_at] == [
        "2024-01-05 21:00", "2024-01-07 00:00", "2024-01-08 00:00", "2024-01-08 21:00",
        "2024-01-09 21:00",
    ]  # fmt: skip
    np.testing.assert_array_equal(seen.closes[:, 0], [NAN, 2.0, 3.0, 3.0, 4.0])
    np.testing.assert_array_equal(seen.closes[:, 1], [10.0, 10.0, 10.0, 11.0, 12.0])
    np.testing.assert_array_equal(seen.returns[3], [0.0, 11.0 / 10.0 - 1.0])


def test_a_row_is_decided_before_another_instrument_opens():
    whole, half = stamps("2024-01-05 14:00", "2024-01-05 15:00"), stamps("2024-01-05 14:30")
    hour = pd.Timedelta(hours=1)
    seen = Panel(
        {
            "A_1h": market([1.0, 2.0], whole, whole + hour),
            "B_1h": market([7.0], half, half + hour),
        }
    )
    assert [f"{each:%H:%M}" for each in seen.decided_at] == ["14:30", "15:00", "16:00"]
    np.testing.assert_array_equal(seen.closes, [[NAN, NAN], [1.0, NAN], [2.0, 7.0]])


@pytest.mark.parametrize("rows", range(6))
def test_a_head_knows_no_bar_that_was_not_known_then(rows):
    seen = share_and_coin()
    part = seen.head(rows)
    assert len(part) == rows
    np.testing.assert_array_equal(part.closes, seen.closes[:rows])
    np.testing.assert_array_equal(part.available, seen.available[:rows])
    for each in part.markets.values():
        assert (each.known_at <= seen.decided_at[rows - 1]).all() if rows else len(each) == 0
    assert part.data_hash(rows) == seen.data_hash(rows)


def test_what_is_silent_or_no_member_cannot_be_held():
    long_gone = stamps("2024-01-01", "2024-01-02")
    days = pd.date_range("2024-01-01", periods=15, tz="UTC", name="ts").as_unit("us")
    hours = pd.Timedelta(hours=21)
    member = np.arange(15) < 5
    seen = Panel(
        {
            "GONE_1d": market([1.0, 1.0], long_gone, long_gone + hours),
            "MEMBER_1d": market(np.ones(15), days, days + hours),
        },
        members={"MEMBER_1d": member},
    )
    np.testing.assert_array_equal(seen.available[:, 1], member)
    # ten days after 2 January, 21:00
    np.testing.assert_array_equal(seen.available[:, 0], np.arange(15) <= 11)


def test_prices_are_forward_adjusted_so_that_a_split_is_no_fall():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts").as_unit("us")
    raw = pd.DataFrame({key: [10.0, 5.0, 5.5] for key in PRICES} | {"volume": 1.0}, index=days)
    split = Market(raw, [1.0, 2.0, 2.0], split_factor=[1.0, 2.0, 2.0])
    seen = Panel({"A_1d": split})
    np.testing.assert_allclose(seen.returns[1:, 0], [0.0, 0.1])


def test_other_markets_leave_the_first_panel_as_it_is():
    seen = random_panel(2, 30)
    before = seen.closes.copy()
    other = seen.with_markets({name: each.head(30) for name, each in seen.markets.items()})
    other.notes.append("said of the other one")
    np.testing.assert_array_equal(seen.closes, before)
    assert seen.notes == []


def test_rows_of_a_year_are_those_given_or_told_from_the_stamps():
    assert random_panel(2, 600, periods_per_year=99.0).periods_per_year == 99.0
    assert random_panel(2, 600).head(20).periods_per_year == random_panel(2, 600).periods_per_year


@pytest.mark.parametrize(
    ("made", "error", "words"),
    [
        (lambda: Panel({}), InsufficientDataError, "no market"),
        (lambda: Panel({"A": market([1.0], SHARE[:1]), "B": market([1.0], SHARE[1:2])}),
         StrategyError, "A does not say when its bars are known"),
        (lambda: panel({"A": [1.0, 2.0]}, due=[True]), StrategyError, "due: got the shape"),
        (lambda: panel({"A": [1.0, 2.0]}, members={"A": [1, 0]}), StrategyError, "members of A"),
        (lambda: panel({"A": [1.0]}).as_known("B", [1.0]), StrategyError, "no instrument 'B'"),
        (lambda: Panel({"A": market([1.0], SHARE[:1], SHARE[:1] - pd.Timedelta(hours=1))}),
         ConfigurationError, "known before its own stamp"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_refused_in_plain_words(made, error, words):
    with pytest.raises(error, match=words):
        made()
