"""A number that cannot be read makes the passes begin again, and nothing is counted twice."""

from dataclasses import replace

import pytest

from trading_pipeline.datasets.checks.passes import tally_file
from trading_pipeline.datasets.reading.rows import row_batches
from trading_pipeline.domain.dataset_shape import NumberFormat, TableShape, TimestampFormat
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files.csv_scan import TableScan, open_scan

ROWS = 60_000
ROLES = ("timestamp", "open", "high", "low", "close", "volume")
SHAPE = TableShape(
    encoding="utf-8",
    delimiter=",",
    header=False,
    skip_rows=0,
    header_rows=0,
    width=6,
    names=ROLES,
    positions={role: (i,) for i, role in enumerate(ROLES)},
    timestamp=TimestampFormat(kind="epoch", unit="s"),
)


def lines(rows=ROWS):
    return [f"{1_700_000_040 + 60 * i},1.5,2,1,{1.2 + i % 7 / 10},{i + 1}\n" for i in range(rows)]


@pytest.fixture
def tallied(tmp_path):
    def tally(texts, shape=SHAPE):
        path = tmp_path / "data.csv"
        path.write_text("".join(texts), encoding="utf-8")
        seen = []
        with open_scan(path, shape) as scan:
            found = tally_file(scan, naive_zone=None, on_series=seen.append)
        return found, seen

    return tally


@pytest.fixture
def passes(monkeypatch):
    """How the rows of a file were read, one entry for each pass."""
    seen, batches = [], TableScan.batches

    def spied(scan, **knobs):
        seen.append(knobs.get("trusting", False))
        return batches(scan, **knobs)

    monkeypatch.setattr(TableScan, "batches", spied)
    return seen


def test_a_clean_file_is_read_once(tallied, passes):
    found, series = tallied(lines())
    assert passes == [True]
    assert (found.rows.rows, found.rows.valid_rows) == (ROWS, ROWS)
    assert (len(series), series[0].stamps, series[0].steps) == (1, ROWS, {60_000_000: ROWS - 1})
    assert not found.rows.all_problems()


@pytest.mark.parametrize("cell", ["", "n/a", "=1+1"])
def test_a_cell_at_the_end_that_is_no_number_begins_again_and_counts_once(tallied, passes, cell):
    texts = lines()
    texts[-5] = texts[-5].replace(",1.5,", f",{cell},")
    found, series = tallied(texts)
    assert passes == [True, False]
    assert (found.rows.rows, found.rows.valid_rows, found.duplicate_rows) == (ROWS, ROWS - 1, 0)
    assert found.rows.all_problems() == {"null_ohlc": 1}
    assert found.rows.first_formula_row == (ROWS - 4 if cell.startswith("=") else None)
    assert series[0].stamps == ROWS - 1


def test_faults_that_are_numbers_need_no_second_pass(tallied, passes):
    texts = lines(200)
    texts[3] = texts[3].replace(",1.5,2,", ",1.5,0.5,")  # the high below the low
    texts[9] = texts[8]
    texts[20] = "1700001240,1.5,2\n"
    found, _ = tallied(texts)
    assert passes == [True]
    assert found.rows.problems["high_below_low"] == 1
    assert found.rows.problems["truncated_line"] == 1
    assert found.duplicate_rows == 1


def test_numbers_with_other_marks_are_read_cell_by_cell(tallied):
    texts = [line.replace(",", ";").replace(".", ",") for line in lines(50)]
    shape = replace(SHAPE, delimiter=";", numbers=NumberFormat(decimal=","))
    found, _ = tallied(texts, shape)
    assert found.rows.valid_rows == 50


def test_a_file_that_cannot_be_read_at_all_says_so_after_the_careful_pass(tallied, passes):
    with pytest.raises(DatasetFormatError, match="longer than 1,000,000"):
        tallied([*lines(3), "9" * 1_100_000 + "\n"])
    assert passes == [True, False]


def test_batches_without_a_column_of_symbols_belong_to_one(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("".join(lines(3)), encoding="utf-8")
    codes = {}
    with open_scan(path, SHAPE) as scan:
        (batch,) = row_batches(scan, codes)
    assert batch.codes.tolist() == [0, 0, 0]
    assert codes == {"": 0}
    assert batch.prices.shape == (3, 4)
    assert batch.readable.all()
