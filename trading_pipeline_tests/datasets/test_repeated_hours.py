"""Local stamps over the hours that clock changes repeat or skip: inspected and read alike."""

import pandas as pd
import pytest

from trading_pipeline.datasets import blocked_rows, profile_dataset, read_dataset_bars
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import bars_at, lines, rows_of

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]
CHANGES = [
    ("Europe/Berlin", "2024-10-27"), ("America/New_York", "2024-11-03"),
    ("Australia/Sydney", "2024-04-06"), ("Europe/London", "2024-10-27"),
]  # fmt: skip


def around(day, step, hours=36):
    middle = pd.Timestamp(day, tz="UTC")
    begin = middle - pd.Timedelta(hours=hours)
    return bars_at(pd.date_range(begin, periods=2 * hours * 60 // step, freq=f"{step}min"))


@pytest.fixture
def written(tmp_path):
    def make(rows, header=HEADER):
        path = tmp_path / "prices.csv"
        path.write_text(lines([header, *rows]), encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("step", [1, 15, 60])
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("answered", [False, True])
def test_the_hour_that_autumn_repeats_holds_no_duplicates(
    written, zone, day, step, newest_first, answered
):
    bars = around(day, step)
    rows = rows_of(bars, zone=zone)
    path = written(rows[::-1] if newest_first else rows)
    profile = profile_dataset(path, DatasetAnswers(tz=zone if answered else None))
    assert dict(profile.problems) == ({"descending": 1} if newest_first else {})
    assert profile.suggest_tz == zone
    assert (profile.missing_bars, profile.valid_rows) == (0, len(bars))
    assert blocked_rows(profile) == []
    assert (profile.first[:19].replace("T", " "), profile.last[:19].replace("T", " ")) == (
        rows[0][0],
        rows[-1][0],
    )
    found = read_dataset_bars(path, profile, DatasetAnswers(tz=zone))
    pd.testing.assert_frame_equal(found, bars, check_freq=False)


def test_a_repeated_row_in_that_hour_is_still_a_duplicate(written):
    rows = rows_of(around("2024-10-27", 1), zone="Europe/Berlin")
    position = next(i for i, row in enumerate(rows) if row[0].endswith("10-27 02:20:00"))
    rows.insert(position, rows[position])
    profile = profile_dataset(written(rows), DatasetAnswers(tz="Europe/Berlin"))
    assert dict(profile.problems) == {"duplicate_row": 1}


def test_one_pass_of_the_hour_is_read_as_the_first_and_the_other_is_missing(written):
    bars = around("2024-10-27", 1)
    index = pd.DatetimeIndex(bars.index)
    hour = (index >= "2024-10-27 01:00Z") & (index < "2024-10-27 02:00Z")
    path = written(rows_of(bars[~hour], zone="Europe/Berlin"))
    answers = DatasetAnswers(tz="Europe/Berlin", calendar="24/7")
    profile = profile_dataset(path, answers)
    assert profile.missing_bars == 60
    assert profile.other_findings["single_hour"] == 60
    found = read_dataset_bars(path, profile, answers)
    pd.testing.assert_frame_equal(found, bars[~hour], check_freq=False)


def test_interleaved_symbols_have_their_own_clocks(written):
    one, two = around("2024-10-27", 15), around("2024-10-27", 15)
    pairs = zip(rows_of(one, zone="Europe/Berlin"), rows_of(two, zone="Europe/Berlin"), strict=True)
    rows = [[name, *row] for pair in pairs for name, row in zip("AB", pair, strict=True)]
    path = written(rows, ["symbol", *HEADER])
    answers = DatasetAnswers(tz="Europe/Berlin", symbol="B")
    profile = profile_dataset(path, answers)
    assert dict(profile.problems) == {"multiple_symbols": 2}
    found = read_dataset_bars(path, profile, answers)
    pd.testing.assert_frame_equal(found, two, check_freq=False)


def test_rows_out_of_order_in_that_hour_are_told_by_both_and_refused(written):
    rows = rows_of(around("2024-10-27", 15), zone="Europe/Berlin")
    position = next(i for i, row in enumerate(rows) if row[0].endswith("10-27 02:15:00"))
    rows[position], rows[position + 1] = rows[position + 1], rows[position]
    answers = DatasetAnswers(tz="Europe/Berlin")
    path = written(rows)
    profile = profile_dataset(path, answers)
    assert "does not tell" in " ".join(blocked_rows(profile))
    with pytest.raises(DatasetFormatError, match="does not tell") as error:
        read_dataset_bars(path, profile)
    assert "Etc/" not in str(error.value)


def test_an_hour_that_spring_skips_is_told_by_both_and_refused(written):
    rows = rows_of(around("2024-03-31", 15))
    answers = DatasetAnswers(tz="Europe/Berlin")
    path = written(rows)
    profile = profile_dataset(path, answers)
    assert profile.other_findings["skipped_hour"] == 4
    assert "skips in spring" in " ".join(blocked_rows(profile))
    with pytest.raises(DatasetFormatError, match="skips that hour") as error:
        read_dataset_bars(path, profile)
    assert "Etc/" not in str(error.value)
