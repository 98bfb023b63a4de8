"""The fast reading of large files gives the same profile, byte for byte, as the careful one."""

import json
import tempfile
import threading
from functools import partial

import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset
from trading_pipeline.datasets import profiling as dataset_profiling
from trading_pipeline.datasets.reading.table import find_table
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline.storage.user_files import plain_lines, sorted_rows
from trading_pipeline_tests.datasets.dataset_files import bars_at, rows_of

ROWS = 900
MINUTES = pd.date_range("2024-01-01 22:00", periods=ROWS, freq="min", tz="UTC")
DAYS = pd.date_range("1998-01-01", periods=ROWS, freq="D", tz="UTC")
HEAD = "Date,Open,High,Low,Close,Volume"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Every file counts as large, its head as short, and it is read in many blocks."""
    monkeypatch.setattr(dataset_profiling, "PLAIN_BYTES", 0)
    monkeypatch.setattr(dataset_profiling, "HEAD_BYTES", 6_000)
    monkeypatch.setattr(dataset_profiling, "find_table", partial(find_table, limit=6_000))
    monkeypatch.setattr(plain_lines, "BLOCK_BYTES", 5_000)
    monkeypatch.setattr(plain_lines, "_PIECE_BYTES", 500)


@pytest.fixture
def both(tmp_path, monkeypatch):
    """A function that profiles a text both ways, compares them, and says whether it had to begin
    again."""
    found = []
    plain = dataset_profiling._plain_profile
    monkeypatch.setattr(
        dataset_profiling, "_plain_profile", lambda *each: found.append(plain(*each)) or found[-1]
    )

    def profiled(text, answers=None):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        fast = profile_dataset(path, answers)
        way = "again" if found[-1] is None else "plain"
        with monkeypatch.context() as patched:
            patched.setattr(dataset_profiling, "PLAIN_BYTES", 10**12)
            slow = profile_dataset(path, answers)
        assert json.dumps(fast.to_json()) == json.dumps(slow.to_json())
        assert fast.other_findings == slow.other_findings
        return fast, way

    return profiled


def rows(stamp="%Y-%m-%d %H:%M:%S", index=MINUTES, zone="UTC"):
    return [",".join(row) for row in rows_of(bars_at(index), stamp, zone)]


def text_of(lines, head=HEAD, end="\n"):
    return end.join([*([head] if head else []), *lines, ""])


def epochs(factor):
    moments = MINUTES.as_unit("us").asi8 // 1_000_000 * factor
    return [f"{m},{line.split(',', 1)[1]}" for m, line in zip(moments, rows(), strict=True)]


FORMS = {
    "space": rows(),
    "t": rows("%Y-%m-%dT%H:%M:%S"),
    "slashes": rows("%Y/%m/%d %H:%M"),
    "days": rows("%Y-%m-%d", DAYS),
    "utc": rows("%Y-%m-%dT%H:%M:%SZ"),
    "east": [line.replace(",", "+05:30,", 1) for line in rows("%Y-%m-%d %H:%M:%S",
    zone="Asia/Kolkata")],
    "west": [line.replace(",", "-05:00,", 1) for line in rows("%Y-%m-%dT%H:%M:%S",
    zone="Etc/GMT+5")],
    "german": rows("%d.%m.%Y %H:%M"),
    "digits": rows("%Y%m%d%H%M%S"),
    "stooq": rows("%Y%m%d", DAYS),
    "compact": rows("%Y%m%d %H%M%S"),
    "metatrader": rows("%Y.%m.%d,%H:%M"),
    "two iso cells": rows("%Y-%m-%d,%H:%M:%S"),
    "epoch s": epochs(1),
    "epoch ms": epochs(1_000),
    "epoch us": epochs(1_000_000),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_plain_form_of_a_stamp_is_read_in_blocks_with_the_same_profile(both, name):
    head = HEAD.replace("Date", "Date,Time") if FORMS[name][0].count(",") == 6 else HEAD
    profile, way = both(text_of(FORMS[name], head))
    assert (profile.rows, profile.valid_rows, way) == (ROWS, ROWS, "plain")


def semicolons(lines):
    return [line.replace(",", ";").replace(".", ",") for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        text_of(rows(), end="\r\n"),
        text_of(rows(), end="\r\n").removesuffix("\r\n"),
        text_of(rows()).removesuffix("\n"),
        "\ufeff" + text_of(rows()),
        text_of(rows(), head=None),
        "\ufeff" + text_of(rows(), head=None),
        "A banner\n\n" + text_of(rows()),
        text_of(semicolons(rows("%Y-%m-%d %H:%M")), HEAD.replace(",", ";")),
        text_of([line.replace(",", "\t") for line in rows()], HEAD.replace(",", "\t")),
        text_of([line.rsplit(",", 1)[0] for line in rows()], HEAD.removesuffix(",Volume")),
        text_of([f"{line},x y,{i}" for i, line in enumerate(rows())], HEAD + ",Note,No"),
        text_of([f"{line}," for line in rows()], HEAD + ",Note"),
        text_of(rows()[::-1]),
        text_of([each for line in rows() for each in (line, "")]),
    ],
    ids=["crlf", "crlf cut", "no end", "bom", "no header", "bom no header", "banner",
    "decimal comma", "tabs",
         "no volume", "more columns", "empty column", "newest first", "blank lines"],
)  # fmt: skip
def test_other_layouts_are_read_in_blocks_with_the_same_profile(both, text):
    profile, way = both(text)
    assert (profile.rows, profile.valid_rows, way) == (ROWS, ROWS, "plain")


GOOD = "2024-01-02 22:59:00,100,101,99,100.5,7"
ODD_LINES = {
    "bad cell": GOOD.replace("101", "x"),
    "empty price": GOOD.replace("101", ""),
    "blank price": GOOD.replace("101", "  "),
    "empty volume": GOOD.removesuffix("7"),
    "n/a": GOOD.replace("101", "n/a"),
    "minus": GOOD.replace("101", "-"),
    "nan": GOOD.replace("101", "NaN"),
    "small nan": GOOD.replace("101", "nAn"),
    "inf": GOOD.replace("101", "inf"),
    "volume inf": GOOD.replace(",7", ",-inf"),
    "huge": GOOD.replace("101", "1e400"),
    "huge volume": GOOD.replace(",7", ",-1e400"),
    "tiny volume": GOOD.replace(",7", ",-1e-400"),
    "exponent": GOOD.replace("101", "1.01E+2"),
    "hex": GOOD.replace("101", "0x65"),
    "underscore": GOOD.replace("101", "1_01"),
    "plus": GOOD.replace("101", "+101"),
    "point at the end": GOOD.replace("101", "101."),
    "point first": GOOD.replace(",7", ",.7"),
    "zeros first": GOOD.replace("101", "00101"),
    "spaces": GOOD.replace("101", " 101 "),
    "tab": GOOD.replace("101", "\t101"),
    "many digits": GOOD.replace("101", "101.00000000000000000000000000012345678"),
    "true": GOOD.replace(",7", ",true"),
    "decimal comma": GOOD.replace("100.5", "100,5"),
    "suffix": GOOD.replace(",7", ",7M"),
    "negative": GOOD.replace("99", "-99"),
    "minus zero": GOOD.replace(",7", ",-0"),
    "formula": GOOD.replace("101", "=1+1"),
    "formula of a name": GOOD.replace("101", "@SUM(1)"),
    "formula for a volume": GOOD.replace(",7", ",+cmd"),
    "extra cell": GOOD + ",8",
    "empty extra cell": GOOD + ",",
    "cut line": "2024-01-02 22:59:00,100,101",
    "cut stamp": "2024-01-",
    "one letter": "x",
    "only delimiters": ",,,,,",
    "spaces only": "   ",
    "offset": GOOD.replace("00,", "00+05:30,", 1),
    "small z": GOOD.replace("00,", "00z,", 1),
    "z": GOOD.replace("00,", "00Z,", 1),
    "no seconds": GOOD.replace("22:59:00", "22:59"),
    "date only": GOOD.replace(" 22:59:00", ""),
    "hour only": GOOD.replace("22:59:00", "22"),
    "digits of the clock": GOOD.replace("22:59:00", "225900.0"),
    "hour 24": GOOD.replace("22:59:00", "24:00:00"),
    "second 60": GOOD.replace("22:59:00", "22:58:60"),
    "fraction": GOOD.replace("59:00", "59:00.1234567"),
    "t": GOOD.replace(" 22", "T22"),
    "slashes": GOOD.replace("-", "/", 2),
    "stamp with spaces": " " + GOOD,
    "stamp with a quarter of a space": GOOD.replace("02 22", "02  2").replace("  2:", "  2:0"),
    "no stamp": GOOD.replace("2024-01-02 22:59:00", ""),
    "n/a stamp": GOOD.replace("2024-01-02 22:59:00", "n/a"),
    "no such day": GOOD.replace("01-02", "02-30"),
    "leap day": GOOD.replace("01-02", "02-29"),
    "no leap day": GOOD.replace("2024-01-02", "2023-02-29"),
    "month 13": GOOD.replace("01-02", "13-02"),
    "year 1899": GOOD.replace("2024", "1899"),
    "year 2100": GOOD.replace("2024", "2100"),
    "year 1900": GOOD.replace("2024-01-02", "1900-02-29"),
    "epoch": GOOD.replace("2024-01-02 22:59:00", "1704236340"),
    "infinity": GOOD.replace("2024-01-02 22:59:00", "infinity"),
    "same again": rows()[-1],
    "same stamp": rows()[-1].split(",")[0] + ",1,2,1,2,3",
    "high below low": GOOD.replace("101", "98"),
    "spike": GOOD.replace("100.5", "900"),
    "zero volume": GOOD.replace(",7", ",0"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_LINES)
def test_an_odd_line_at_the_end_changes_no_more_than_in_the_careful_way(both, name):
    _, way = both(text_of([*rows(), ODD_LINES[name]]))
    assert way == "plain"


def test_odd_lines_of_all_kinds_in_the_middle_too(both, monkeypatch):
    monkeypatch.setattr(plain_lines, "_ODD_SHARE", 10.0)
    lines = rows()
    for step, line in enumerate(ODD_LINES.values()):
        lines.insert(400 + step * 5, line)
    profile, way = both(text_of(lines))
    assert way == "plain"
    assert profile.rows > ROWS
    assert len(profile.problems) > 8


@pytest.mark.parametrize(
    "tail",
    [
        GOOD.replace("101", '"101"') + "\n",
        '"2024-01-02\n22:59:00",100,101,99,100.5,7\n',
        GOOD.replace("101", '"101') + "\n",
        GOOD + "\r\n",
        GOOD.replace("101", "1\r01") + "\n",
        GOOD + "\r",
        (GOOD + ",\u00d6\n"),
        (GOOD + ",\u00d6\n").encode("cp1252"),
        b"2024-01-02 22:59:00,100,1\x0001,99,100.5,7\n",
        GOOD + "," + "9" * 70_000 + "\n",
    ],
    ids=["quoted", "quoted line end", "open quote", "crlf", "return", "return at the end", "letter",
    "cp1252",
         "nul", "long line"],
)  # fmt: skip
def test_what_may_change_the_meaning_of_all_lines_begins_again(both, tail):
    body = text_of(rows()).encode()
    _, way = both(body + (tail if isinstance(tail, bytes) else tail.encode()))
    assert way == "again"


@pytest.mark.parametrize("name", ["blank lines", "blank crlf lines", "spaces"])
def test_blank_lines_at_the_end_are_no_rows(both, name):
    end = "\r\n" if "crlf" in name else "\n"
    tail = ("   " if name == "spaces" else "") + end
    _, way = both(text_of(rows(), end=end) + tail * 3)
    assert way == "plain"


def test_old_line_ends_are_read_the_careful_way(both):
    profile, way = both(text_of(rows(), end="\r"))
    assert (profile.rows, way) == (ROWS, "again")


@pytest.mark.parametrize("quoted", [False, True])
def test_values_with_other_marks_are_read_with_the_same_profile(both, quoted):
    shown = [line.split(",") for line in rows()]
    many = [[*row[:5], f"{int(row[5]) / 1000:.3f}K"] for row in shown]
    text = "\n".join((",".join(f'"{c}"' for c in row) if quoted else ",".join(row)) for row in many)
    profile, way = both(HEAD + "\n" + text + "\n")
    assert (profile.valid_rows, way) == (ROWS, "again")


def test_stamps_with_and_without_an_offset_are_told_apart(both):
    lines = rows()
    mixed = [*lines[:800], *(line.replace(",", "+00:00,", 1) for line in lines[800:])]
    for answers in (None, DatasetAnswers(tz="Asia/Kolkata")):
        profile, _ = both(text_of(mixed), answers)
        assert profile.tz == "mixed"


@pytest.mark.parametrize("interleaved", [True, False])
def test_several_symbols_are_read_in_blocks_and_sorted(both, interleaved):
    shown = rows()[: ROWS // 2]
    names = ["BBB", "A A", ""]
    if interleaved:
        lines = [f"{line},{name}" for line in shown for name in names]
    else:
        lines = [f"{line},{name}" for name in names for line in shown]
    profile, way = both(text_of(lines, HEAD + ",Symbol"))
    assert (profile.symbols, profile.rows, way) == (("A A", "BBB"), len(lines), "plain")


def test_unsorted_rows_are_read_in_blocks_and_sorted(both):
    lines = rows()
    lines[200], lines[850] = lines[850], lines[200]
    lines.insert(700, lines[3])
    profile, way = both(text_of(lines))
    assert (profile.problems["duplicate_row"], profile.problems["unsorted"], way) == (1, 3, "plain")


def test_progress_comes_from_the_callers_thread_and_what_it_raises_ends_the_reading(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(text_of(rows()))
    seen = []

    def stop(done):
        seen.append((done, threading.current_thread()))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        profile_dataset(path, progress=stop)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {thread for _, thread in seen} == {threading.main_thread()}
    assert not [t for t in threading.enumerate() if t.name.startswith("plain-lines")]


def test_what_progress_raises_while_rows_are_sorted_leaves_nothing_behind(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(sorted_rows, "_DIVISION_ROWS", 100)
    path = tmp_path / "data.csv"
    path.write_text(text_of(rows()[::2] + rows()[1::2]))
    seen = []

    def stop(done):
        seen.append(done)
        if done > 2 * ROWS - 100 and seen[-1] == seen[-2]:  # a division comes back from the disk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        profile_dataset(path, progress=stop)
    assert list(folder.iterdir()) == []
    assert not [t for t in threading.enumerate() if t.name.startswith("plain-lines")]


def test_divisions_on_the_disk_change_nothing(both, monkeypatch):
    monkeypatch.setattr(sorted_rows, "_DIVISION_ROWS", 100)
    shown = rows()
    lines = [
        f"{line},{'ABC'[i % 3]}" for i, line in enumerate(shown[::2] + shown[1::2] + shown[:40])
    ]
    profile, way = both(text_of(lines, HEAD + ",Symbol"))
    assert (profile.problems["duplicate_row"], way) == (13, "plain")
    mixed = [*shown[:700], *(line.replace(",", "+00:00,", 1) for line in shown[700:])][::-1]
    mixed[3], mixed[850] = mixed[850], mixed[3]
    for answers in (None, DatasetAnswers(tz="Asia/Kolkata")):
        profile, _ = both(text_of(mixed), answers)
        assert profile.problems["unsorted"]


def test_a_full_disk_while_rows_are_sorted_is_a_typed_error(tmp_path, monkeypatch):
    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    monkeypatch.setattr(sorted_rows, "_DIVISION_ROWS", 100)
    path = tmp_path / "data.csv"
    path.write_text(text_of(rows()[::2] + rows()[1::2]))
    with pytest.raises(DatasetFormatError, match="No space left on device"):
        profile_dataset(path)
    assert not [t for t in threading.enumerate() if t.name.startswith("plain-lines")]


def test_an_error_of_reading_in_a_thread_reaches_the_caller_typed(tmp_path, monkeypatch):
    def broken(path, *_):
        raise DatasetFormatError(f"{path} cannot be read: Input/output error.", path=str(path))

    monkeypatch.setattr(plain_lines, "_fill", broken)
    path = tmp_path / "data.csv"
    path.write_text(text_of(rows()))
    with pytest.raises(DatasetFormatError, match="Input/output error"):
        profile_dataset(path)
