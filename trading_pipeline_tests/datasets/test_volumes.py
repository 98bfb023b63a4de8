"""Volumes: sums of two columns, and what is said where there are none."""

import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset, read_dataset_bars, remarks
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

PRICES = ["Open", "High", "Low", "Close"]


@pytest.fixture(scope="module")
def daily():
    return session_bars("2024-01-01", "2024-04-01", "1d", "XNYS")


@pytest.fixture
def written(tmp_path):
    def make(header, rows):
        path = tmp_path / "prices.csv"
        path.write_text(lines([header, *rows]), encoding="utf-8")
        return path

    return make


def split_rows(daily):
    """Rows whose volume is told as two parts."""
    return [
        [*r[:5], str(int(r[5]) // 3), str(int(r[5]) - int(r[5]) // 3)]
        for r in rows_of(daily, "%Y-%m-%d")
    ]


@pytest.mark.parametrize(
    "sides",
    [
        ("Up", "Down"), ("Buy Volume", "Sell Volume"), ("UpVol", "DownVol"),
        ("volume_buy", "volume_sell"), ("Bid Volume", "Ask Volume"), ('"Up"', '"Down"'),
    ],
)  # fmt: skip
def test_the_volume_is_the_sum_of_its_two_sides(written, daily, sides):
    path = written(["Date", *PRICES, *sides], split_rows(daily))
    profile = profile_dataset(path)
    assert profile.columns["volume"] == [side.strip('"') for side in sides]
    assert dict(profile.problems) == {}
    pd.testing.assert_frame_equal(read_dataset_bars(path, profile), daily, check_freq=False)


def test_a_column_of_totals_is_taken_before_its_sides(written, daily):
    rows = [[*r, total[5]] for r, total in zip(split_rows(daily), rows_of(daily), strict=True)]
    profile = profile_dataset(written(["Date", *PRICES, "BidVolume", "AskVolume", "Volume"], rows))
    assert profile.columns["volume"] == "Volume"


def test_a_sum_can_be_named_by_columns_or_positions(written, daily):
    path = written(["Date", *PRICES, "a", "b"], split_rows(daily))
    for named in ("a+b", "5 + 6"):
        answers = DatasetAnswers(columns={"volume": named})
        bars = read_dataset_bars(path, profile_dataset(path, answers), answers)
        pd.testing.assert_frame_equal(bars, daily, check_freq=False)
    with pytest.raises(DatasetFormatError, match="'c' named for volume"):
        profile_dataset(path, DatasetAnswers(columns={"volume": "a+c"}))


def test_an_empty_side_counts_as_nothing_and_two_empty_ones_as_missing(written, daily):
    rows = split_rows(daily)
    rows[3][6] = ""
    rows[5][5:] = ["", ""]
    path = written(["Date", *PRICES, "Up", "Down"], rows)
    profile = profile_dataset(path)
    assert profile.other_findings["missing_volume"] == 1
    volumes = read_dataset_bars(path, profile)["volume"]
    assert volumes.iloc[3] == float(rows[3][5])
    assert volumes.iloc[5] == 0.0


@pytest.mark.parametrize("extra", [[], ["Open Interest"], ["Buy Volume"]])
def test_no_column_of_volumes_is_a_problem_and_is_said(written, daily, extra):
    rows = [[*r[:5], *["7"] * len(extra)] for r in rows_of(daily, "%Y-%m-%d")]
    profile = profile_dataset(written(["Date", *PRICES, *extra], rows))
    assert profile.problems["missing_volume"] == len(daily)
    (said,) = remarks(profile)
    assert "no column of volumes" in said


def test_who_says_that_there_are_no_volumes_is_not_told_again(written, daily):
    rows = [r[:5] for r in rows_of(daily, "%Y-%m-%d")]
    profile = profile_dataset(written(["Date", *PRICES], rows), DatasetAnswers(volume="none"))
    assert dict(profile.problems) == {}
    assert remarks(profile) == []
