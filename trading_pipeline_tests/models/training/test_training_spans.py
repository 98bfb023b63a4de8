"""How far back a fit reads: windows, lengths of time, one for each timeframe."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.windows import WindowGrid
from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.models.training.training_spans import (
    span_of,
    span_start,
    training_span,
    windows_back,
)
from trading_pipeline.settings.model_spec import ModelSpec, TrainingSpec

WINDOWS = WindowGrid(start=date(2008, 1, 1), end=date(2013, 1, 1)).windows()


@pytest.mark.parametrize(
    ("span", "refit", "years"),
    [
        ("expanding", "window", ["2008", "2009", "2010"]),
        ("expanding", "month", ["2008", "2009", "2010", "2011"]),
        (2, "window", ["2009", "2010"]),
        (2, "day", ["2009", "2010", "2011"]),
        (1, "window", ["2010"]),
        (50, "window", ["2008", "2009", "2010"]),
        ("90d", "window", ["2010"]),
        ("1y", "window", ["2010"]),
        ("366d", "window", ["2009", "2010"]),
        ("2y", "month", ["2009", "2010", "2011"]),
        ("9999y", "window", ["2008", "2009", "2010"]),
        ({"1h": 1, "1d": "2y"}, "window", ["2009", "2010"]),
    ],
)
def test_training_spans_of_the_window_2011(span, refit, years):
    training = TrainingSpec(span=span, refit=refit)
    for windows in (WINDOWS, WINDOWS[::-1]):
        found = training_span(windows, "2011-01-01", training, "AAPL_1d")
        assert [window.key[:4] for window in found] == years


def test_the_first_window_has_nothing_to_train_on_at_its_start():
    assert training_span(WINDOWS, "2008-01-01", TrainingSpec(), "AAPL_1d") == []
    own = training_span(WINDOWS, "2008-01-01", TrainingSpec(refit="month"), "AAPL_1d")
    assert [window.key for window in own] == ["2008-01-01"]


def test_a_window_that_does_not_exist_is_refused():
    with pytest.raises(UnknownNameError, match="no window '2011-1-1'"):
        training_span(WINDOWS, "2011-1-1", TrainingSpec(), "AAPL_1d")


@pytest.mark.parametrize("cadence", ["year", "quarter", "month"])
@settings(max_examples=40)
@given(days=st.integers(1, 2000), at=st.integers(0, 4000))
def test_the_windows_of_a_length_of_time_are_those_that_hold_it(cadence, days, at):
    start = datetime(2008, 1, 1, tzinfo=UTC)
    windows = WindowGrid(start=date(2008, 1, 1), end=date(2013, 1, 1), cadence=cadence).windows()
    training = TrainingSpec(span=f"{days}d")
    chosen = windows[at % len(windows)]
    read = training_span(windows, chosen.key, training, "AAPL_1d")
    oldest = chosen.start - timedelta(days=days)
    held = [each for each in windows if each.start < chosen.start and each.end > oldest]
    assert read == held
    assert len(read) <= windows_back(windows, training) <= len(windows)
    if read and oldest >= start:
        assert read[0].start <= oldest < read[0].end


def test_a_timeframe_without_a_span_is_named():
    training = TrainingSpec(span={"1d": "10y", "1h": 4})
    assert [span_of(training, name) for name in ("AAPL_1d", "AAPL_1h")] == ["10y", 4]
    with pytest.raises(ConfigurationError, match=r"AAPL_5m has bars of '5m'\. Add a span"):
        span_of(training, "AAPL_5m")
    assert windows_back(WINDOWS, training) == 4


def test_years_are_those_of_the_calendar():
    for span, expected in (("1y", "2011-02-28"), ("2w", "2012-02-15"), ("30d", "2012-01-30")):
        found = span_start(span, pd.Timestamp("2012-02-29", tz="UTC"))
        assert found == pd.Timestamp(expected, tz="UTC")
    for span in ("expanding", 3):
        assert span_start(span, pd.Timestamp("2012-02-29", tz="UTC")) is None


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("3m", "250d, 12w or 3y"),
        ("0d", "250d, 12w or 3y"),
        (2.5, "250d, 12w or 3y"),
        ({"1d": "ten years"}, "250d, 12w or 3y"),
        ({"1d": 0}, "at least 1 window"),
        ({"2d": "3y"}, "'2d' is none"),
        ({}, "a mapping has a span for each timeframe"),
    ],
)
def test_a_span_that_cannot_be_is_refused(span, said):
    with pytest.raises(ConfigurationError, match=f"'training.span': .*{said}"):
        ModelSpec.parse({"name": "m", "training": {"span": span}}, where="m.yaml")


def test_a_spec_reads_back_as_it_was_written():
    for span in ("expanding", 3, "3y", {"1d": "10y", "5m": "90d", "1h": 2}):
        spec = ModelSpec.parse({"name": "m", "training": {"span": span}}, where="m.yaml")
        again = ModelSpec.parse(spec.model_dump(mode="json"), where="m.yaml")
        assert again.training.span == span
        assert again.hash == spec.hash
