"""Rows are the same whichever way they are read: trusting, cell by cell, with or without plain
stamps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.dataset_shape import NumberFormat, TableShape, TimestampFormat
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files import row_sql
from trading_pipeline.storage.user_files.csv_scan import open_scan
from trading_pipeline.storage.user_files.row_sql import number_positions

ROLES = ("timestamp", "open", "high", "low", "close", "volume")
SHAPE = TableShape(
    encoding="utf-8",
    delimiter=";",
    header=False,
    skip_rows=0,
    header_rows=0,
    width=6,
    names=ROLES,
    positions={role: (i,) for i, role in enumerate(ROLES)},
    timestamp=TimestampFormat(kind="datetime", formats=("%Y-%m-%d %H:%M:%S",), is_iso=True),
)
STAMPS = (
    "2024-01-02 09:15:00", "2024-01-02 09:15:0Z", "2024-01-02T09:15:00+05:30", "2024-01-02", "soon",
    "",
    "=1", "2024-01-02 09:15:00.1234567", "1850-01-01 00:00:00", "2222-01-01 00:00:00", "+cmd",
)  # fmt: skip
NUMBERS = (
    "1.5", "", "  ", "nan", "NaN", "inf", "-Infinity", "+1.5", " 1.5", "1.5 ", "1_000", "0x10",
    "1e5", "1E5",
    "1e400", "1e-400", "1.", ".5", "-", "1,5", "true", "1.5f", "=1", "@x", "null", "1e", "4.35",
    "1/2",
    "0.1e1", "123456789012345678901234567890", "\t1.5", "- x",
)  # fmt: skip
TAILS = ("2;1;1;9", "2;1;1", "2;1;1;9;x", "2;1;1;", "2;x;1;9", "2;1")


def frame(path, shape=SHAPE, **knobs):
    with open_scan(path, shape) as scan:
        parts = [batch.to_pandas() for batch in scan.batches(**knobs)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def odd_rows(tmp_path):
    rng = np.random.default_rng(5)
    stamps, numbers, tails = (
        np.where(rng.random(4000) < 0.7, each[0], rng.choice(each, 4000))
        for each in (STAMPS, NUMBERS, TAILS)
    )
    path = tmp_path / "odd.csv"
    lines = map(";".join, zip(stamps, numbers, tails, strict=True))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_plain_stamps_change_nothing_but_the_speed(odd_rows, monkeypatch):
    fast = frame(odd_rows)
    monkeypatch.setattr(row_sql, "plain_stamp", lambda *_: None)
    pd.testing.assert_frame_equal(fast, frame(odd_rows))
    marks = fast[["aware", "loss", "short", "long", "formula"]]
    assert marks.any().all()
    assert not marks.all().any()


@pytest.mark.parametrize("cell", NUMBERS)
def test_a_trusting_reader_reads_the_same_or_gives_up(tmp_path, cell):
    path = tmp_path / "data.csv"
    stamp = "2024-01-02 09:15:00"
    path.write_text(f"{stamp};{cell};2;1;1;9\n{stamp};1;2;1;1;{cell}\n", encoding="utf-8")
    careful = frame(path)
    try:
        trusting = frame(path, trusting=True)
    except DatasetFormatError:
        assert careful[["open", "volume"]].isna().to_numpy().diagonal().all()
    else:
        pd.testing.assert_frame_equal(trusting, careful)


def test_a_trusting_reader_marks_cut_and_long_rows(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("2024-01-02;1;2;1;1;9\n2024-01-03;1;2\n2024-01-04;1;2;1;1;9;x\n")
    rows = frame(path, trusting=True)
    assert rows["short"].tolist() == [False, True, False]
    assert rows["long"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {1, 2, 3, 4, 5}),
        ({"numbers": NumberFormat(magnitudes=True)}, {1, 2, 3, 4}),
        ({"numbers": NumberFormat(decimal=",")}, set()),
        ({"delimiter": None}, set()),  # Parquet has types of its own
        ({"positions": {"timestamp": (0,), "symbol": (1,), "open": (1,), "close": (2,)}}, {2}),
    ],
)
def test_columns_that_the_reader_may_take_as_numbers(changes, expected):
    assert number_positions(replace(SHAPE, **changes)) == expected


def test_stamps_read_by_their_directives_are_aware_where_they_carry_an_offset(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("02/01/2024 09:15 +0100;1;2;1;1;9\n", encoding="utf-8")
    form = TimestampFormat(kind="datetime", formats=("%d/%m/%Y %H:%M %z",))
    rows = frame(path, replace(SHAPE, timestamp=form))
    assert rows["aware"].tolist() == [True]
    assert pd.Timestamp(rows["moment"][0], unit="us") == pd.Timestamp("2024-01-02 08:15")
