"""Cells become numbers and stamps as their format says; order, memory and names of files hold."""

import math
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from trading_pipeline.domain.dataset_shape import NumberFormat, TableShape, TimestampFormat
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files.csv_scan import NO_MOMENT, open_scan, parquet_head

ROLES = ("timestamp", "open", "high", "low", "close", "volume", "symbol")
ISO = TimestampFormat(kind="datetime", formats=("%Y-%m-%d %H:%M:%S",), is_iso=True)
SHORT = replace(ISO, formats=("%Y-%m-%dT%H:%M%z",))
SHAPE = TableShape(
    encoding="utf-8",
    delimiter=",",
    header=False,
    skip_rows=0,
    header_rows=0,
    width=7,
    names=tuple(ROLES),
    positions={role: (i,) for i, role in enumerate(ROLES)},
    timestamp=ISO,
)


@pytest.fixture
def scanned(tmp_path):
    def scan(text, shape=SHAPE, **knobs):
        path = tmp_path / "data.csv"
        path.write_text(text, encoding="utf-8")
        with open_scan(path, shape) as opened:
            frames = [batch.to_pandas() for batch in opened.batches(**knobs)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    return scan


def moment(text):
    return int(pd.Timestamp(text).as_unit("us").value) // 1000


@pytest.mark.parametrize(
    ("cell", "form", "expected"),
    [
        ("2024-01-02 09:15:00", ISO, "2024-01-02 09:15"),
        ("2024-01-02T09:15:00+05:30", ISO, "2024-01-02 03:45"),
        ("2024-01-02 09:15:00-0500", ISO, "2024-01-02 14:15"),
        ("2024-01-02T09:15Z", SHORT, "2024-01-02 09:15"),
        ("2024-01-02T09:15+05:30", SHORT, "2024-01-02 03:45"),
        ("2024-01-02T09:15:30Z", SHORT, "2024-01-02 09:15:30"),
        ("2024-01-02 09:15:00 UTC", ISO, "2024-01-02 09:15"),
        ("2024-01-02", ISO, "2024-01-02"),
        ("1704186900", TimestampFormat(kind="epoch", unit="s"), "2024-01-02 09:15"),
        ("1704186900.25", TimestampFormat(kind="epoch", unit="s"), "2024-01-02 09:15:00.25"),
        ("1704186900000", TimestampFormat(kind="epoch", unit="s"), "2024-01-02 09:15"),
        ("1704186900000000999", TimestampFormat(kind="epoch", unit="ns"), "2024-01-02 09:15"),
        ("5", TimestampFormat(kind="epoch", unit="s", formats=("epoch_s",)), "1970-01-01 00:00:05"),
        ("02/01/2024 9:15", TimestampFormat(kind="datetime", formats=("%d/%m/%Y %H:%M",)),
        "2024-01-02 09:15"),
    ],
)  # fmt: skip
def test_stamps(scanned, cell, form, expected):
    rows = scanned(f"{cell},1,2,0.5,1.5,9,A\n", replace(SHAPE, timestamp=form))
    assert rows["moment"].tolist() == [moment(expected)]


@pytest.mark.parametrize("cell", ["", "soon", "2024-13-01", "1850-01-01", "2222-01-01", "7"])
def test_what_is_no_stamp_has_no_moment(scanned, cell):
    rows = scanned(f"{cell},1,2,0.5,1.5,9,A\n")
    assert rows["moment"].tolist() == [NO_MOMENT]


@pytest.mark.parametrize(
    ("cell", "numbers", "expected"),
    [
        ("1234.5", NumberFormat(), 1234.5),
        ("1e3", NumberFormat(), 1000.0),
        ("1.234,5", NumberFormat(decimal=",", thousands="."), 1234.5),
        ("1 234.5", NumberFormat(thousands=" ", symbols=True), 1234.5),
        ("$1234.5", NumberFormat(symbols=True), 1234.5),
        ("1'234.5", NumberFormat(thousands="'", symbols=True), 1234.5),
        ("", NumberFormat(), math.nan),
        ("x", NumberFormat(), math.nan),
    ],
)
def test_numbers(scanned, cell, numbers, expected):
    shape = replace(SHAPE, numbers=numbers, delimiter=";")
    rows = scanned(f"2024-01-02;{cell};2;1;1;9;A\n", shape)
    assert rows["open"].tolist() == pytest.approx([expected], nan_ok=True)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("12.5M", 12.5e6), ("3K", 3e3), ("2b", 2e9), ("7", 7.0), ("-", math.nan)],
)
def test_volumes_with_magnitudes(scanned, cell, expected):
    shape = replace(SHAPE, numbers=NumberFormat(magnitudes=True))
    rows = scanned(f"2024-01-02,1,2,1,1,{cell},A\n", shape)
    assert rows["volume"].tolist() == pytest.approx([expected], nan_ok=True)


def test_short_and_long_rows_are_marked_and_none_is_lost(scanned):
    good = "2024-01-02,1,2,0.5,1.5,9,A\n"
    rows = scanned(good + "2024-01-03,1,2\n" + "2024-01-04,1,2,0.5,1.5,9,A,x,y,z\n\n" + good)
    assert rows["short"].tolist() == [False, True, False, False]
    assert rows["long"].tolist() == [False, False, True, False]


def test_an_empty_last_cell_is_not_a_cut_line(scanned):
    assert not scanned("2024-01-02,1,2,0.5,1.5,9,\n")["short"].any()


def test_rows_keep_the_order_of_the_file_over_many_batches(scanned):
    days = pd.date_range("2000-01-01", periods=300_000, freq="min").strftime("%Y-%m-%d %H:%M:%S")
    text = "".join(f"{day},1,2,0.5,1.5,{i},{'AB'[i % 2]}\n" for i, day in enumerate(days))
    assert scanned(text)["volume"].tolist() == list(range(300_000))
    assert len(scanned(text, symbol="B")) == 150_000


def test_lines_of_a_file_are_read_as_those_of_the_whole_of_it(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b,c,d,e,f,g\n2024-01-02,1,2,0.5,1.5,9,A\n", encoding="utf-8")
    with open_scan(path, replace(SHAPE, header_rows=1)) as scan:
        (batch,) = scan.rows_of_lines(b"2024-01-03,1,2,x,1.5,9,B\n\n2024-01-04,1,2\n")
        assert batch.column("symbol").to_pylist() == ["B", ""]
        assert batch.column("short").to_pylist() == [False, True]
        assert sum(each.num_rows for each in scan.batches()) == 1


def test_a_temporary_folder_that_cannot_be_written_to_is_a_typed_error(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text("2024-01-02,1,2,0.5,1.5,9,A\n", encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(DatasetFormatError, match="TMPDIR"), open_scan(path, SHAPE):
        pass
    monkeypatch.setattr(tempfile, "tempdir", None)
    with open_scan(path, SHAPE) as scan:
        scan._folder.rmdir()
        with pytest.raises(DatasetFormatError, match="TMPDIR"):
            next(scan.rows_of_lines(b"2024-01-03,1,2,0.5,1.5,9,B\n"))
        scan._folder.mkdir()


def test_naive_stamps_are_brought_to_utc_by_a_zone_and_aware_ones_stay(scanned):
    text = "2024-07-01 12:00:00,1,2,1,1,9,A\n2024-07-01 12:00:00Z,1,2,1,1,9,A\nx,1,2,1,1,9,A\n"
    rows = scanned(text, naive_zone="Europe/Berlin")
    expected = [moment("2024-07-01 10:00"), moment("2024-07-01 12:00"), NO_MOMENT]
    assert rows["moment"].tolist() == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("=1+1", True), (" @x", True), ("+cmd", True), ("-1.5", False), ("+1.5", False), ("-", False),
    ("-inf", False)],
)  # fmt: skip
def test_formulas_are_marked(scanned, cell, expected):
    assert scanned(f"2024-01-02,{cell},2,1,1,9,A\n")["formula"].tolist() == [expected]


def test_formats_are_counted_over_the_whole_file(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("".join(f"{cell},1,2,1,1,9,A\n" for cell in ("01/02/2024", "25/02/2024", "x")))
    forms = [TimestampFormat(kind="date", formats=(f,)) for f in ("%d/%m/%Y", "%m/%d/%Y")]
    with open_scan(path, SHAPE) as scan:
        assert scan.readable_stamps(forms) == ([2, 1], 1)


def test_a_shape_without_stamps_is_refused(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("1\n", encoding="utf-8")
    with (
        open_scan(path, replace(SHAPE, timestamp=None)) as scan,
        pytest.raises(DatasetFormatError, match="--timestamp-format"),
    ):
        next(scan.batches())


def test_a_line_without_end_is_a_typed_error(scanned):
    good = "2024-01-02,1,2,1,1,9,A\n"
    for length in (1_100_000, 5_000_000):
        with pytest.raises(DatasetFormatError, match="longer than 1,000,000"):
            scanned(good * 3 + "2024-01-02," + "9" * length + ",2,1,1,9,A\n" + good)


def test_parquet_heads_are_text_and_quotes_in_names_are_harmless(tmp_path):
    path = tmp_path / 'a="b".parquet'
    frame = pd.DataFrame({'x"y': [1.5, None], "t": pd.to_datetime(["2024-01-02", None])})
    frame.to_parquet(path)
    names, rows, total = parquet_head(path, 5)
    assert names == ['x"y', "t"]
    assert rows == [("1.5", "2024-01-02 00:00:00"), ("", "")]
    assert total == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's own count")
def test_memory_stays_small_even_where_the_file_must_be_sorted(tmp_path):
    path = tmp_path / "data.csv"
    minutes = pd.date_range("2000-01-01", periods=1440, freq="min").strftime("%H:%M:%S")
    day_lines = [f"{minutes[i % 1440]},101.25,102.5,100.75,101.5,12345\n" for i in range(50_000)]
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp,open,high,low,close,volume\n")
        for day in range(20):
            file.writelines(f"2024-01-{day + 1:02d} {line}" for line in day_lines)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from trading_pipeline.datasets import profile_dataset\n"
        "print(profile_dataset(Path(sys.argv[1])).rows)\n"
        # the resource module would count the process that started this one
        "status = Path('/proc/self/status').read_text().split()\n"
        "print(int(status[status.index('VmHWM:') + 1]) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    rows, megabytes = map(int, done.stdout.split())
    assert rows == 1_000_000
    assert megabytes < 300
