"""The chart document of values made by hand: points, groups of bars, fills, spans across DST."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.reporting.portfolio.price_charts import PriceChart
from trading_pipeline.reporting.result_chart import ChartSource, chart_document
from trading_pipeline.stages.results.asked import chart_span
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline_tests.conftest import random_bars

NEW_YORK = ZoneInfo("America/New_York")
EMPTY = pd.DataFrame(
    columns=["trade_no", "side", "quantity", "entry_ts", "entry_price", "exit_ts", "exit_price",
             "exit_reason", "is_open"]
)  # fmt: skip


def source_of(bars, *, equity=None, trades=EMPTY, lines=(), events=None, sessions=False, **others):
    values = 1_000.0 + np.arange(len(bars)) if equity is None else equity
    curve = pd.Series(values, index=bars.index)
    return ChartSource(
        result={
            "result_id": "abc",
            "scenario": "mine",
            "strategy": "steps",
            "parameters": {},
            "instruments": ["X_1h"],
            "warnings": [],
        },
        initial_equity=1_000.0,
        equity=curve,
        benchmark=curve * 2.0,
        trades=trades,
        charts={"X_1h": PriceChart(bars=bars, lines=tuple(lines), events=events)},
        currencies={"X_1h": "USD"},
        sessions=sessions,
        **others,
    )


def trade(number, side, entered, left, is_open=False):
    return {
        "trade_no": number,
        "side": side,
        "quantity": 2.0,
        "entry_ts": entered,
        "entry_price": 100.0,
        "exit_ts": left,
        "exit_price": 110.0,
        "exit_reason": "signal",
        "is_open": is_open,
    }


def test_without_limits_every_bar_is_a_point_with_its_own_numbers():
    bars = random_bars(50, seed=1, freq="h")
    line = ChartLine("MEAN", np.arange(50.0), pane="below", levels=(1.0,))
    told = chart_document(source_of(bars, lines=[line]), zone=UTC)
    (chart,) = told["charts"]
    for name in ("open", "high", "low", "close"):
        assert chart["candles"][name] == pytest.approx(bars[name].tolist(), rel=1e-6)
    assert chart["volume"] == bars["volume"].tolist()
    assert told["points"]["time"] == [int(stamp.timestamp()) for stamp in bars.index]
    assert told["equity"]["equity"] == [1_000.0 + row for row in range(50)]
    assert told["equity"]["benchmark"] == [2_000.0 + 2 * row for row in range(50)]
    assert chart["lines"] == [
        {
            "name": "MEAN",
            "pane": "below",
            "style": "line",
            "levels": [1.0],
            "values": [float(row) for row in range(50)],
        }
    ]
    assert told["resampling"] == {"is_resampled": False, "bars": 50, "bars_a_point": 1}
    assert told["notes"] == []


def test_too_many_bars_are_joined_and_the_document_says_so():
    bars = random_bars(10, seed=2, freq="h")
    bars.loc[bars.index[3:6], "volume"] = np.nan
    line = ChartLine("ROW", np.arange(10.0))
    equity = np.array([1000, 900, 950, 1100, 1000, 1050, 1200, 1200, 600, 1300.0])
    told = chart_document(source_of(bars, lines=[line], equity=equity), zone=UTC, most_points=4)
    (chart,) = told["charts"]
    groups = [bars.iloc[place : place + 3] for place in (0, 3, 6, 9)]
    assert chart["candles"]["open"] == pytest.approx([g["open"].iloc[0] for g in groups], rel=1e-6)
    assert chart["candles"]["high"] == pytest.approx([g["high"].max() for g in groups], rel=1e-6)
    assert chart["candles"]["low"] == pytest.approx([g["low"].min() for g in groups], rel=1e-6)
    assert chart["candles"]["close"] == pytest.approx([g["close"].iloc[-1] for g in groups], 1e-6)
    volumes = [group["volume"].sum() for group in groups]
    assert chart["volume"] == [volumes[0], None, *volumes[2:]]
    assert chart["lines"][0]["values"] == [2.0, 5.0, 8.0, 9.0]
    assert told["equity"]["equity"] == [950, 1050, 600, 1300]
    assert told["equity"]["drawdown"] == pytest.approx([-0.1, 1000 / 1100 - 1, -0.5, 0], abs=1e-5)
    assert told["points"]["time"] == [int(group.index[0].timestamp()) for group in groups]
    assert told["resampling"] == {"is_resampled": True, "bars": 10, "bars_a_point": 3}
    assert told["notes"][0].startswith("Resampled: 10 bars are more than 4, so each point stands")


def test_a_part_has_the_numbers_of_the_whole_also_drawdowns_from_earlier_peaks_and_old_splits():
    bars = random_bars(40, seed=3)
    ex_dates = pd.DatetimeIndex([bars.index[10], bars.index[30]])
    events = pd.DataFrame(
        {"ex_date": ex_dates, "split_factor": [2.0, 3.0], "dividend_factor": [1.0, 1.01]}
    )
    equity = np.concatenate([np.linspace(1_000, 2_000, 15), np.linspace(1_900, 1_500, 25)])
    source = source_of(bars, events=events, equity=equity, sessions=True)
    whole = chart_document(source, zone=UTC)
    part = chart_document(
        source,
        zone=UTC,
        since=bars.index[20].to_pydatetime(),
        before=bars.index[35].to_pydatetime(),
    )
    assert part["charts"][0]["candles"] == {
        name: values[20:35] for name, values in whole["charts"][0]["candles"].items()
    }
    assert part["charts"][0]["volume"] == pytest.approx(whole["charts"][0]["volume"][20:35])
    assert part["equity"] == {name: each[20:35] for name, each in whole["equity"].items()}
    assert part["equity"]["drawdown"][0] < -0.05
    assert part["points"]["iso"] == whole["points"]["iso"][20:35]
    assert part["points"]["iso"][0] == f"{bars.index[20]:%Y-%m-%d}"


def test_fills_are_at_their_bars_in_the_order_of_time_with_prices_on_both_scales():
    bars = random_bars(12, seed=4)
    at = bars.index
    events = pd.DataFrame({"ex_date": [at[6]], "split_factor": [2.0], "dividend_factor": [1.0]})
    trades = pd.DataFrame(
        [trade(1, "long", at[2], at[5]), trade(2, "short", at[5], at[9]),
         trade(3, "long", at[10], at[11], is_open=True)]
    )  # fmt: skip
    told = chart_document(
        source_of(bars, trades=trades, events=events, sessions=True), zone=NEW_YORK, most_points=6
    )
    markers = told["charts"][0]["markers"]
    assert [(m["point"], m["kind"], m["action"], m["trade_no"]) for m in markers] == [
        (1, "entry", "buy", 1),
        (2, "exit", "sell", 1),
        (2, "entry", "sell", 2),
        (4, "exit", "buy", 2),
        (5, "entry", "buy", 3),
    ]
    assert [m["price"] for m in markers] == [100.0, 110.0, 100.0, 110.0, 100.0]
    assert [m["chart_price"] for m in markers] == [50.0, 55.0, 50.0, 110.0, 100.0]
    assert [m["reason"] for m in markers] == [None, "signal", None, "signal", None]
    assert markers[0]["iso"] == f"{at[2]:%Y-%m-%d}"
    assert markers[0]["time"] == int(at[2].timestamp())
    part = chart_document(
        source_of(bars, trades=trades, sessions=True), zone=UTC,
        since=at[5].to_pydatetime(), before=at[9].to_pydatetime(),
    )  # fmt: skip
    assert [(m["point"], m["kind"]) for m in part["charts"][0]["markers"]] == [
        (0, "exit"),
        (0, "entry"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "hours", "ends"),
    [
        ("2012-03-10", "2012-03-11", 24, ("T00:00:00-05:00", "T23:00:00-05:00")),
        ("2012-03-11", "2012-03-12", 23, ("T00:00:00-05:00", "T23:00:00-04:00")),
        ("2012-11-04", "2012-11-05", 25, ("T00:00:00-04:00", "T23:00:00-05:00")),
        ("2012-11-04T01:00-04:00", "2012-11-04T01:00-05:00", 1, ("T01:00:00-04:00",) * 2),
    ],
)
def test_a_day_is_the_zones_also_where_clocks_change(first, last, hours, ends):
    bars = random_bars(24 * 366, seed=5, start="2012-01-01", freq="h")
    since, before = chart_span(first, last, NEW_YORK, sessions=False)
    told = chart_document(source_of(bars), zone=NEW_YORK, since=since, before=before)
    iso, time = told["points"]["iso"], told["points"]["time"]
    assert len(iso) == len(set(iso)) == hours
    assert (iso[0][10:], iso[-1][10:]) == ends
    assert {stamp[:10] for stamp in iso} == {first[:10]}
    assert [datetime.fromisoformat(stamp).timestamp() for stamp in iso] == time
    assert told["zone"] == "America/New_York"


def test_neighbouring_spans_share_no_bar_and_miss_none():
    bars = random_bars(24 * 20, seed=6, start="2012-03-01", freq="h")
    days = ["2012-03-05", "2012-03-11", "2012-03-12", "2012-03-15"]
    parts = []
    for first, last in itertools.pairwise(days):
        since, before = chart_span(first, last, NEW_YORK, sessions=False)
        told = chart_document(source_of(bars), zone=NEW_YORK, since=since, before=before)
        parts += told["points"]["time"]
    since, before = chart_span(days[0], days[-1], NEW_YORK, sessions=False)
    whole = chart_document(source_of(bars), zone=NEW_YORK, since=since, before=before)
    assert parts == whole["points"]["time"]


def test_an_instrument_without_a_bar_in_the_span_has_empty_points():
    bars = random_bars(10, seed=7)
    source = source_of(bars, sessions=True)
    late = {**source.charts, "Y_1d": PriceChart(bars=bars.iloc[8:])}
    told = chart_document(
        ChartSource(**{**vars(source), "charts": late}),
        zone=UTC,
        before=bars.index[5].to_pydatetime(),
    )
    chart = told["charts"][1]
    assert chart["candles"] == dict.fromkeys(("open", "high", "low", "close"), [None] * 5)
    assert chart["volume"] == [None] * 5
    assert (chart["markers"], chart["lines"], chart["currency"]) == ([], [], "")


def test_a_span_without_bars_says_which_there_are():
    bars = random_bars(10, seed=8, start="2012-01-01")
    with pytest.raises(InsufficientDataError) as refused:
        chart_document(source_of(bars), zone=UTC, since=datetime(2013, 1, 1, tzinfo=UTC))
    assert "no bar from 2013-01-01T00:00:00Z to its last bar" in str(refused.value)
    assert refused.value.last == "2012-01-10T00:00:00Z"
