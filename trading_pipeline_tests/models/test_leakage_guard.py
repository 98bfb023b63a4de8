from __future__ import annotations

import pandas as pd
import pytest

from trading_pipeline.errors import DataLeakageError, UnknownNameError
from trading_pipeline.models.leakage_guard import ensure_no_overlap, ensure_predictions_clean


def at(text):
    return pd.Timestamp(text, tz="UTC")


def predictions(*rows):
    known_at = pd.DatetimeIndex([at(stamp) for stamp, _ in rows], dtype="datetime64[us, UTC]")
    return pd.DataFrame({"known_at": known_at, "model_id": [model for _, model in rows]})


def test_an_overlap_is_refused_with_both_dates_and_the_way_out():
    with pytest.raises(DataLeakageError) as error:
        ensure_no_overlap("direction-AAPL_1d-7f3a", at("2012-06-29 20:00"), at("2012-01-03 21:00"))
    assert str(error.value) == (
        "model 'direction-AAPL_1d-7f3a' was trained on labels that end at 2012-06-29, but the "
        "backtest starts at 2012-01-03. Start it after 2012-06-29, or use the model of an earlier "
        "window."
    )
    assert error.value.last_label_end == at("2012-06-29 20:00")
    assert error.value.first_decision_at == at("2012-01-03 21:00")


def test_the_very_moment_at_which_the_last_label_ends_overlaps():
    end = at("2012-06-29 20:00")
    with pytest.raises(DataLeakageError, match=r"end at 2012-06-29 20:00:00.*2012-06-29 20:00:00"):
        ensure_no_overlap("m", end, end)
    ensure_no_overlap("m", end, end + pd.Timedelta(microseconds=1))


def test_on_one_day_the_times_are_shown():
    with pytest.raises(DataLeakageError, match="starts at 2012-06-29 15:00:00"):
        ensure_no_overlap("m", at("2012-06-29 20:00"), at("2012-06-29 15:00"))


def test_predictions_of_several_models_each_after_its_own_training_pass():
    frame = predictions(("2012-01-02", "a"), ("2012-07-02", "b"), ("2012-07-01", "a"))
    ensure_predictions_clean(frame, {"a": at("2012-01-01"), "b": at("2012-07-01")})


def test_one_row_that_is_too_early_is_found_wherever_it_stands():
    frame = predictions(("2012-09-02", "b"), ("2012-01-02", "a"), ("2012-06-30", "b"))
    with pytest.raises(
        DataLeakageError, match=r"model 'b'.*end at 2012-07-01.*starts at 2012-06-30"
    ):
        ensure_predictions_clean(frame, {"a": at("2012-01-01"), "b": at("2012-07-01")})


def test_the_first_offending_model_in_time_is_named():
    frame = predictions(("2012-03-01", "b"), ("2012-02-01", "a"))
    with pytest.raises(DataLeakageError, match="model 'a'"):
        ensure_predictions_clean(frame, {"a": at("2013-01-01"), "b": at("2013-01-01")})


def test_a_model_without_a_record_is_no_clean_model():
    with pytest.raises(UnknownNameError, match=r"name a model 'modell'.*Did you mean 'model'"):
        ensure_predictions_clean(predictions(("2012-03-01", "modell")), {"model": at("2012-01-01")})


def test_no_predictions_pass():
    ensure_predictions_clean(predictions(), {})
