"""Questions about stored results: filters, order, pages, ids by their beginning."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.storage.stores.result_queries import (
    Bound,
    ResultFilter,
    ResultQueries,
    TradeFilter,
)
from trading_pipeline.storage.stores.results import ResultStore

NAN = float("nan")
RESULTS = [  # id, scenario, instruments, sharpe, trades
    ("aa11", "cross", "AAPL_1d", 1.5, 10.0),
    ("aa22", "cross", "IBM_1d", -0.5, 3.0),
    ("bb11", "both", "AAPL_1d, IBM_1d", NAN, 0.0),
    ("cc11", "cross", "AAPL_1d", 0.5, 40.0),
]


@pytest.fixture
def queries(warehouse):
    store = ResultStore(warehouse)
    for result_id, scenario, instruments, sharpe, count in RESULTS:
        row = {
            "result_id": result_id,
            "scenario": scenario,
            "strategy": "sma_crossover",
            "instruments": instruments,
        }
        trades = [
            {
                "trade_no": number,
                "instrument": instruments.split(", ")[number % len(instruments.split(", "))],
                "side": "long" if number % 2 else "short",
                "pnl": 10.0 * number - 15.0,
                "return": NAN if number == 3 else 0.1 * number,
                "entry_ts": datetime(2012, 1, number, 14, 30, tzinfo=UTC),
                "exit_reason": "signal" if number < 3 else "stop_loss",
            }
            for number in (1, 2, 3)
        ]
        assert store.save(row, {"sharpe": sharpe, "trade_count": count}, trades, [])
    return ResultQueries(warehouse)


def ids(queries, page=1, limit=None, **wanted):
    return [
        row["result_id"]
        for row in queries.listed(ResultFilter(**wanted), limit=limit, page=page).rows
    ]


def test_the_newest_come_first_and_filters_leave_the_rest_out(queries):
    assert ids(queries) == ["cc11", "bb11", "aa22", "aa11"]
    assert ids(queries, newest=True) == ["cc11", "bb11", "aa22"]
    assert ids(queries, scenario="cross") == ["cc11", "aa22", "aa11"]
    assert ids(queries, instrument="IBM_1d") == ["bb11", "aa22"]  # of a portfolio too
    assert ids(queries, strategy="sma_crossover", bounds=(Bound("trade_count", ">=", 10),)) == [
        "cc11",
        "aa11",
    ]
    assert ids(queries, since=datetime(2000, 1, 1, tzinfo=UTC)) == ids(queries)
    assert ids(queries, since=datetime(2999, 1, 1, tzinfo=UTC)) == []


def test_what_has_no_value_comes_last_whichever_way_and_meets_no_bound(queries):
    assert ids(queries, sort="sharpe") == ["aa11", "cc11", "aa22", "bb11"]
    assert ids(queries, sort="sharpe", ascending=True) == ["aa22", "cc11", "aa11", "bb11"]
    assert ids(queries, bounds=(Bound("sharpe", "<", 99.0),)) == ["cc11", "aa22", "aa11"]
    by_return = queries.trades("aa11", TradeFilter(sort="return"))
    assert [row["trade_no"] for row in by_return.rows] == [2, 1, 3]
    assert queries.trades("aa11", TradeFilter(bounds=(Bound("return", "<", 9.0),))).total == 2


@given(limit=st.integers(1, 6), sort=st.sampled_from([None, "sharpe", "trade_count"]))
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_together_are_the_whole_answer_once(queries, limit, sort):
    first = queries.listed(ResultFilter(sort=sort), limit=limit)
    pages = [ids(queries, page=n, limit=limit, sort=sort) for n in range(1, first.pages + 1)]
    assert first.total == len(RESULTS)
    assert all(0 < len(page) <= limit for page in pages)
    assert [each for page in pages for each in page] == ids(queries, sort=sort)
    with pytest.raises(ConfigurationError, match=f"no page {first.pages + 1}"):
        ids(queries, page=first.pages + 1, limit=limit)


def test_an_id_may_be_cut_as_long_as_it_means_one_result(queries):
    assert queries.resolve("b") == "bb11"
    assert queries.resolve(" CC11 ") == "cc11"
    with pytest.raises(ConfigurationError, match=r"aa11 \(cross on AAPL_1d\), aa22") as caught:
        queries.resolve("aa")
    assert caught.value.candidates == ["aa11", "aa22"]
    for unknown in ("zz", "", "aa111", "%", "a_", "'"):
        with pytest.raises(UnknownNameError, match="no result whose id begins with"):
            queries.resolve(unknown)


def test_trades_are_chosen_by_side_moment_amount_and_reason(queries):
    def numbers(**wanted):
        return [row["trade_no"] for row in queries.trades("aa11", TradeFilter(**wanted)).rows]

    assert numbers() == [1, 2, 3]
    assert numbers(side="short") == [2]
    assert numbers(exit_reason="stop_loss") == [3]
    assert numbers(entered_from=datetime(2012, 1, 2, 14, 30, tzinfo=UTC)) == [2, 3]
    assert numbers(entered_before=datetime(2012, 1, 2, 14, 30, tzinfo=UTC)) == [1]
    assert numbers(bounds=(Bound("pnl", ">=", 5.0), Bound("pnl", "<=", 5.0))) == [2]
    assert [
        row["trade_no"] for row in queries.trades("bb11", TradeFilter(instrument="IBM_1d")).rows
    ] == [1, 3]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"instrument": "AAPL_1h"}, "Did you mean 'AAPL_1d'"),
        ({"scenario": "croos"}, "Did you mean 'cross'"),
        ({"strategy": "none"}, "Known: sma_crossover"),
        ({"sort": "sharp"}, "Did you mean 'sharpe'"),
        ({"sort": "scenario"}, "has no number 'scenario'"),
        ({"bounds": (Bound("x; DROP TABLE trades", ">", 1.0),)}, "has no number"),
    ],
)
def test_a_name_that_no_result_has_is_refused(queries, wanted, words):
    with pytest.raises(UnknownNameError, match=words):
        ids(queries, **wanted)
    with pytest.raises(UnknownNameError, match="has the side 'up'"):
        queries.trades("aa11", TradeFilter(side="up"))
