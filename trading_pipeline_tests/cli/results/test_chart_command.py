"""`results chart`: the JSON against the stored result, the page of docs about it, and refusals."""

import json
import re
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reporting.result_chart import schema
from trading_pipeline_tests.results_market import market, result_ids, shared_market

__all__ = ["market", "shared_market"]

CROSS_ID, OWN_ID, PAIR_ID = "cross|AAPL_1d", "own|AAPL_1d", "pair|AAPL_1d, IBM_1d"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "chart-data.md"
TYPES = {
    name: kind for name, kind in vars(schema).items() if hasattr(kind, "__total__")
}  # fmt: skip


def told(call, *arguments):
    ended = call("results", "chart", *arguments)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def frame_of(world, result_id, name):
    path = world.runtime / "output" / "backtests" / result_id / f"{name}.parquet"
    return pd.read_parquet(path).set_index("ts")


def test_a_chart_is_the_stored_result(call, shared_market):
    result_id = result_ids(shared_market)[CROSS_ID]
    document = told(call, result_id[:6])
    equity = frame_of(shared_market, result_id, "equity")["equity"]
    assert document["schema_version"] == schema.SCHEMA_VERSION
    assert document["result"]["result_id"] == result_id
    assert document["result"]["parameters"] == {"direction": "long_only", "fast": 5, "slow": 20}
    assert document["points"]["time"] == [int(stamp.timestamp()) for stamp in equity.index]
    assert document["points"]["iso"] == [f"{stamp:%Y-%m-%d}" for stamp in equity.index]
    assert document["equity"]["equity"] == pytest.approx(equity.tolist(), rel=1e-6)
    held = frame_of(shared_market, result_id, "benchmark")["equity"]
    assert document["equity"]["benchmark"] == pytest.approx(held.tolist(), rel=1e-6)
    (row,) = shared_market.rows(
        "SELECT max_drawdown FROM backtest_results WHERE result_id = ?", result_id
    )
    assert min(document["equity"]["drawdown"]) == pytest.approx(row[0], abs=1e-5)


def test_candles_and_volume_are_the_bars_back_adjusted(call, shared_market):
    """AAPL splits 2 for 1 on 2000-06-21 and on 2005-02-28; its bars here end before the latter."""
    document = told(call, result_ids(shared_market)[CROSS_ID])
    (chart,) = document["charts"]
    rows = shared_market.rows(
        "SELECT ts, open, high, low, close, volume FROM bars WHERE instrument = 'AAPL_1d' "
        "AND ts >= '2000-06-01' AND ts < '2003-01-01' ORDER BY ts"
    )
    known = shared_market.rows(
        "SELECT ex_date, value FROM corporate_actions WHERE instrument = 'AAPL_1d' "
        "AND kind = 'split'"
    )
    assert len(known) >= 1
    split = [
        np.prod([value for ex_date, value in known if pd.Timestamp(ex_date).date() > row[0].date()])
        for row in rows
    ]
    assert split[0] == 2 * split[-1]
    for place, name in enumerate(("open", "high", "low", "close"), start=1):
        wanted = [row[place] / factor for row, factor in zip(rows, split, strict=True)]
        assert chart["candles"][name] == pytest.approx(wanted, rel=1e-6)
    wanted = [row[5] * factor for row, factor in zip(rows, split, strict=True)]
    assert chart["volume"] == pytest.approx(wanted, rel=1e-6)
    assert [line["name"] for line in chart["lines"]] == ["SMA 5", "SMA 20"]
    closes = pd.Series(chart["candles"]["close"])
    mean = closes.rolling(5).mean().to_numpy()
    assert chart["lines"][0]["values"][30:] == pytest.approx(mean[30:].tolist(), rel=1e-5)


def test_markers_are_the_stored_trades(call, shared_market):
    result_id = result_ids(shared_market)[CROSS_ID]
    document = told(call, result_id)
    markers = document["charts"][0]["markers"]
    trades = shared_market.workspace.results.trades(result_id)
    wanted = {
        (each["trade_no"], kind): (each[f"{kind}_ts"], each[f"{kind}_price"])
        for each in trades
        for kind in ("entry", "exit")
        if kind == "entry" or not each["is_open"]
    }
    assert len(markers) == len(wanted) > 10
    for each in markers:
        stamp, price = wanted[each["trade_no"], each["kind"]]
        assert each["time"] == int(stamp.timestamp())
        assert document["points"]["time"][each["point"]] == each["time"]
        assert each["price"] == price
        candle = {
            name: values[each["point"]] for name, values in document["charts"][0]["candles"].items()
        }
        slipped = 1e-3  # five basis points of slippage go beyond the candle
        assert candle["low"] * (1 - slipped) <= each["chart_price"]
        assert each["chart_price"] <= candle["high"] * (1 + slipped)


def test_a_span_includes_its_first_day_and_not_its_last(call, shared_market):
    result_id = result_ids(shared_market)[CROSS_ID]
    document = told(
        call, result_id, "--from", "2001-01-02", "--to", "2001-01-05", "--tz", "Asia/Tokyo"
    )
    assert document["points"]["iso"] == ["2001-01-02", "2001-01-03", "2001-01-04"]
    assert document["zone"] == "Asia/Tokyo"
    assert document["span"]["before"] == "2001-01-05T00:00:00Z"


def test_a_file_is_written_once_and_joined_bars_are_told(call, shared_market, tmp_path):
    result_id = result_ids(shared_market)[CROSS_ID]
    path = tmp_path / "new" / "chart.json"
    ended = call("results", "chart", result_id, "--max-bars", "100", "--out", path)
    assert (ended.code, ended.out) == (0, "")
    assert "Resampled: 648 bars are more than 100, so each point stands for 7" in ended.error
    document = json.loads(path.read_text("utf-8"))
    assert len(document["points"]["time"]) == 93
    assert document["resampling"] == {"is_resampled": True, "bars": 648, "bars_a_point": 7}
    again = call("results", "chart", result_id, "--out", path)
    assert again.code == 1
    assert "is there already" in again.error
    assert call("results", "chart", result_id, "--out", path, "--overwrite").code == 0


def test_a_portfolio_has_a_chart_of_each_instrument(call, shared_market):
    result_id = result_ids(shared_market)[PAIR_ID]
    document = told(call, result_id)
    assert [each["instrument"] for each in document["charts"]] == ["AAPL_1d", "IBM_1d"]
    numbers = {each["trade_no"] for chart in document["charts"] for each in chart["markers"]}
    trades = shared_market.workspace.results.trades(result_id)
    assert numbers == {each["trade_no"] for each in trades}
    (only,) = told(call, result_id, "-i", "IBM_1d")["charts"]
    assert only == document["charts"][1]


def test_a_scenario_that_no_file_has_any_more_is_drawn_as_it_was_stored(call, market):
    result_id = result_ids(market)[CROSS_ID]
    before = told(call, result_id)
    (market.runtime / "config" / "scenarios" / "cross.yaml").unlink()
    after = told(call, result_id)
    assert after["charts"] == before["charts"]
    assert "No file has the scenario 'cross' any more" in after["notes"][0]
    (market.runtime / "output" / "backtests" / result_id / "equity.parquet").unlink()
    damaged = call("results", "chart", result_id)
    assert damaged.code == 1
    assert "cannot be used" in damaged.error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--tz", "Mars/Base"), 1, "no time zone 'Mars/Base'"),
        (("--from", "2001"), 1, "--from: '2001' is no day"),
        (("--from", "2001-01-05", "--to", "2001-01-05"), 1, "the end does not count"),
        (("--from", "2012-01-01"), 1, "no bar from 2012-01-01T00:00:00Z to its last bar"),
        (("-i", "IBM_1d"), 1, "did not trade 'IBM_1d'"),
        (("--max-bars", "0"), 2, "--max-bars"),
        (("--out", "/proc/no/x.json"), 1, "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_one_paragraph(call, shared_market, arguments, code, words):
    ended = call("results", "chart", result_ids(shared_market)[OWN_ID], *arguments)
    assert ended.code == code
    assert words in ended.error
    assert ended.out == ""


def test_the_blocks_of_the_page_run_on_a_file_that_its_command_wrote(
    call, shared_market, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    assert "results chart ID --out chart.json" in text
    result_id = result_ids(shared_market)[CROSS_ID]
    assert call("results", "chart", result_id, "--out", "chart.json").code == 0
    names = {"__name__": "pasted"}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)
    assert len(names["candles"]) == len(names["volume"]) == 648
    trades = shared_market.workspace.results.trades(result_id)
    assert f"{sum(not each['is_open'] for each in trades)} exits" in capsys.readouterr().out


def test_the_page_names_every_key_of_the_schema():
    keys = {key for kind in TYPES.values() for key in get_type_hints(kind)}
    rows = re.findall(r"^\| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert named == keys


def test_a_document_has_the_keys_of_its_type(call, shared_market):
    document = told(call, result_ids(shared_market)[CROSS_ID])

    def check(value, kind):
        hints = get_type_hints(kind)
        assert set(value) == set(hints), kind
        for name, hint in hints.items():
            inner = hint if hint in TYPES.values() else next(iter(getattr(hint, "__args__", ())), 0)
            if inner in TYPES.values():
                for each in value[name] if isinstance(value[name], list) else [value[name]]:
                    check(each, inner)

    check(document, schema.ChartDocument)
