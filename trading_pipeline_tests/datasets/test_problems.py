"""Every problem code on a small file that has just that fault, and files that cannot be bars."""

import codecs
import gzip
import io
import json
import zipfile

import pandas as pd
import pytest

from trading_pipeline.datasets import (
    preview_dataset,
    profile_dataset,
    read_dataset_bars,
)
from trading_pipeline.datasets.reading.encodings import require_inside
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

HEADER = ["Date", "Open", "High", "Low", "Close", "Volume"]
KEYS = (
    "accept reason encoding delimiter decimal thousands header skip_rows columns timestamp tz "
    "suggest_tz timeframe rows valid_rows first last symbols calendar missing_bars problems"
)


@pytest.fixture(scope="module")
def daily():
    return session_bars("2024-01-01", "2024-03-01", "1d", "XNYS")


@pytest.fixture
def rows(daily):
    """Rows of text of 41 sound daily bars; a test spoils some of them."""
    return rows_of(daily, "%Y-%m-%d")


@pytest.fixture
def profiled(tmp_path):
    def make(table, answers=None, header=HEADER, delimiter=","):
        path = tmp_path / "data.csv"
        if isinstance(table, bytes):
            path.write_bytes(table)
        elif isinstance(table, str):
            path.write_text(table, encoding="utf-8")
        else:
            head = [header] if header else []
            path.write_text(lines([*head, *table], delimiter), encoding="utf-8")
        return profile_dataset(path, answers)

    return make


def bars_of(profile, answers=None):
    from pathlib import Path

    return read_dataset_bars(Path(profile.path), profile, answers)


def test_a_sound_file_has_no_problem_and_the_published_keys_in_order(profiled, rows):
    profile = profiled(rows)
    assert list(profile.to_json()) == KEYS.split()
    assert profile.to_json()["problems"] == {}
    json.dumps(profile.to_json())


def test_duplicate_row_and_duplicate_conflict_are_told_apart(profiled, rows):
    other = [rows[5][0], *rows[6][1:]]
    profile = profiled([*rows[:6], rows[5], other, other, *rows[6:], rows[-1]])
    assert dict(profile.problems) == {"duplicate_row": 3, "duplicate_conflict": 1}
    assert profile.rows == profile.valid_rows == len(rows) + 4
    assert len(bars_of(profile)) == len(rows) + 4  # nothing is repaired unasked


@pytest.mark.parametrize(("keep", "place"), [("first", 5), ("last", 6)])
def test_an_answer_keeps_one_of_the_rows_of_a_stamp(profiled, rows, daily, keep, place):
    profile = profiled([*rows[:6], [rows[5][0], *rows[6][1:]], *rows[6:]])
    bars = bars_of(profile, DatasetAnswers(duplicates=keep))
    assert bars.index.equals(daily.index)
    assert bars["close"].iloc[5] == daily["close"].iloc[place]


def test_a_group_of_three_conflicting_rows_far_apart_is_found_after_sorting(profiled, rows):
    a, b = rows[3], [rows[3][0], *rows[4][1:]]
    profile = profiled([a, *rows[4:20], b, *rows[20:], a])
    assert profile.problems["duplicate_conflict"] == 1
    assert profile.problems["duplicate_row"] == 1
    assert profile.problems["unsorted"] == 2


def test_unsorted_counts_the_places_where_time_falls(profiled, rows, daily):
    profile = profiled([*rows[:10], rows[11], rows[10], *rows[12:]])
    assert dict(profile.problems) == {"unsorted": 1}
    pd.testing.assert_frame_equal(bars_of(profile), daily, check_freq=False)


def test_descending_is_not_unsorted(profiled, rows, daily):
    profile = profiled(rows[::-1])
    assert dict(profile.problems) == {"descending": 1}
    pd.testing.assert_frame_equal(bars_of(profile), daily, check_freq=False)


@pytest.mark.parametrize("cell", ["", "NaN", "null", "-", "n/a", "inf", "12..5"])
def test_null_ohlc_rows_are_no_bars_and_skip_the_other_checks(profiled, rows, cell):
    rows[4][2] = cell  # the high: were it read as 0, it would stand below the low
    profile = profiled(rows)
    assert dict(profile.problems) == {"null_ohlc": 1, "missing_bar": 1}
    assert (profile.rows, profile.valid_rows) == (len(rows), len(rows) - 1)
    assert len(bars_of(profile)) == len(rows) - 1


def test_high_below_low(profiled, rows):
    rows[4][2], rows[4][3] = rows[4][3], rows[4][2]
    assert dict(profiled(rows).problems) == {"high_below_low": 1, "ohlc_inconsistent": 1}


def test_ohlc_inconsistent(profiled, rows):
    rows[4][1] = "500.00"  # open above high
    assert dict(profiled(rows).problems) == {"ohlc_inconsistent": 1}


def test_non_positive_price_counts_rows(profiled, rows):
    rows[4][1:5] = ["-1.00", "0.00", "-2.00", "-1.00"]
    assert dict(profiled(rows).problems) == {"non_positive_price": 1}


def test_zero_and_negative_volume(profiled, rows):
    rows[4][5], rows[5][5], rows[6][5] = "0", "0", "-3"
    assert dict(profiled(rows).problems) == {"zero_volume": 2, "negative_volume": 1}


def test_a_missing_volume_is_read_as_zero_and_counted_apart(profiled, rows):
    rows[4][5] = ""
    profile = profiled(rows)
    assert dict(profile.problems) == {}
    assert dict(profile.other_findings) == {"missing_volume": 1}
    assert bars_of(profile)["volume"].iloc[4] == 0.0


def test_price_spike_must_come_back(profiled, rows):
    rows[10][1:5] = [f"{float(cell) * 10:.2f}" for cell in rows[10][1:5]]
    assert dict(profiled(rows).problems) == {"price_spike": 1}
    for row in rows[11:]:  # a step that stays is no spike
        row[1:5] = [f"{float(cell) * 10:.2f}" for cell in row[1:5]]
    assert dict(profiled(rows).problems) == {}


@pytest.mark.parametrize(("length", "runs"), [(4, 0), (5, 1), (12, 1)])
def test_stale_run_needs_five_bars(profiled, rows, length, runs):
    for row in rows[10 : 10 + length]:
        row[1:5] = rows[10][1:5]
    assert profiled(rows).problems.get("stale_run", 0) == runs


def test_missing_bar_against_the_calendar_that_was_found(profiled, rows):
    profile = profiled([*rows[:10], *rows[12:]])
    assert dict(profile.problems) == {"missing_bar": 2}
    assert (profile.calendar, profile.missing_bars) == ("XNYS", 2)


def test_extra_bars_stand_apart_from_the_published_codes(profiled, rows):
    saturday = ["2024-01-06", *rows[3][1:]]
    profile = profiled([*rows[:4], saturday, *rows[4:]])
    assert dict(profile.problems) == {}
    assert dict(profile.other_findings) == {"extra_bar": 1}


def aware_rows():
    bars = session_bars("2024-01-01", "2024-01-15", "1h", "24/7")
    return bars, rows_of(bars, "%Y-%m-%d %H:%M:%S+00:00")


def test_mixed_tz_counts_the_naive_rows_and_asks_for_their_zone(profiled):
    bars, rows = aware_rows()
    for row in (rows[0], rows[7], rows[8]):
        row[0] = row[0].removesuffix("+00:00")
    profile = profiled(rows)
    assert profile.tz == "mixed"
    assert profile.problems["mixed_tz"] == 3
    assert profile.valid_rows == len(rows) - 3
    with pytest.raises(DatasetFormatError, match=r"3 row.* carry no offset"):
        bars_of(profile)
    answers = DatasetAnswers(tz="UTC")
    answered = profiled(rows, answers)
    assert answered.valid_rows == len(rows)
    pd.testing.assert_frame_equal(bars_of(answered), bars, check_freq=False)


def test_a_naive_row_does_not_get_the_offset_of_the_row_before(profiled):
    bars, rows = aware_rows()
    berlin = bars.index.tz_convert("Europe/Berlin")
    for row, stamp in zip(rows, berlin, strict=True):
        row[0] = stamp.isoformat(sep=" ")
    rows[5][0] = "2024-01-01 05:00:00"
    profile = profiled(rows, DatasetAnswers(tz="UTC"))
    pd.testing.assert_frame_equal(bars_of(profile), bars, check_freq=False)


def test_a_truncated_line_changes_neither_the_delimiter_nor_the_other_rows(profiled, rows, daily):
    text = lines([HEADER, *rows])
    cut = text[: text.rindex(",") - 2]  # the end of the last line is missing
    profile = profiled(cut)
    assert profile.delimiter == ","
    assert profile.problems["truncated_line"] == 1
    assert (profile.rows, profile.valid_rows) == (len(rows), len(rows) - 1)
    pd.testing.assert_frame_equal(bars_of(profile), daily.iloc[:-1], check_freq=False)


def test_a_cut_line_in_the_middle_with_other_delimiters_in_it(profiled, rows):
    rows[20] = ["2024;01|30\t12.5;1"]
    profile = profiled(rows)
    assert profile.delimiter == ","
    assert profile.problems["truncated_line"] == 1


def test_bom_is_reported_and_is_no_part_of_the_first_name(profiled, rows):
    profile = profiled(codecs.BOM_UTF8 + lines([HEADER, *rows]).encode())
    assert dict(profile.problems) == {"bom": 1}
    assert profile.columns["timestamp"] == ["Date"]


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\n\n  \n"])
def test_empty_file(profiled, content):
    profile = profiled(content)
    assert not profile.accept
    assert profile.problems["empty_file"] == 1
    assert profile.reason


def test_no_rows(profiled):
    profile = profiled(lines([HEADER]))
    assert not profile.accept
    assert dict(profile.problems) == {"no_rows": 1}
    assert "no row" in profile.reason


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("prices.csv", "a,b\n1,2\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (archive(), "zip"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
        (b"Date,Open\n2024-01-01,\x00\x01\x02\n", "NUL"),
        (bytes(range(256)) * 4, "NUL"),
        (b"%PDF-1.7 ...", "PDF"),
    ],
)
def test_binary_file(profiled, content, what):
    profile = profiled(content)
    assert not profile.accept
    assert dict(profile.problems) == {"binary_file": 1}
    assert what in profile.reason


def test_missing_column_counts_the_absent_roles_and_names_them(profiled, rows):
    profile = profiled(
        [[r[0], r[1], r[4], r[5]] for r in rows], header=["Date", "Open", "Close", "Volume"]
    )
    assert not profile.accept
    assert dict(profile.problems) == {"missing_column": 2}
    assert "high, low" in profile.reason
    with pytest.raises(DatasetFormatError, match="high, low"):
        bars_of(profile)


def test_multiple_symbols(profiled, rows):
    table = [["AAPL" if i % 2 else "IBM", *row] for i, row in enumerate(rows)]
    profile = profiled(table, header=["Symbol", *HEADER])
    assert profile.problems["multiple_symbols"] == 2


def test_ambiguous_date_asks_and_reads_both_ways(profiled, rows):
    table = [[f"0{1 + i % 2}/0{3 + i}/2024", *row[1:]] for i, row in enumerate(rows[:2])]
    profile = profiled(table, DatasetAnswers(timeframe="1d"))
    assert profile.accept
    assert profile.problems["ambiguous_date"] == 2
    assert [question.flag for question in profile.open_questions] == ["--date-order"]
    with pytest.raises(DatasetFormatError, match="--date-order"):
        bars_of(profile)
    read = [
        bars_of(profile, DatasetAnswers(date_order=order, timeframe="1d")).index.month.tolist()
        for order in ("dmy", "mdy")
    ]
    assert read == [[3, 4], [1, 2]]


def test_days_above_12_far_behind_the_head_decide_the_date_order(profiled):
    bars = session_bars("2024-01-01", "2024-12-31", "1h", "24/7")
    early = bars[(bars.index.day <= 12) & (bars.index.month <= 12)]
    order = [*early.index, *bars.index.difference(early.index)]
    rows = rows_of(bars.loc[order], "%d/%m/%Y %H:%M")
    profile = profiled(rows, DatasetAnswers(tz="UTC"))
    assert profile.timestamp["format"] == "%d/%m/%Y %H:%M"
    assert "ambiguous_date" not in profile.problems
    assert profile.valid_rows == len(bars)


def test_steps_and_weekends_decide_between_day_and_month(profiled):
    february = session_bars("2024-02-01", "2024-02-13", "1d", "XNYS")
    profile = profiled(rows_of(february, "%d/%m/%Y"))
    assert profile.timestamp["format"] == "%d/%m/%Y"
    assert profile.open_questions == ()
    pd.testing.assert_frame_equal(bars_of(profile), february, check_freq=False)


def test_timestamp_precision_loss(profiled):
    bars = session_bars("2024-01-01", "2024-01-15", "1h", "24/7")
    nanoseconds = [str(int(stamp.value)) for stamp in bars.index]
    nanoseconds[3] = nanoseconds[3][:-1] + "7"
    rows = [[n, *row[1:]] for n, row in zip(nanoseconds, rows_of(bars), strict=True)]
    profile = profiled(rows)
    assert profile.timestamp["unit"] == "ns"
    assert dict(profile.problems) == {"timestamp_precision_loss": 1}
    iso = rows_of(bars, "%Y-%m-%dT%H:%M:%S.000000000Z")
    iso[3][0] = iso[3][0].replace(".000000000", ".000000001")
    assert dict(profiled(iso).problems) == {"timestamp_precision_loss": 1}


def test_a_file_over_the_size_limit_is_refused_unread(tmp_path, rows):
    path = tmp_path / "data.csv"
    path.write_text(lines([HEADER, *rows]), encoding="utf-8")
    profile = profile_dataset(path, max_bytes=100)
    assert not profile.accept
    assert "at most 100" in profile.reason
    assert profile.rows == 0


@pytest.mark.parametrize(
    ("place", "cell"),
    [(1, '=HYPERLINK("http://x")'), (5, "@SUM(1)"), (0, "+cmd|' /C calc'!A0"), (4, "-cmd")],
)
def test_a_formula_cell_is_refused_with_its_row(profiled, rows, place, cell):
    rows[30][place] = cell
    profile = profiled(rows)
    assert not profile.accept
    assert "Row 31" in profile.reason
    assert "formula" in profile.reason


def test_a_formula_as_symbol_is_refused(profiled, rows):
    table = [["+cmd" if i == 9 else "IBM", *row] for i, row in enumerate(rows)]
    profile = profiled(table, header=["Symbol", *HEADER])
    assert not profile.accept
    assert "formula" in profile.reason


def test_a_text_that_is_no_table_is_refused_with_a_reason(profiled):
    for text in ("hello\nworld\n", "<html><body>no</body></html>\n", '{"a": [1, 2]}\n'):
        profile = profiled(text)
        assert not profile.accept
        assert profile.reason


def test_stamps_that_nothing_can_read_are_named(profiled, rows):
    for row in rows:
        row[0] = "week " + row[0][-2:]
    profile = profiled(rows)
    assert not profile.accept
    assert "time stamps" in profile.reason


def test_single_bad_stamps_are_counted_and_left_out(profiled, rows):
    rows[3][0] = "2024-13-45"
    profile = profiled(rows)
    assert dict(profile.other_findings) == {"bad_timestamp": 1}
    assert profile.valid_rows == len(rows) - 1


def test_a_row_with_too_many_cells_is_read_and_counted(profiled, rows):
    rows[3] += ["x", "y", "z"]
    profile = profiled(rows)
    assert dict(profile.other_findings) == {"extra_cells": 1}
    assert profile.rows == len(rows)


def test_a_damaged_parquet_file_is_a_typed_error(tmp_path):
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1" + b"nothing of the kind" * 10)
    with pytest.raises(DatasetFormatError, match="cannot be read as a table"):
        profile_dataset(path)


def test_a_missing_file_and_a_folder_are_typed_errors(tmp_path):
    with pytest.raises(DatasetFormatError, match="No such file"):
        profile_dataset(tmp_path / "none.csv")
    with pytest.raises(DatasetFormatError, match="not a file"):
        profile_dataset(tmp_path)


def test_a_name_with_marks_of_a_pattern_is_one_file(tmp_path, rows):
    for name in ("a[1].csv", "b*.csv"):
        (tmp_path / name).write_text(lines([HEADER, *rows]), encoding="utf-8")
    (tmp_path / "bb.csv").write_text(lines([HEADER, *rows, *rows]), encoding="utf-8")
    assert profile_dataset(tmp_path / "a[1].csv").rows == len(rows)
    assert profile_dataset(tmp_path / "b*.csv").rows == len(rows)


def test_an_unclosed_quote_does_not_hide_rows_in_silence(profiled, rows):
    rows[20][5] = '"1000'
    try:
        profile = profiled(rows)
    except DatasetFormatError:
        return
    lost = len(rows) - profile.valid_rows
    assert lost == 0 or profile.problems or profile.other_findings


def test_a_path_must_lie_inside_the_folder(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "secret.csv").write_text("x", encoding="utf-8")
    (inbox / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inbox / "good.csv").write_text("x", encoding="utf-8")
    assert require_inside(inbox / "good.csv", inbox) == (inbox / "good.csv").resolve()
    for path in (inbox / "link.csv", inbox / ".." / "secret.csv", tmp_path / "inbox2", inbox):
        with pytest.raises(DatasetFormatError, match="outside"):
            require_inside(path, inbox)


def test_a_file_that_changed_since_its_profile_is_not_read(tmp_path, rows):
    path = tmp_path / "data.csv"
    path.write_text(lines([HEADER, *rows]), encoding="utf-8")
    profile = profile_dataset(path)
    path.write_text(lines([HEADER, *rows[:-1]]), encoding="utf-8")
    with pytest.raises(DatasetFormatError, match="Profile it again"):
        read_dataset_bars(path, profile)


def test_preview_reads_the_head_only_and_refuses_what_is_no_text(tmp_path, rows):
    path = tmp_path / "data.csv"
    path.write_text(lines([HEADER, *rows]), encoding="utf-8")
    shown = preview_dataset(path, rows=3)
    assert shown.rows == tuple(tuple(row) for row in rows[:3])
    assert shown.roles == {0: "timestamp", 1: "open", 2: "high", 3: "low", 4: "close", 5: "volume"}
    for content in (b"", archive()):
        path.write_bytes(content)
        with pytest.raises(DatasetFormatError, match="cannot be shown"):
            preview_dataset(path)
