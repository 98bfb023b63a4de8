"""Tests of what is told beside a profile: what blocks, and a delimiter."""

import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset
from trading_pipeline.datasets.advice import blocked_rows, delimiter_advice
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

HEADER = ["date", "open", "high", "low", "close", "volume"]


def daily(end="2023-03-01"):
    return rows_of(session_bars("2022-01-03", end, "1d", "XNYS"), "%Y-%m-%d")


def profiled(tmp_path, rows, *, delimiter=",", **answers):
    path = tmp_path / "prices.csv"
    path.write_text(lines([HEADER, *rows], delimiter), encoding="utf-8")
    return path, profile_dataset(path, DatasetAnswers(**answers))


def spoiled(position, column, value):
    rows = daily()
    rows[position] = [value if i == column else cell for i, cell in enumerate(rows[position])]
    return rows


def test_a_sound_file_has_nothing_that_blocks(tmp_path):
    _, profile = profiled(tmp_path, daily())
    assert blocked_rows(profile) == []


@pytest.mark.parametrize(
    ("rows", "code", "mend"),
    [
        ([*daily()[:4], [*daily()[3][:5], "7"], *daily()[4:]], "1 row(s) repeat a stamp",
        "--duplicates"),
        (daily()[:4] + daily()[3:], "1 row(s) repeat an earlier one", "--duplicates"),
        (spoiled(3, 2, "0.01"), "high_below_low", "correct or take out"),
        (spoiled(3, 3, "-1"), "non_positive_price", "correct or take out"),
        (spoiled(3, 5, "-1"), "negative_volume", "--volume none"),
        ([row for i, row in enumerate(daily()) if i % 9 != 4], "XNYS expects are missing",
        "--max-missing"),
        ([[*row[:4], "n/a" if i % 9 == 4 else row[4], row[5]] for i, row in enumerate(daily())],
        "row(s) have an empty or unreadable price", "--max-missing"),
    ],
)  # fmt: skip
def test_what_add_would_refuse_is_said_with_how_many_and_the_mend(tmp_path, rows, code, mend):
    _, profile = profiled(tmp_path, rows, calendar="XNYS")
    said = " ".join(blocked_rows(profile))
    assert code in said
    assert mend in said


def test_an_answer_that_mends_is_not_told_again(tmp_path):
    rows = [*daily()[:4], [*daily()[3][:5], "7"], *daily()[4:]]
    assert blocked_rows(profiled(tmp_path, rows, duplicates="first")[1]) == []
    holes = [row for i, row in enumerate(daily()) if i % 9 != 4]
    assert blocked_rows(profiled(tmp_path, holes, calendar="XNYS", max_missing=0.2)[1]) == []


@pytest.mark.parametrize("mark", ["^", "~", "#"])
def test_an_uncommon_delimiter_is_suggested_and_can_be_given(tmp_path, mark):
    path, profile = profiled(tmp_path, daily(), delimiter=mark)
    assert not profile.accept
    assert f"--delimiter '{mark}'" in delimiter_advice(path, profile)
    profile = profile_dataset(path, DatasetAnswers(delimiter=mark))
    assert profile.accept
    assert (profile.delimiter, profile.valid_rows) == (mark, len(daily()))
    assert delimiter_advice(path, profile) == ""


def test_a_column_of_words_gets_no_advice(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("who\nme-and-you\n3.4\n", encoding="utf-8")
    assert delimiter_advice(path, profile_dataset(path)) == ""


def test_a_date_alone_needs_no_time_zone(tmp_path):
    _, profile = profiled(tmp_path, daily()[:1])
    assert [question.key for question in profile.open_questions] == ["timeframe"]


def test_the_zone_of_mixed_stamps_is_asked_before_the_timeframe(tmp_path):
    bars = session_bars("2024-01-02", "2024-01-04", "1h", "24/7")
    rows = rows_of(bars, "%Y-%m-%dT%H:%M:%S")
    mixed = [[row[0] + ("Z" if i % 3 == 0 else ""), *row[1:]] for i, row in enumerate(rows)]
    _, profile = profiled(tmp_path, mixed)
    assert profile.tz == "mixed"
    assert [question.key for question in profile.open_questions] == ["tz"]
    _, profile = profiled(tmp_path, mixed, tz="UTC")
    assert (profile.open_questions, profile.timeframe) == ((), "1h")


def test_few_dates_that_fit_several_exchanges_name_no_country(tmp_path):
    days = pd.bdate_range("2024-02-20", periods=18).strftime("%Y-%m-%d")
    _, profile = profiled(tmp_path, [[day, "10", "11", "9", "10", "5"] for day in days])
    assert profile.calendar == "24/5"
    _, profile = profiled(tmp_path, daily())
    assert profile.calendar == "XNYS"


@pytest.mark.parametrize(
    ("zone", "calendar"), [("Europe/Berlin", "XETR"), ("Europe/London", "XLON")]
)
def test_of_equal_hours_those_of_the_answered_zone_win(tmp_path, zone, calendar):
    bars = session_bars("2024-01-08", "2024-01-20", "15m", calendar)
    rows = rows_of(bars, "%Y-%m-%d %H:%M:%S", zone)
    _, profile = profiled(tmp_path, rows, tz=zone)
    assert profile.calendar == calendar
