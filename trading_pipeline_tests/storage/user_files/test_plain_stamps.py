"""Stamps in fixed places are read as DuckDB reads them, or not at all."""

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.dataset_shape import TableShape, TimestampFormat
from trading_pipeline.storage.user_files.cell_sql import EARLIEST, LATEST, timestamp_sql
from trading_pipeline.storage.user_files.plain_stamps import plain_stamps

ISO = TimestampFormat(kind="datetime", formats=("%Y-%m-%d %H:%M:%S",), is_iso=True)
SHAPE = TableShape(
    encoding="utf-8",
    delimiter=",",
    header=False,
    skip_rows=0,
    header_rows=0,
    width=6,
    names=("",) * 6,
)
FORMS = {
    "2024-01-02 09:15:00": ISO,
    "2024-01-02T09:15:00": replace(ISO, formats=("%Y-%m-%dT%H:%M:%S",)),
    "2024/01/02 09:15": replace(ISO, formats=("%Y/%m/%d %H:%M",)),
    "2024-01-02": replace(ISO, kind="date", formats=("%Y-%m-%d",)),
    "2024-01-02T09:15:00Z": replace(ISO, formats=("%Y-%m-%dT%H:%M:%S%z",)),
    "2024-01-02T09:15:00-05:00": replace(ISO, formats=("%Y-%m-%dT%H:%M:%S%z",)),
    "02.01.2024 09:15": TimestampFormat(kind="datetime", formats=("%d.%m.%Y %H:%M",)),
    "01/02/2024": TimestampFormat(kind="date", formats=("%m/%d/%Y",)),
    "20240102": TimestampFormat(kind="date", formats=("%Y%m%d",)),
    "20240102091500": TimestampFormat(kind="datetime", formats=("%Y%m%d%H%M%S",)),
    "20240102 0915": TimestampFormat(kind="datetime", formats=("%Y%m%d %H%M",)),
    "1704186900": TimestampFormat(kind="epoch", unit="s"),
    "1704186900000": TimestampFormat(kind="epoch", unit="ms"),
    "1704186900000000": TimestampFormat(kind="epoch", unit="us"),
}


def cells_of(texts):
    data = b"".join(text.encode("latin-1") for text in texts)
    return np.frombuffer(data, dtype=np.uint8).reshape(len(texts), -1)


def shaped(form, columns=1):
    return replace(SHAPE, timestamp=form, positions={"timestamp": tuple(range(columns))})


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def duckdb_moment(connection, text, form):
    found = timestamp_sql(["cell"], form)
    row = connection.execute(
        f"SELECT {found.moment}, coalesce({found.aware}, false), coalesce({found.loss}, false) "
        "FROM (SELECT ? AS cell)",
        [text],
    ).fetchone()
    is_moment = row[0] is not None and EARLIEST <= row[0] <= LATEST
    return (row[0] if is_moment else None), row[1], row[2]


@pytest.mark.parametrize("cell", FORMS)
def test_the_spelling_of_a_form_is_read_as_duckdb_reads_it(connection, cell):
    stamps = plain_stamps(shaped(FORMS[cell]), (cell.encode(),))
    (moment,) = stamps.moments([cells_of([cell])])
    assert (moment, stamps.is_aware, False) == duckdb_moment(connection, cell, FORMS[cell])


@pytest.mark.parametrize("cell", FORMS)
def test_no_other_spelling_of_the_same_width_is_read_otherwise_than_by_duckdb(connection, cell):
    """One byte of a cell changed, or two."""
    stamps = plain_stamps(shaped(FORMS[cell]), (cell.encode(),))
    rng = np.random.default_rng(11)
    marks = "0123456789 -/:.TZz+x\t"
    for _ in range(250):
        text = list(cell)
        for at in rng.integers(0, len(cell), rng.integers(1, 3)):
            text[at] = marks[rng.integers(0, len(marks))]
        other = "".join(text)
        found = stamps.moments([cells_of([cell, other])])
        if found is not None:
            expected = duckdb_moment(connection, other, FORMS[cell])
            assert (other, (found[1], stamps.is_aware, False)) == (other, expected)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 50))
def test_any_moments_from_1900_to_2099_come_back(seed, n):
    rng = np.random.default_rng(seed)
    days = rng.integers(-25_567, 47_482, n)  # 1900-01-01 to 2099-12-31
    moments = np.repeat(days, rng.integers(1, 4, n)) * 86_400 + rng.integers(0, 86_400)
    index = pd.DatetimeIndex(moments.astype("datetime64[s]"))
    for form in ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H%M%S"):
        stamp = TimestampFormat(kind="datetime", formats=(form,), is_iso=form.startswith("%Y"))
        texts = index.strftime(form).tolist()
        found = plain_stamps(shaped(stamp), (texts[0].encode(),)).moments([cells_of(texts)])
        assert found.tolist() == (moments * 1_000_000).tolist()


def test_a_date_and_a_time_in_two_cells():
    form = TimestampFormat(kind="date+time", formats=("%Y.%m.%d %H:%M",))
    stamps = plain_stamps(shaped(form, 2), (b"2024.01.02", b"09:15"))
    cells = [cells_of(["2024.01.02"] * 2), cells_of(["09:15", "09:16"])]
    assert stamps.widths == (10, 5)
    assert np.diff(stamps.moments(cells)).tolist() == [60_000_000]
    assert stamps.moments([cells[0], cells_of(["09:15", "09.16"])]) is None
    assert stamps.moments([cells_of(["2024.01.02", "2024-01-02"]), cells[1]]) is None


def test_no_rows_have_no_moments():
    stamps = plain_stamps(shaped(ISO), (b"2024-01-02 09:15:00",))
    assert stamps.moments([np.empty((0, 19), dtype=np.uint8)]).tolist() == []


@pytest.mark.parametrize(
    ("form", "first"),
    [
        (TimestampFormat(kind="date", formats=("%d %b %Y",)), b"02 Jan 2024"),
        (TimestampFormat(kind="datetime", formats=("%m/%d/%Y %I:%M %p",)), b"01/02/2024 09:15 AM"),
        (TimestampFormat(kind="datetime", formats=("%d/%m/%Y %H:%M%z",)), b"02/01/2024 09:15Z"),
        (TimestampFormat(kind="date", formats=("%d/%m/%y",)), b"02/01/24"),
        (replace(ISO, formats=("%Y-%m-%d %H:%M:%S.%f",)), b"2024-01-02 09:15:00.5"),
        (replace(ISO, formats=("%Y-%m-%dT%H:%M%z",)), b"2024-01-02T09:15Z"),
        (replace(ISO, formats=("%Y-%m-%d %H:%M:%S%z",)), b"2024-01-02 09:15:00+0530"),
        (replace(ISO, formats=("%Y-%m-%d, %H:%M",)), b"2024-01-02, 09:15"),
        (TimestampFormat(kind="epoch", unit="ns"), b"1704186900000000000"),
        (TimestampFormat(kind="epoch", unit="s", formats=("epoch_s",)), b"5"),
        (TimestampFormat(kind="datetime", formats=("%d of the month %m in %Y",)), b""),
        (None, b""),
    ],
)
def test_other_forms_are_not_plain(form, first):
    assert plain_stamps(shaped(form), (first,)) is None


def test_a_stamp_without_cells_or_with_more_cells_than_its_format_is_not_plain():
    assert plain_stamps(shaped(ISO), ()) is None
    assert plain_stamps(shaped(ISO, 2), (b"2024-01-02", b"09:15:00")) is not None
    assert plain_stamps(shaped(replace(ISO, formats=("%Y-%m-%d",)), 2), (b"", b"")) is None
