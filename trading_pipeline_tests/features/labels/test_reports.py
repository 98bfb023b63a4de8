from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.features.labels.reports import (
    label_report,
    label_spans,
    sample_weights,
    uniqueness,
)
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline_tests.features.conftest import random_walk

CLOCK = pd.date_range("2012-01-02 21:00", periods=10, tz="UTC").as_unit("us")


def labels_of(*spans, values=None):
    """Labels that are known at the close of bar `begin` and end with bar `end`."""
    begins, ends = [b for b, _ in spans], [e for _, e in spans]
    frame = pd.DataFrame({"t0": CLOCK[begins], "t1": CLOCK[ends]})
    frame["label"] = [1.0] * len(spans) if values is None else values
    frame.index = (CLOCK[begins] - pd.Timedelta(hours=21)).rename("ts")
    return frame


def slowly(spans, closes=None):
    """The definitions of chapter 4, label by label and bar by bar: uniqueness and weights."""
    alive = [sum(b < t <= e for b, e in spans) for t in range(len(CLOCK))]
    unique = [np.mean([1 / alive[t] for t in range(b + 1, e + 1)]) for b, e in spans]
    if closes is None:
        return unique, None
    moved = np.diff(np.log(closes), prepend=np.log(closes[0]))
    weights = np.array(
        [abs(sum(moved[t] / alive[t] for t in range(b + 1, e + 1))) for b, e in spans]
    )
    return unique, weights * len(spans) / weights.sum()


def test_a_label_alone_is_unique_and_two_share_the_bars_they_have_in_common():
    alone = labels_of((0, 3), (5, 7))
    assert uniqueness(alone, CLOCK).tolist() == [1.0, 1.0]
    # bars 1 to 4 and 3 to 6: bars 3 and 4 are shared
    shared = labels_of((0, 4), (2, 6))
    assert uniqueness(shared, CLOCK) == pytest.approx([0.75, 0.75])


def test_a_label_lives_from_the_bar_after_its_own_to_the_one_that_ends_it():
    first, last = label_spans(labels_of((0, 3), (5, 6)), CLOCK)
    assert (first.tolist(), last.tolist()) == ([1, 6], [3, 6])


SPANS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 9)).filter(lambda span: span[0] < span[1]),
    min_size=1,
    max_size=12,
    unique_by=lambda span: span[0],
).map(sorted)


@given(SPANS, st.lists(st.floats(50.0, 150.0), min_size=10, max_size=10, unique=True))
@settings(max_examples=80, deadline=None)
def test_cumulative_sums_give_what_the_definitions_give(spans, closes):
    frame = labels_of(*spans)
    unique, weights = slowly(spans, np.array(closes))
    np.testing.assert_allclose(uniqueness(frame, CLOCK), unique)
    given_weights = sample_weights(frame, CLOCK, pd.Series(closes))
    np.testing.assert_allclose(given_weights, weights, rtol=1e-6, atol=1e-9)
    assert given_weights.sum() == pytest.approx(len(spans))


def test_a_report_counts_outcomes_and_overlap():
    report = label_report(labels_of((0, 4), (2, 6), (7, 8), values=[1.0, 0.0, 1.0]), CLOCK)
    assert report.rows == 3
    assert report.balance == pytest.approx({0.0: 1 / 3, 1.0: 2 / 3})
    assert report.mean_bars == pytest.approx(3.0)
    # 1 2 3 4 and 3 4 5 6 and 8: nine bars of life on seven bars
    assert report.mean_overlap == pytest.approx(9 / 7)
    assert report.average_uniqueness == pytest.approx((0.75 + 0.75 + 1.0) / 3)
    assert report.effective_rows == pytest.approx(2.5)


def test_labels_over_h_bars_are_worth_one_in_h(index_bars):
    clock = pd.DatetimeIndex(index_bars.index + pd.Timedelta(hours=21))
    for horizon in (1, 5, 20):
        spec = LabelSpec(type="forward_return", horizon_bars=horizon)
        report = label_report(compute_labels(spec, index_bars, clock).frame, clock)
        assert report.average_uniqueness == pytest.approx(1 / horizon, rel=0.01)
        assert report.effective_rows == pytest.approx(report.rows / horizon, rel=0.01)
        assert report.balance == {}  # returns are no classes


def test_ambiguous_rows_are_counted_and_a_path_has_no_mean():
    bars = random_walk(400, 1)
    clock = pd.DatetimeIndex(bars.index)
    tight = {"profit_volatilities": 0.05, "loss_volatilities": 0.05}
    spec = LabelSpec(type="triple_barrier", **tight)
    frame = compute_labels(spec, bars, clock).frame
    assert label_report(frame, clock).ambiguous == frame["ambiguous"].sum() > 50
    path = compute_labels(LabelSpec(type="ohlc_path", horizon_bars=2), bars, clock).frame
    report = label_report(path, clock)
    assert np.isnan(report.mean)
    assert report.average_uniqueness == pytest.approx(0.5, rel=0.02)


def test_no_labels_have_a_report_too():
    report = label_report(labels_of(), CLOCK)
    assert (report.rows, report.balance, report.effective_rows) == (0, {}, 0.0)
    assert np.isnan(report.average_uniqueness)
    assert len(sample_weights(labels_of(), CLOCK, pd.Series(1.0, index=range(10)))) == 0


def test_weights_decay_towards_the_oldest_row():
    frame = labels_of(*((begin, begin + 1) for begin in range(9)))
    closes = pd.Series(np.exp(0.01 * (-1.0) ** np.arange(10)))
    even = sample_weights(frame, CLOCK, closes)
    assert even == pytest.approx(np.ones(9))
    fading = sample_weights(frame, CLOCK, closes, oldest_weight=0.0)
    assert fading == pytest.approx(np.arange(1, 10) / 5)
    assert fading.sum() == pytest.approx(9)


def test_flat_prices_weigh_every_row_alike():
    frame = labels_of((0, 4), (2, 6))
    assert sample_weights(frame, CLOCK, pd.Series(np.ones(10))).tolist() == [1.0, 1.0]


def test_stamps_of_other_bars_are_refused():
    frame = labels_of((0, 4))
    with pytest.raises(DataQualityError, match="not the closes of two bars in turn"):
        label_report(frame, CLOCK + pd.Timedelta(hours=1))
    turned = frame.rename(columns={"t0": "t1", "t1": "t0"})
    with pytest.raises(DataQualityError, match="not the closes"):
        uniqueness(turned, CLOCK)
    with pytest.raises(DataQualityError, match="9 closes and 10 moments"):
        sample_weights(frame, CLOCK, pd.Series(np.ones(9)))
    with pytest.raises(ConfigurationError, match="cannot keep 2 of its weight"):
        sample_weights(frame, CLOCK, pd.Series(np.ones(10)), oldest_weight=2)
