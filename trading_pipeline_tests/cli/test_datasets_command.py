"""The commands for users' files: tables, exact JSON, exit codes, no traceback, a quick start."""

import json
import subprocess
import sys

import pytest

from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]


@pytest.fixture
def file(tmp_path):
    """Two Bombay sessions of one-minute bars, stamped by the clock of the exchange."""
    bars = session_bars("2024-01-02", "2024-01-06", "1m", "XBOM")
    rows = rows_of(bars, "%Y-%m-%d %H:%M:%S", "Asia/Kolkata")
    path = tmp_path / "nifty.csv"
    path.write_text(lines([HEADER, *rows]), encoding="utf-8")
    return path


def test_inspect_prints_exactly_the_published_keys_as_json(call, file):
    ended = call("datasets", "inspect", file, "--json")
    assert ended.code == 0
    shown = json.loads(ended.out)
    assert list(shown) == [
        "accept", "reason", "encoding", "delimiter", "decimal", "thousands", "header", "skip_rows",
        "columns", "timestamp", "tz", "suggest_tz", "timeframe", "rows", "valid_rows", "first",
        "last", "symbols", "calendar", "missing_bars", "problems",
    ]  # fmt: skip
    assert (shown["tz"], shown["suggest_tz"], shown["calendar"]) == (
        "naive",
        "Asia/Kolkata",
        "XBOM",
    )
    assert (shown["rows"], shown["missing_bars"], shown["problems"]) == (1500, 0, {})
    assert (shown["first"], shown["last"]) == ("2024-01-02T09:15:00", "2024-01-05T15:29:00")


def test_inspect_shows_a_table_and_what_is_to_decide(call, file):
    ended = call("datasets", "inspect", file)
    assert ended.code == 0
    text = " ".join(ended.out.split())
    assert "suggest_tz Asia/Kolkata" in text
    assert "To decide: The time stamps carry no offset." in text
    assert "--tz Asia/Kolkata" in text
    assert "nifty.csv.yaml" in text


def test_an_answer_by_flag_or_side_car_leaves_nothing_to_decide(call, file):
    ended = call("datasets", "inspect", file, "--tz", "Asia/Kolkata")
    assert "To decide" not in ended.out
    shown = json.loads(call("datasets", "inspect", file, "--json", "--tz", "Asia/Kolkata").out)
    assert shown["first"] == "2024-01-02T09:15:00+05:30"
    file.with_name("nifty.csv.yaml").write_text("tz: Asia/Kolkata\n", encoding="utf-8")
    assert "To decide" not in call("datasets", "inspect", file).out


def test_a_refused_file_ends_with_1_and_the_reason(call, tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    ended = call("datasets", "inspect", empty)
    assert ended.code == 1
    assert "Not accepted: The file is empty." in ended.out
    ended = call("datasets", "inspect", empty, "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["problems"] == {"empty_file": 1}


def test_the_size_limit_is_a_flag(call, file):
    ended = call("datasets", "inspect", file, "--max-bytes", "10", "--json")
    assert ended.code == 1
    assert "at most 10" in json.loads(ended.out)["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "none.csv"], "No such file"),
        (["preview", "none.csv"], "No such file"),
        (["inspect", "{file}", "--tz", "Asia/Kolkatta"], "Did you mean 'Asia/Kolkata'"),
        (["inspect", "{file}", "--column", "close"], "ROLE=NAME"),
        (["inspect", "{file}", "--column", "close=Shut"], "'Shut'"),
        (["inspect", "{file}", "--calendar", "XNYX"], "Did you mean 'XNYS'"),
        (["inspect", "{file}", "--timeframe", "7m"], "timeframe"),
    ],
)
def test_errors_are_one_paragraph_and_end_with_1(call, file, arguments, said):
    ended = call("datasets", *(each.format(file=file) for each in arguments))
    assert ended.code == 1
    assert said in ended.error
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [["inspect"], ["inspct", "x"], ["preview", "x", "--rows", "0"], ["inspect", "--js"]],
)
def test_wrong_usage_ends_with_2(call, arguments):
    ended = call("datasets", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_preview_shows_rows_and_roles(call, file):
    ended = call("datasets", "preview", file, "--rows", "2")
    assert ended.code == 0
    assert "2 row(s) shown" in ended.out
    assert ended.out.count("2024-01-02") == 2
    shown = json.loads(call("datasets", "preview", file, "-n", "3", "--json").out)
    assert len(shown["rows"]) == 3
    assert shown["columns"][0] == {"name": "timestamp", "role": "timestamp"}


def test_control_characters_of_a_file_do_not_reach_the_terminal(call, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "Date,Open\x1b[2J,High,Low,Close\n2024-01-02,1,2,1,\x1b[31m1[/bold]\n", encoding="utf-8"
    )
    ended = call("datasets", "preview", path)
    assert ended.code == 0
    assert "\x1b" not in ended.out
    assert "[/bold]" in ended.out


def test_inspecting_loads_neither_dagster_nor_the_engine(file):
    code = (
        "import sys\nsys.argv = ['trading-pipeline', 'datasets', 'inspect', sys.argv[1], "
        "'--json']\nfrom trading_pipeline.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([n for n in ('dagster', 'numba', 'sklearn', 'talib', 'matplotlib') "
        "if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_inspect_says_what_add_would_refuse(call, file):
    text = file.read_text("utf-8").splitlines()
    cells = text[7].split(",")
    cells[2], cells[3] = cells[3], cells[2]
    file.write_text("\n".join([*text[:7], ",".join(cells), *text[8:]]) + "\n", encoding="utf-8")
    ended = call("datasets", "inspect", file, "--tz", "Asia/Kolkata")
    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert "Refused by 'add' as it is: 1 row(s) have a high below the low" in said
    shown = json.loads(call("datasets", "inspect", file, "--json").out)
    assert shown["accept"] is True


def test_an_uncommon_delimiter_is_suggested(call, tmp_path):
    path = tmp_path / "caret.csv"
    path.write_text("date^open^high^low^close\n2024-01-02^1^2^1^1\n2024-01-03^1^2^1^1\n", "utf-8")
    ended = call("datasets", "inspect", path)
    assert ended.code == 1
    assert "--delimiter '^'" in " ".join(ended.out.split())
    refused = call("datasets", "add", path)
    assert "--delimiter '^'" in refused.error
    assert call("datasets", "inspect", path, "--delimiter", "^").code == 0
