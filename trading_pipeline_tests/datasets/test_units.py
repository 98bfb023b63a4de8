"""Units of prices: pence that become pounds are said, minor units can be named."""

import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset, read_dataset_bars, remarks
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import PRICES, lines, rows_of, session_bars

HEADER = ["Date", "Open", "High", "Low", "Close", "Volume"]


@pytest.fixture
def written(tmp_path):
    def make(rows):
        path = tmp_path / "prices.csv"
        path.write_text(lines([HEADER, *rows]), encoding="utf-8")
        return path

    return make


def london(factor=1.0, at=20, until=None):
    bars = session_bars("2024-01-01", "2024-03-02", "1d", "XLON", level=612.0)
    bars.iloc[at:until, :4] *= factor
    return bars


@pytest.mark.parametrize(
    ("factor", "words"),
    [(0.01, "pence and pounds"), (100.0, "pence and pounds"), (0.5, "a split"), (3.0, "a split")],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_lasting_jump_to_a_multiple_is_counted_and_said(written, factor, words, newest_first):
    bars = london(factor)
    rows = rows_of(bars, "%Y-%m-%d")
    profile = profile_dataset(written(rows[::-1] if newest_first else rows))
    assert profile.other_findings["level_shift"] == 1
    (said,) = [each for each in remarks(profile) if "level_shift" in each]
    assert words in said
    assert f"{bars.index[20]:%Y-%m-%d}" in said


@pytest.mark.parametrize("bars", [london(), london(3.0, 20, 21), london(1.3)])
def test_what_comes_back_at_once_or_is_no_multiple_is_no_level_shift(written, bars):
    assert "level_shift" not in profile_dataset(written(rows_of(bars, "%Y-%m-%d"))).other_findings


@pytest.mark.parametrize("unit", ["GBp", "GBX", "ZAc", "ILA"])
def test_a_minor_unit_is_kept_or_divided_into_its_currency(written, unit):
    bars = london()
    path = written(rows_of(bars, "%Y-%m-%d"))
    kept = DatasetAnswers(currency=unit)
    found = read_dataset_bars(path, profile_dataset(path, kept))
    pd.testing.assert_frame_equal(found, bars, check_freq=False)
    divided = DatasetAnswers(unit=unit)
    found = read_dataset_bars(path, profile_dataset(path, divided))
    assert found["close"].tolist() == (bars["close"] / 100).tolist()
    assert found["volume"].tolist() == bars["volume"].tolist()
    assert (found[PRICES] > 0).all().all()


@pytest.mark.parametrize(
    "answers", [{"unit": "GBP"}, {"unit": "GBp", "currency": "USD"}, {"currency": "GBp."}]
)
def test_units_that_do_not_fit_are_refused(answers):
    with pytest.raises(ConfigurationError, match="GB"):
        DatasetAnswers.parse(answers, where="answers")


def test_london_is_reminded_of_pence_until_it_is_answered(written):
    path = written(rows_of(london(), "%Y-%m-%d"))
    told = remarks(profile_dataset(path, DatasetAnswers(calendar="XLON")))
    assert "GBp" in " ".join(told)
    for answers in (
        DatasetAnswers(calendar="XLON", currency="GBP"),
        DatasetAnswers(calendar="XLON", unit="GBp"),
    ):
        assert remarks(profile_dataset(path, answers)) == []


def test_dates_decided_by_their_steps_are_counted_and_said_but_not_asked(written):
    bars = session_bars("2024-02-01", "2024-02-13", "1d", "XNYS")
    profile = profile_dataset(written(rows_of(bars, "%d/%m/%Y")))
    assert profile.problems["ambiguous_date"] == len(bars)
    assert profile.open_questions == ()
    assert "decided for dmy" in " ".join(remarks(profile))
    sure = session_bars("2024-02-01", "2024-02-23", "1d", "XNYS")
    assert "ambiguous_date" not in profile_dataset(written(rows_of(sure, "%d/%m/%Y"))).problems
