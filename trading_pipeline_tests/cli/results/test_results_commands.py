"""The commands of `results`, on a small market: what they print, write, and refuse."""

import csv
import io
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from trading_pipeline.reporting.page.metric_labels import TRADE_LABELS
from trading_pipeline.reporting.page.number_format import format_value
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline_tests.pipeline_world import World
from trading_pipeline_tests.results_market import market, result_ids, shared_market

__all__ = ["market", "shared_market"]

CROSS_ID, OWN_ID, PAIR_ID = "cross|AAPL_1d", "own|AAPL_1d", "pair|AAPL_1d, IBM_1d"


def told(call, *arguments):
    ended = call("results", *arguments, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_has_every_result_in_80_columns(call, shared_market, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = call("results", "list")
    assert ended.code == 0
    assert all(len(line) <= 80 for line in ended.out.splitlines()[:-1])
    for result_id in result_ids(shared_market).values():
        assert result_id in ended.out
    assert "4 results." in ended.out
    paged = call("results", "list", "--limit", "3", "--page", "2")
    assert "4 results, page 2 of 2." in paged.out


def test_filters_and_order_are_those_of_the_options(call, shared_market):
    ids = result_ids(shared_market)
    document = told(call, "list", "-i", "IBM_1d", "--sort", "total_return", "--ascending")
    returns = [row["total_return"] for row in document["results"]]
    assert {row["result_id"] for row in document["results"]} == {
        ids["cross|IBM_1d"],
        ids[PAIR_ID],
    }
    assert returns == sorted(returns)
    (row,) = told(call, "list", "--strategy", "steps", "--min-trades", "1")["results"]
    assert row["result_id"] == ids[OWN_ID]
    nothing = told(call, "list", "-w", "sharpe>99", "--since", "2000-01-01")
    assert (nothing["total"], nothing["results"]) == (0, [])
    assert "0 results (4 are stored)" in call("results", "list", "-w", "sharpe>99").out


def test_csv_has_every_row_whatever_the_page_and_replaces_nothing_in_silence(
    call, shared_market, tmp_path
):
    printed = rows_of(call("results", "list", "--limit", "1", "--csv", "-").out)
    assert [row["result_id"] for row in printed] == [
        row["result_id"] for row in told(call, "list")["results"]
    ]
    assert printed[0]["created_at"].endswith("Z")
    for row in printed:  # counts are integers
        count = len(shared_market.workspace.results.trades(row["result_id"]))
        assert (row["trade_count"], row["bars"].isdigit()) == (str(count), True)
    path = tmp_path / "new" / "trades.csv"
    trades = shared_market.workspace.results.trades(result_ids(shared_market)[CROSS_ID])
    assert call("results", "trades", result_ids(shared_market)[CROSS_ID], "--csv", path).code == 0
    assert [float(row["pnl"]) for row in rows_of(path.read_text("utf-8"))] == [
        row["pnl"] for row in trades
    ]
    refused = call("results", "trades", result_ids(shared_market)[CROSS_ID], "--csv", path)
    assert refused.code == 1
    assert "is there already" in refused.error
    again = ("results", "list", "--csv", path, "--overwrite")
    assert call(*again).code == 0
    assert len(rows_of(path.read_text("utf-8"))) == 4


def test_show_puts_metrics_beside_the_benchmark_and_judges_by_todays_ledger(call, shared_market):
    result_id = result_ids(shared_market)[CROSS_ID]
    row = shared_market.workspace.results.require(result_id)
    document = told(call, "show", result_id[:6])
    sharpe = document["metrics"]["sharpe"]
    assert sharpe["value"] == row["sharpe"]
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
    bars = document["metrics"]["bars"]
    assert (repr(bars["value"]), repr(bars["benchmark"])) == (f"{row['bars']:.0f}",) * 2
    assert document["metrics"]["total_return"]["benchmark"] == pytest.approx(
        row["benchmark_total_return"], rel=1e-12
    )
    assert document["settings"]["costs"]["commission_bps"] == 10.0
    assert document["changed_settings"] == {}
    assert document["hashes"]["content"] == row["content_hash"]
    assert (document["trials"], document["currency"]) == (4, "USD")
    assert document["facts"]["from_ts"] == "2000-06-01T00:00:00Z"
    abroad = told(call, "show", result_id, "--zone", "Asia/Tokyo")["facts"]
    assert abroad["from_ts"] == "2000-06-01"  # a session, whatever the zone
    assert abroad["created_at"].endswith("+09:00")
    assert document["page"].endswith(f"{result_id}.html")
    shown = call("results", "show", result_id, "--zone", "Asia/Tokyo")
    assert "Verdict by the 4 trials made up to now: " in shown.out
    assert "Asia/Tokyo" in shown.out


def test_a_retired_scenario_and_a_damaged_file_are_still_shown(call, market):
    result_id = result_ids(market)[OWN_ID]
    (market.runtime / "config" / "scenarios" / "own.yaml").unlink()
    assert "no file has it any more" in call("results", "show", result_id).out
    (market.runtime / "output" / "backtests" / result_id / "equity.parquet").unlink()
    document = told(call, "show", result_id)
    assert document["warnings"][0].startswith("Damaged: its file")
    assert call("results", "export", result_id, "--to", market.runtime / "x").code == 1


def test_compare_subtracts_the_first_and_says_why_numbers_may_not_compare(call, shared_market):
    ids = result_ids(shared_market)
    document = told(call, "compare", ids[CROSS_ID], ids[OWN_ID], ids[PAIR_ID])
    for name, values in document["metrics"].items():
        for value, difference in zip(values, document["differences"][name], strict=True):
            if value is None or values[0] is None:
                assert difference is None
            else:
                assert difference == value - values[0]
    assert document["settings"]["strategy.type"][:2] == ["sma_crossover", "steps"]
    notes = " ".join(document["notes"])
    assert "The spans differ" in notes
    assert "The instruments differ" in notes
    assert "currencies" not in notes
    shown = call("results", "compare", ids[CROSS_ID], ids["cross|IBM_1d"]).out
    assert "Note: The instruments differ" in shown


def test_trades_are_filtered_and_a_day_stays_a_day_in_every_zone(call, shared_market, monkeypatch):
    result_id = result_ids(shared_market)[PAIR_ID]
    everything = told(call, "trades", result_id, "--limit", "1000")
    assert everything["total"] == len(shared_market.workspace.results.trades(result_id))
    found = told(call, "trades", result_id, "-i", "IBM_1d", "--min-pnl", "0", "--sort", "pnl")
    amounts = [row["pnl"] for row in found["trades"]]
    assert amounts == sorted(amounts, reverse=True)
    assert all(row["instrument"] == "IBM_1d" and row["pnl"] >= 0 for row in found["trades"])
    stamp = everything["trades"][0]["entry_ts"]
    day = stamp.removesuffix("T00:00:00Z")
    assert len(day) == 10
    same = told(call, "trades", result_id, "--from", day, "--to", day, "--zone", "Asia/Tokyo")
    assert same["trades"][0]["entry_ts"] == day
    monkeypatch.setenv("COLUMNS", "80")
    shown = call("results", "trades", result_id, "--local").out
    first = shared_market.workspace.results.trades(result_id)[0]
    assert all(len(line) <= 80 for line in shown.split("Held over a split")[0].splitlines())
    for name in ("quantity", "entry_price", "pnl"):
        assert format_value(first[name], TRADE_LABELS[name].kind) in shown
    assert "Times are America/New_York" in shown
    assert "(AAPL_1d 2 for 1 on 2000-06-21). Prices are as traded" in shown
    assert "split" not in call("results", "trades", result_id, "-i", "IBM_1d").out


@pytest.mark.parametrize("form", [(), ("--parquet",)])
def test_an_export_is_whole_and_equals_what_is_stored(call, shared_market, tmp_path, form):
    result_id = result_ids(shared_market)[PAIR_ID]
    to = ("results", "export", result_id, "--to", tmp_path)
    assert call(*to, *form).code == 0
    folder = tmp_path / result_id
    ending = "parquet" if form else "csv"
    tables = ("benchmark", "daily_results", "equity", "orders", "trades", "weights")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(f"{name}.{ending}" for name in tables), "lineage.json", "result.json"]
    )
    read = pd.read_parquet if form else pd.read_csv
    stored = pd.read_parquet(
        shared_market.runtime / "output" / "backtests" / result_id / "equity.parquet"
    )
    found = read(folder / f"equity.{ending}")
    assert found["equity"].tolist() == stored["equity"].tolist()
    assert pd.to_datetime(found["ts"]).tolist() == stored["ts"].tolist()
    metrics = json.loads((folder / "result.json").read_text("utf-8"))["metrics"]
    assert (
        metrics["sharpe"]["value"] == shared_market.workspace.results.require(result_id)["sharpe"]
    )
    assert call(*to, *form).code == 1
    (folder / "mine.txt").write_text("x")
    assert call(*to, *form, "--overwrite").code == 0
    assert not (folder / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == [result_id]


def test_reproduce_ends_with_0_where_equal_and_1_where_not(call, market):
    result_id = result_ids(market)[OWN_ID]
    equal = call("results", "reproduce", result_id)
    assert (equal.code, equal.out.startswith("Equal")) == (0, True)
    path = market.runtime / "config" / "strategies" / "steps.py"
    path.write_text(path.read_text("utf-8").replace("shift(3)", "shift(5)"), encoding="utf-8")
    other = call("results", "reproduce", result_id)
    assert other.code == 1
    assert "Not equal. Changed since: code." in other.out
    assert "Final equity" in other.out
    document = json.loads(call("results", "reproduce", result_id, "--json").out)
    assert document["is_equal"] is False
    assert document["changes"][0]["kind"] == "code"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "zz"), 1, "no result whose id begins with 'zz'"),
        (("show", ""), 1, "no result whose id begins with ''"),
        (("list", "--scenario", "croos"), 1, "Did you mean 'cross'"),
        (("list", "--since", "2012-13-01"), 1, "--since: '2012-13-01' is no day"),
        (("list", "-w", "sharp>1"), 1, "Did you mean 'sharpe'"),
        (("list", "-w", "sharpe>x"), 1, "is no condition"),
        (("list", "--zone", "Mars/Base"), 1, "no time zone 'Mars/Base'"),
        (("list", "--page", "7"), 1, "There is no page 7: there is 1 page"),
        (("list", "--page", "0"), 2, "--page"),
        (("list", "--limit", "-1"), 2, "--limit"),
        (("list", "--local", "--zone", "UTC"), 2, "not both"),
        (("list", "--json", "--csv", "-"), 2, "not both"),
        (("list", "--csv", "/proc/no/x.csv"), 1, "cannot be written"),
        (("compare", "zz", "yy"), 1, "no result whose id begins with"),
        (("compare",), 2, "results"),
        (("trades", "zz"), 1, "no result whose id begins with"),
        (("export", "zz", "--to", "x"), 1, "no result whose id begins with"),
        (("reproduce", "zz"), 1, "no result whose id begins with"),
    ],
)
def test_what_cannot_be_answered_is_one_paragraph(call, shared_market, arguments, code, words):
    ended = call("results", *arguments)
    assert ended.code == code
    assert words in ended.error
    assert ended.out == ""


def test_bad_values_about_one_result_are_refused(call, shared_market):
    result_id = result_ids(shared_market)[CROSS_ID]
    for arguments, words in (
        (("trades", result_id, "--side", "up"), "has the side 'up'"),
        (("trades", result_id, "--from", "2002-01-02", "--to", "2002-01-01"), "is after --to"),
        (("trades", result_id, "--min-pnl", "nan"), "--min-pnl: nan"),
        (("trades", result_id, "--min-pnl", "2", "--max-pnl", "1"), "is above --max-pnl"),
        (("compare", result_id, result_id[:8]), "Give two or more, each once"),
        (("export", result_id, "--to", "/proc/no"), "cannot be written"),
    ):
        ended = call("results", *arguments)
        assert ended.code == 1
        assert words in ended.error


def test_without_any_result_it_says_how_to_make_one_and_makes_no_warehouse(call, runtime):
    for arguments in (("list",), ("show", "a"), ("compare", "a", "b"), ("reproduce", "a")):
        ended = call("results", *arguments)
        assert ended.code == 1
        assert "There is no stored result" in ended.error
        assert "trading-pipeline demo" in ended.error
    assert list(runtime.iterdir()) == []
    with World(runtime).workspace.warehouse.write():
        pass
    assert "There is no stored result" in call("results", "list").error


def test_wide_letters_and_brackets_of_a_name_are_shown_as_they_are(call, warehouse):
    row = {
        "result_id": "abc",
        "scenario": "[bold]größe 漢字[/]",
        "strategy": "=sum(1)",
        "instruments": "AAPL_1d",
        "from_ts": datetime(2012, 1, 2, tzinfo=UTC),
        "to_ts": datetime(2012, 1, 3, tzinfo=UTC),
    }
    assert ResultStore(warehouse).save(row, {"sharpe": float("nan")}, [], [])
    ended = call("results", "list")
    assert ended.code == 0
    assert "[bold]" in ended.out
    assert "größe" in ended.out
    (told_row,) = rows_of(call("results", "list", "--csv", "-").out)
    assert told_row["scenario"] == row["scenario"]
    assert told_row["sharpe"] == ""
    assert call("results", "trades", "abc", "--csv", "-").out.startswith("result_id,trade_no,")


def test_a_command_on_results_loads_neither_dagster_nor_the_engine(shared_market):
    import subprocess
    import sys

    code = (
        "import sys; sys.argv = ['t', 'results', 'list', '--json']\n"
        "from trading_pipeline.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'dagster', 'numba', 'scipy', 'sklearn', 'matplotlib', 'exchange_calendars'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_page_runs(call, shared_market, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parents[3] / "docs" / "results.md").read_text("utf-8")
    lines = re.findall(r"^uv run trading-pipeline (results .*)$", page, re.MULTILINE)
    assert {shlex.split(line)[1] for line in lines} == {
        *("list", "show", "trades", "compare", "export", "reproduce")
    }
    ids = result_ids(shared_market)
    for line in lines:
        words = shlex.split(line, comments=True)
        named = {"ID": ids[CROSS_ID], "OTHER": ids[OWN_ID]}
        ended = call(*(named.get(word, word) for word in words))
        assert ended.code == 0, (line, ended.error)
