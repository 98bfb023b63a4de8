"""Answers about a file: from the side-car, from flags, and refused in plain words."""

import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.dataset_answers import DatasetAnswers, load_answers, sidecar_path


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("x", encoding="utf-8")
    return path


def test_without_side_car_and_flags_nothing_is_answered(data):
    assert load_answers(data) == DatasetAnswers()
    assert load_answers(data, {"tz": None, "columns": {}, "symbol": ""}) == DatasetAnswers()


def test_a_side_car_stands_beside_the_file_and_flags_win_key_by_key(data):
    assert sidecar_path(data).name == "prices.csv.yaml"
    sidecar_path(data).write_text(
        "tz: Asia/Kolkata\ntimeframe: 1m\ncalendar: XBOM\nvolume: none\n"
        "columns: {close: Last, open: 1}\ndelimiter: ';'\n",
        encoding="utf-8",
    )
    answers = load_answers(data, {"tz": "UTC", "columns": {"close": "Settle"}})
    assert (answers.tz, answers.calendar, answers.volume) == ("UTC", "XBOM", "none")
    assert answers.timeframe is Timeframe.M1
    assert answers.columns == {"close": "Settle", "open": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tz: Asia/Kolkatta\n", "Did you mean 'Asia/Kolkata'"),
        ("timezone: UTC\n", "Unknown key 'timezone'"),
        ("date_order: ydm\n", "date_order"),
        ("timeframe: 2m\n", "timeframe"),
        ("columns: {clse: Last}\n", "Did you mean 'close'"),
        ("timestamp_format: '%H:%M'\n", "lacks the day"),
        ("timestamp_format: '%Q'\n", "timestamp_format"),
        ("- a\n- b\n", "must hold keys and values"),
        ("tz: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_side_car_is_named_with_the_key(data, text, said):
    sidecar_path(data).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"prices\.csv\.yaml") as caught:
        load_answers(data)
    assert said in str(caught.value)


def test_a_wrong_flag_does_not_blame_the_side_car(data):
    with pytest.raises(ConfigurationError, match="Answers about the file") as caught:
        load_answers(data, {"tz": "Mars/Olympus"})
    assert "yaml" not in str(caught.value)


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M", "%Y%m%d", "%m/%d/%y %I:%M %p", "epoch_ms"])
def test_formats_with_a_whole_date_are_taken(form):
    assert DatasetAnswers(timestamp_format=form).timestamp_format == form


@pytest.mark.parametrize("mark", ["ab", "x", "7", " ", '"', "'", "\n", "\x00"])
def test_what_cannot_split_cells_is_no_delimiter(mark):
    with pytest.raises(ConfigurationError, match="cannot split cells"):
        DatasetAnswers.parse({"delimiter": mark}, where="here")


def test_any_other_single_character_is_a_delimiter():
    for mark in (",", ";", "\t", "|", "^", "~"):
        assert DatasetAnswers(delimiter=mark).delimiter == mark


def test_a_currency_is_a_code_of_iso_4217_or_a_coin():
    assert [DatasetAnswers(currency=each).currency for each in ("GBP", "USDT")] == ["GBP", "USDT"]
    with pytest.raises(ConfigurationError, match="Did you mean 'EUR'"):
        DatasetAnswers.parse({"currency": "EURO"}, where="here")


def test_the_missing_share_is_a_fraction():
    assert DatasetAnswers(max_missing=0.25).max_missing == 0.25
    with pytest.raises(ConfigurationError, match="max_missing"):
        DatasetAnswers.parse({"max_missing": 20}, where="here")
