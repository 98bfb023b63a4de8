"""Plain cells are read as the careful way reads them, and what is not plain goes the careful
way."""

from dataclasses import replace

import duckdb
import pytest

from trading_pipeline.domain.dataset_shape import NumberFormat, TimestampFormat
from trading_pipeline.storage.user_files.cell_sql import timestamp_sql
from trading_pipeline.storage.user_files.plain_cells import is_plain_number, plain_stamp

SPACE = TimestampFormat(kind="datetime", formats=("%Y-%m-%d %H:%M:%S",), is_iso=True)
FORMS = {
    "space": SPACE,
    "t": replace(SPACE, formats=("%Y-%m-%dT%H:%M:%S",)),
    "slashes": replace(SPACE, formats=("%Y/%m/%d %H:%M",)),
    "minutes": replace(SPACE, formats=("%Y-%m-%d %H:%M",)),
    "days": replace(SPACE, kind="date", formats=("%Y-%m-%d",)),
    "offset": replace(SPACE, formats=("%Y-%m-%dT%H:%M:%S%z",)),
    "epoch_s": TimestampFormat(kind="epoch", unit="s"),
    "epoch_ms": TimestampFormat(kind="epoch", unit="ms"),
    "epoch_us": TimestampFormat(kind="epoch", unit="us"),
}
CELLS = (
    "2024-01-02 09:15:00", "2024-01-02T09:15:00", "2024/01/02 09:15", "2024-01-02 09:15",
    "2024-01-02",
    "2024-01-02 09:15:0Z", "2024-01-02 09:15:0z", "2024-01-02 09:1Z", "2024-01-02 09:15:00Z",
    "2024-01-02T09:15:00Z", "2024-01-02T09:15:00z", "2024-01-02T09:15:00+05:30",
    "2024-01-02T09:15:00-05:00",
    "2024-01-02T09:15:00+5 :30", "2024-01-02T09:15:00+05: 0", "2024-01-02T09:15:00+99:99",
    "2024-01-02 09+05:30", "2024-01-02 09:+05:30", "2024-01-02T09:15+05", "2024-01-02T09:15-05",
    "2024-01-02+05:30", "2024-01-02 09+0530", "2024-01-02 09:15 UTC", "2024-01-02 09:15:UTC",
    "2024-01-02 25:15:00", "2024-13-02 09:15:00", "2024-01-02 09:15:61", "xxxx-xx-xx xx:xx:xx",
    "    -  -     :  :  ",
    "2024-01-02 09:15:00.1234567", "2024-01-02 09:15:00.123456", "=2024-01-02 09:15:0", "",
    "infinity", "epoch",
    "1704186900", "1704186900.5", "1704186900000", "1704186900000000", "1704186900000000999",
    "0x65536000",
    "1.7041869e9", "1_704_186_900", "+1704186900", " 1704186900", "1704186900 ", "170418690E",
    "999999999", "5000000000",
    "4999999999", "1E9", "-1704186900", "1.704186E9", "17041869e2", "0b11111111",
    "９９９９９９９９９９",
)  # fmt: skip


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


@pytest.mark.parametrize("name", FORMS)
def test_no_cell_is_read_otherwise_than_the_careful_way_reads_it(connection, name):
    form = FORMS[name]
    plain, careful = plain_stamp("cell", form), timestamp_sql(["cell"], form)
    rows = connection.execute(
        f"SELECT cell, CASE WHEN {plain.condition} THEN {plain.moment} END AS fast, "
        f"{careful.moment}, coalesce({careful.aware}, false), coalesce({careful.loss}, false) "
        "FROM (SELECT unnest(?) AS cell)",
        [list(CELLS)],
    ).fetchall()
    fast = [row for row in rows if row[1] is not None]
    assert fast  # the form's own spelling at least
    for cell, moment, slow, aware, loss in fast:
        assert (cell, moment, plain.aware, False) == (cell, slow, aware, loss)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("space", "2024-01-02 09:15:00"),
        ("t", "2024-01-02T09:15:00"),
        ("slashes", "2024/01/02 09:15"),
        ("days", "2024-01-02"),
        ("offset", "2024-01-02T09:15:00Z"),
        ("offset", "2024-01-02T09:15:00-05:00"),
        ("epoch_ms", "1704186900000"),
    ],
)
def test_the_spelling_of_a_form_is_plain(connection, name, cell):
    plain = plain_stamp("cell", FORMS[name])
    (row,) = connection.execute(
        f"SELECT {plain.condition}, {plain.moment} FROM (SELECT ? AS cell)", [cell]
    ).fetchall()
    assert row[0]
    assert row[1] is not None


@pytest.mark.parametrize(
    "form",
    [
        TimestampFormat(kind="datetime", formats=("%d/%m/%Y %H:%M",)),
        replace(SPACE, formats=("%Y-%m-%d %H:%M:%S.%f",)),
        replace(SPACE, formats=("%Y-%m-%dT%H:%M%z",)),  # DuckDB wants seconds before an offset
        TimestampFormat(kind="epoch", unit="ns"),
        TimestampFormat(kind="epoch", unit="s", formats=("epoch_s",)),
    ],
)
def test_other_forms_have_no_plain_way(form):
    assert plain_stamp("cell", form) is None


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (NumberFormat(), True),
        (NumberFormat(magnitudes=True), True),
        (NumberFormat(decimal=","), False),
        (NumberFormat(thousands=","), False),
        (NumberFormat(symbols=True), False),
    ],
)
def test_numbers_with_marks_are_not_plain(form, expected):
    assert is_plain_number(form) is expected
