"""Reading declared inputs: when a row is known, and files that are refused."""

from __future__ import annotations

import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.market_data.external_inputs import read_external_input
from trading_pipeline.settings.external_input import ExternalInputSpec

BY_STAMP = {"name": "vix", "file": "vix.csv", "known_at": "published"}
BY_DATE = {
    "name": "vix",
    "file": "vix.csv",
    "date": "day",
    "known": "17:30",
    "zone": "America/New_York",
}


@pytest.fixture
def read(tmp_path):
    """Reads the text as the file of an input."""

    def reading(text, **entry):
        (tmp_path / "vix.csv").write_text(text, encoding="utf-8")
        return read_external_input(ExternalInputSpec(**entry), tmp_path)

    return reading


def test_a_date_is_known_at_its_time_of_day_in_winter_and_summer(read):
    found = read("day,close\n2024-01-02,13.2\n2024-07-02,12.0\n", **BY_DATE)
    assert found.frame["known_at"].tolist() == [
        pd.Timestamp("2024-01-02 22:30", tz="UTC"),
        pd.Timestamp("2024-07-02 21:30", tz="UTC"),
    ]
    assert found.frame["close"].tolist() == [13.2, 12.0]
    assert found.shown.startswith("vix: vix.csv, 2 rows, ")


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_stamps_with_an_offset_are_moments_whatever_the_zone(read, zone):
    text = "published,close,state\n2024-01-02T17:30:00-05:00,13,calm\n2024-01-03 22:30Z,14,wild\n"
    found = read(text, **BY_STAMP, zone=zone)
    assert found.frame["known_at"].tolist() == [
        pd.Timestamp("2024-01-02 22:30", tz="UTC"),
        pd.Timestamp("2024-01-03 22:30", tz="UTC"),
    ]
    assert found.frame["close"].dtype == "float64"
    assert found.frame["state"].tolist() == ["calm", "wild"]


def test_stamps_without_an_offset_are_read_in_the_zone_of_the_input(read):
    found = read("published,x\n2024-01-02 17:30,1\n", **BY_STAMP, zone="America/New_York")
    assert found.frame["known_at"].tolist() == [pd.Timestamp("2024-01-02 22:30", tz="UTC")]


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_parquet_files_are_read_with_their_types(tmp_path, unit):
    stamps = pd.DatetimeIndex(["2024-01-02 22:30", "2024-01-03 22:30"], tz="UTC").as_unit(unit)
    pd.DataFrame({"published": stamps, "x": [1, 2]}).to_parquet(tmp_path / "vix.parquet")
    spec = ExternalInputSpec(name="vix", file="vix.parquet", known_at="published")
    found = read_external_input(spec, tmp_path)
    assert found.frame["known_at"].tolist() == stamps.tolist()
    assert found.frame["x"].dtype == "float64"
    dates = pd.DataFrame({"day": stamps.tz_localize(None).normalize(), "x": [1, 2]})
    dates.to_parquet(tmp_path / "days.parquet")
    by_date = ExternalInputSpec(**BY_DATE | {"file": "days.parquet"})
    assert read_external_input(by_date, tmp_path).frame["known_at"].tolist() == stamps.tolist()


@pytest.mark.parametrize(
    ("entry", "text", "message"),
    [
        (BY_STAMP, "published,x\n2024-01-02 17:30,1\n", "line 2: .* a stamp without a zone"),
        (
            BY_STAMP,
            "published,x\n2024-01-02T00:00Z,1\n2024-01-03 17:30,1\n",
            "line 3: .*without an offset",
        ),
        (BY_STAMP, "published,x\n2024-01-02T00:00Z,1\nsoon,1\n", "line 3: .*'soon'"),
        (BY_STAMP, "published,x\n2024-01-02T00:00Z,1\n,1\n", "line 3: the row has no 'published'"),
        (BY_STAMP, "published,x\n1704150000,1\n", "1704150000"),
        (BY_STAMP, "published,x\n2024-01-02,1\n", "line 2: .* a stamp without a zone"),
        (
            BY_STAMP,
            "published,x\n2024-01-02T00:00Z,1\n2024-01-02T01:00+01:00,1\n",
            "line 3: .*as is the row before it. Keep one row",
        ),
        (
            BY_STAMP,
            "published,x\n2024-01-03T00:00Z,1\n2024-01-02T00:00Z,1\n",
            "line 3: .*before the row above it .* Sort the file by 'published'",
        ),
        (BY_STAMP, "published,x\n2024-01-02T00:00Z,\n", "line 2: the row has no value in .* 'x'"),
        (
            BY_STAMP,
            "published,x\n2024-01-02T00:00Z,1\n2024-01-03T00:00Z,.\n2024-01-04T00:00Z,2\n",
            r"line 3: the row has '\.' in the column 'x', which holds numbers",
        ),
        (BY_STAMP, "published,x\n2024-01-02T00:00Z,inf\n", "line 2: the row has inf in 'x'"),
        (BY_STAMP, "published,x\n", "has no rows"),
        (BY_DATE, "day,x\n2024-01-02 10:00,1\n", "line 2: .*more than a date"),
        (BY_DATE, "day,x\n01/02/2024,1\n", "line 2: .*no date or stamp. Write it as ISO 8601"),
        (
            BY_DATE | {"known": "02:30"},
            "day,x\n2024-03-09,1\n2024-03-10,1\n",
            "line 3: .*2024-03-10 02:30:00 in America/New_York, a time that does not exist",
        ),
        (
            BY_DATE | {"known": "01:30"},
            "day,x\n2024-11-02,1\n2024-11-03,1\n",
            "line 3: .*2024-11-03 01:30:00 in America/New_York, a time that occurs twice",
        ),
    ],
)
def test_what_is_unclear_is_refused_with_its_line_and_a_way_out(read, entry, text, message):
    with pytest.raises(DataQualityError, match=message) as caught:
        read(text, **entry)
    assert "The input 'vix'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_and_columns_that_are_not_there_are_named(read, tmp_path):
    with pytest.raises(ConfigurationError, match=r"no column 'published'.*Did you mean 'publishd'"):
        read("publishd,x\n2024-01-02T00:00Z,1\n", **BY_STAMP)
    with pytest.raises(ConfigurationError, match=r"which is not there.*Did you mean 'vix.csv'"):
        read("published,x\n", **BY_STAMP | {"file": "vix2.csv"})
    with pytest.raises(ConfigurationError, match="cannot be read: EmptyDataError"):
        read("", **BY_STAMP)
    (tmp_path / "bad.parquet").write_text("no parquet")
    with pytest.raises(ConfigurationError, match="cannot be read: ArrowInvalid"):
        read("", **BY_STAMP | {"file": "bad.parquet"})


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "outside.csv").write_text("published,x\n2024-01-02T00:00Z,1\n")
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "vix.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(ConfigurationError, match="leads out of"):
        read_external_input(ExternalInputSpec(**BY_STAMP), folder)


def test_the_hash_covers_the_rows_that_were_known_and_no_later_one(read):
    text = "published,x\n2024-01-02T00:00Z,1\n2024-01-03T00:00Z,2\n"
    first = read(text, **BY_STAMP)
    longer = read(text + "2024-01-04T00:00Z,3\n", **BY_STAMP)
    other = read(text.replace(",2", ",2.5"), **BY_STAMP)
    moment = pd.Timestamp("2024-01-03", tz="UTC")
    assert longer.hash_until(moment) == first.hash_until(moment) != other.hash_until(moment)
    later = moment + pd.Timedelta("1D")
    assert longer.hash_until(later) != first.hash_until(later)
    before = moment - pd.Timedelta("1h")
    assert other.hash_until(before) == first.hash_until(before)
    assert first.hash_until(None) == other.hash_until(None)
