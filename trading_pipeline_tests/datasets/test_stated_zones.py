"""Zones that a file states itself: in stamps, in the header, by the form; and stamps that lost
digits."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset, read_dataset_bars
from trading_pipeline.datasets.columns.zone_names import header_zone
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

NEW_YORK = "America/New_York"
NAMES = ["open", "high", "low", "close", "volume"]


@pytest.fixture(scope="module")
def minutes():
    return session_bars("2024-01-02", "2024-01-05", "5m", "XNYS")


@pytest.fixture(scope="module")
def hours():
    return session_bars("2024-01-01", "2024-01-15", "1h", "24/7")


@pytest.fixture
def written(tmp_path):
    def make(rows, stamp="date", delimiter=","):
        path = tmp_path / "prices.csv"
        path.write_text(lines([[stamp, *NAMES], *rows], delimiter), encoding="utf-8")
        return path

    return make


def read(path, **answers):
    given = DatasetAnswers(**answers)
    profile = profile_dataset(path, given)
    assert profile.accept, profile.reason
    return profile, read_dataset_bars(path, profile, given)


def same(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_freq=False)


@pytest.mark.parametrize(
    ("form", "zone", "tz"),
    [
        ("%Y%m%d %H:%M:%S US/Eastern", NEW_YORK, "offset"),
        ("%Y%m%d %H:%M:%S America/Chicago", "America/Chicago", "offset"),
        ("%Y-%m-%d %H:%M Asia/Tokyo", "Asia/Tokyo", "offset"),
        ("%d.%m.%Y %H:%M:%S Europe/Berlin", "Europe/Berlin", "offset"),
        ("%Y%m%d %H:%M:%S Japan", "Asia/Tokyo", "offset"),
        ("%Y%m%d-%H:%M:%S", "UTC", "UTC"),
        ("%Y%m%d %H:%M:%S UTC", "UTC", "UTC"),
        ("%Y%m%dT%H%M%SZ", "UTC", "UTC"),
        ("%d.%m.%Y %H:%M UTC", "UTC", "UTC"),
        ("%d.%m.%Y %H:%M:%S.000 GMT%z", "Europe/Berlin", "offset"),
        ("%d/%m/%Y %H:%M%z", "Europe/Berlin", "offset"),
    ],
)
def test_stamps_that_name_their_zone_ask_nothing(written, minutes, form, zone, tz):
    profile, bars = read(written(rows_of(minutes, form, zone)), date_order="dmy")
    same(bars, minutes)
    assert profile.open_questions == ()
    assert (profile.tz, profile.timeframe, profile.calendar) == (tz, "5m", "XNYS")
    assert profile.missing_bars == 0


def test_two_blanks_between_date_and_time_are_read_and_the_zone_is_asked(written, minutes):
    path = written(rows_of(minutes, "%Y%m%d  %H:%M:%S", NEW_YORK))
    profile = profile_dataset(path)
    assert [each.key for each in profile.open_questions] == ["tz"]
    assert profile.suggest_tz == NEW_YORK
    same(read(path, tz=NEW_YORK)[1], minutes)


def test_an_answer_does_not_override_a_zone_that_the_stamps_name(written, minutes):
    path = written(rows_of(minutes, "%Y%m%d %H:%M:%S US/Eastern", NEW_YORK))
    same(read(path, tz="Asia/Tokyo")[1], minutes)


def test_several_named_zones_are_refused_by_their_names(written, minutes):
    rows = rows_of(minutes, "%Y%m%d %H:%M:%S US/Eastern", NEW_YORK)
    rows[1::2] = rows_of(minutes, "%Y%m%d %H:%M:%S Asia/Tokyo", "Asia/Tokyo")[1::2]
    profile = profile_dataset(written(rows))
    assert not profile.accept
    assert "Asia/Tokyo, US/Eastern" in profile.reason


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Gmt time", "UTC"), ("Time (UTC)", "UTC"), ("timestamp_utc", "UTC"),
        ("datetimeUTC", "UTC"), ("Time (GMT+0)", "UTC"), ("Date (America/New_York)", NEW_YORK),
        ("time [europe/london]", "Europe/London"),
    ],
)  # fmt: skip
def test_a_zone_in_the_header_is_an_answer(written, minutes, name, zone):
    profile, bars = read(written(rows_of(minutes, zone=zone), name))
    same(bars, minutes)
    assert profile.open_questions == ()
    assert profile.tz == ("UTC" if zone == "UTC" else "naive")
    assert profile.suggest_tz == zone


@pytest.mark.parametrize("name", ["time", "Time (EST)", "Time (GMT+2)", "Local time", "UTC+1 time"])
def test_a_header_that_names_no_clock_leaves_the_question(name):
    assert header_zone([name]) is None


def test_an_answer_overrides_what_the_header_says(written, minutes):
    path = written(rows_of(minutes, zone=NEW_YORK), "Gmt time")
    same(read(path, tz=NEW_YORK)[1], minutes)


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d %H:%M:%S"])
@pytest.mark.parametrize("descending", [False, True])
def test_stamps_without_an_offset_among_others_are_counted_and_asked(
    written, hours, form, descending
):
    suffix = " UTC" if form == "%Y%m%d %H:%M:%S" else "+0200"
    zone = "UTC" if suffix == " UTC" else "Etc/GMT-2"
    aware = rows_of(hours, form + suffix, zone)
    if form.startswith("%Y-"):
        aware = [[f"{row[0][:-2]}:00", *row[1:]] for row in aware]
    naive = rows_of(hours, form, "Europe/Berlin")
    mixed = [naive[i] if i % 7 == 3 else row for i, row in enumerate(aware)]
    path = written(mixed[::-1] if descending else mixed)
    profile = profile_dataset(path)
    assert profile.tz == "mixed"
    assert profile.problems["mixed_tz"] == len(hours[3::7])
    assert [each.key for each in profile.open_questions] == ["tz"]
    same(read(path, tz="Europe/Berlin")[1], hours)


CUT = "{:.5E}"


@pytest.mark.parametrize(
    "stamp",
    [
        lambda ts: CUT.format(ts.value // 10**6),
        lambda ts: CUT.format(ts.value // 10**9),
        lambda ts: CUT.format(ts.value // 10**3).replace("E", "e"),
        lambda ts: CUT.format(int(f"{ts:%Y%m%d%H%M}")),
        lambda ts: CUT.format(int(f"{ts:%Y%m%d}")),
    ],
)
def test_epochs_cut_by_a_spreadsheet_are_refused_before_conflicts_are_counted(
    written, hours, stamp
):
    rows = [[stamp(ts), *r[1:]] for ts, r in zip(hours.index, rows_of(hours), strict=True)]
    profile = profile_dataset(written(rows))
    assert not profile.accept
    assert "spreadsheet" in profile.reason
    assert "duplicate_conflict" not in profile.problems
    with pytest.raises(DatasetFormatError, match="lost"):
        read_dataset_bars(written(rows), profile)


def test_a_single_cut_epoch_far_behind_the_head_is_refused_too(written):
    bars = session_bars("2024-01-01", "2024-03-15", "1h", "24/7")
    stamps = [str(ts.value // 10**6) for ts in bars.index]
    rows = [[stamp, *r[1:]] for stamp, r in zip(stamps, rows_of(bars), strict=True)]
    rows[1500][0] = "1.70952E+12"
    profile = profile_dataset(written(rows))
    assert not profile.accept
    assert profile.problems["timestamp_precision_loss"] == 1


def test_decimal_commas_do_not_hide_a_cut_epoch(written, hours):
    rows = [
        [CUT.format(ts.value // 10**6).replace(".", ","), *r[1:]]
        for ts, r in zip(hours.index, rows_of(hours), strict=True)
    ]
    assert "spreadsheet" in profile_dataset(written(rows, delimiter=";")).reason


def test_an_exponent_with_all_its_digits_lost_nothing(written, hours):
    rows = [
        [f"{np.float64(ts.value // 10**6):.18e}", *r[1:]]
        for ts, r in zip(hours.index, rows_of(hours), strict=True)
    ]
    profile, bars = read(written(rows))
    same(bars, hours)
    assert dict(profile.problems) == {}
