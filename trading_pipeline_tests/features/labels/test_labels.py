from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.labels.labels import Labels, compute_labels
from trading_pipeline.settings.model_spec import LabelSpec

RETURN_2 = LabelSpec(type="forward_return", horizon_bars=2)


def bars_of(opens, closes):
    index = pd.date_range("2012-01-02", periods=len(opens), tz="UTC", name="ts").as_unit("us")
    frame = pd.DataFrame({"open": opens, "close": closes}, index=index, dtype="float64")
    return frame.assign(high=frame.max(axis=1), low=frame.min(axis=1), volume=1.0)


def known(bars):
    return bars.index + pd.Timedelta(hours=21)


BARS = bars_of([10.0, 11.0, 12.0, 13.0, 14.0], [10.5, 11.5, 9.0, 13.0, 14.0])


def test_forward_return_enters_at_the_next_open_and_leaves_at_the_last_close():
    labels = compute_labels(RETURN_2, BARS, known(BARS))
    assert labels.frame["label"].tolist() == [9.0 / 11.0 - 1, 13.0 / 12.0 - 1, 14.0 / 13.0 - 1]
    assert (labels.unfinished, labels.dead_zone) == (2, 0)


def test_the_clock_runs_from_the_close_of_the_bar_to_the_close_of_the_exit():
    frame = compute_labels(RETURN_2, BARS, known(BARS)).frame
    assert frame.index.tolist() == BARS.index[:3].tolist()
    assert frame["t0"].iloc[0] == pd.Timestamp("2012-01-02 21:00", tz="UTC")
    assert frame["t1"].iloc[0] == pd.Timestamp("2012-01-04 21:00", tz="UTC")
    assert [str(kind) for kind in frame.dtypes] == ["datetime64[us, UTC]"] * 2 + ["float64"]
    assert frame.index.name == "ts"


def test_direction_is_one_above_zero_below_and_absent_on_the_dead_zone():
    # over one bar: +1 %, -1 %, exactly +0.5 %, 0
    bars = bars_of([100.0] * 5, [100.0, 101.0, 99.0, 100.5, 100.0])
    plain = compute_labels(LabelSpec(horizon_bars=1), bars, known(bars))
    assert plain.frame["label"].tolist() == [1.0, 0.0, 1.0]
    assert (plain.unfinished, plain.dead_zone) == (1, 1)
    wide = compute_labels(LabelSpec(horizon_bars=1, dead_zone_bps=60), bars, known(bars))
    assert wide.frame["label"].tolist() == [1.0, 0.0]
    assert (wide.unfinished, wide.dead_zone) == (1, 2)
    assert wide.frame.index.tolist() == bars.index[:2].tolist()


@given(
    st.lists(st.floats(1.0, 100.0), min_size=0, max_size=30),
    st.integers(1, 6),
    st.sampled_from([0.0, 25.0, 500.0]),
    st.sampled_from(["direction", "forward_return"]),
)
@settings(max_examples=60, deadline=None)
def test_every_bar_is_labelled_unfinished_or_in_the_dead_zone(closes, horizon, zone, kind):
    bars = bars_of(closes, closes)
    spec = LabelSpec(type=kind, horizon_bars=horizon, dead_zone_bps=zone)
    labels = compute_labels(spec, bars, known(bars))
    assert len(labels.frame) + labels.unfinished + labels.dead_zone == len(bars)
    assert labels.unfinished == min(horizon, len(bars))
    assert labels.frame["label"].notna().all()
    assert (labels.frame["t1"] > labels.frame["t0"]).all()


@pytest.mark.parametrize("horizon", [1, 3, 10])
def test_a_label_depends_on_the_bars_of_its_span_and_on_no_later_one(walk_bars, horizon):
    bars = walk_bars(120)
    spec = LabelSpec(type="forward_return", horizon_bars=horizon)
    before = compute_labels(spec, bars, known(bars)).frame
    row = 60
    for changed, differs in [(row, False), (row + 1, True), (row + horizon + 1, False)]:
        other = bars.copy()
        other.iloc[changed, :4] *= 1.5
        after = compute_labels(spec, other, known(bars)).frame
        # a bar inside the span: entry and exit are one bar when the horizon is 1, and cancel out
        moved = after["label"].iloc[row] != before["label"].iloc[row]
        assert moved == (differs and horizon > 1)
    exit_only = bars.copy()
    exit_only.iloc[row + horizon, exit_only.columns.get_loc("close")] *= 1.5
    after = compute_labels(spec, exit_only, known(bars)).frame
    assert after["label"].iloc[row] == pytest.approx((before["label"].iloc[row] + 1) * 1.5 - 1)


@pytest.mark.parametrize("cut", [30, 77, 119])
def test_labels_of_fewer_bars_are_the_first_labels_of_more(walk_bars, cut):
    bars = walk_bars(120)
    spec = LabelSpec(horizon_bars=5)
    whole = compute_labels(spec, bars, known(bars)).frame
    part = compute_labels(spec, bars.iloc[:cut], known(bars)[:cut]).frame
    pd.testing.assert_frame_equal(part, whole.loc[part.index])
    assert (whole.loc[whole["t1"] <= known(bars)[cut - 1]].index == part.index).all()


def test_bars_shorter_than_the_horizon_have_no_label_and_the_right_types():
    for bars in (BARS.iloc[:2], empty_bars()):
        labels = compute_labels(LabelSpec(horizon_bars=5), bars, known(bars))
        assert labels == Labels(frame=labels.frame, unfinished=len(bars), dead_zone=0)
        assert [str(kind) for kind in labels.frame.dtypes] == ["datetime64[us, UTC]"] * 2 + [
            "float64"
        ]


@pytest.mark.parametrize(("column", "row"), [("open", 1), ("close", 2)])
@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_a_price_that_no_return_can_be_taken_of_is_refused(column, row, value):
    bars = BARS.copy()
    bars.iloc[row, bars.columns.get_loc(column)] = value
    with pytest.raises(DataQualityError, match=f"The {column} of bar 2012-01-0") as error:
        compute_labels(RETURN_2, bars, known(bars))
    assert error.value.ts == bars.index[row]


def test_a_bad_price_that_no_label_uses_is_no_matter():
    bars = BARS.copy()
    bars.iloc[0] = np.nan
    assert len(compute_labels(RETURN_2, bars, known(bars)).frame) == 3


def test_stamps_that_do_not_fit_the_bars_are_refused():
    with pytest.raises(DataQualityError, match="5 bars and 4 moments"):
        compute_labels(RETURN_2, BARS, known(BARS)[:4])
    with pytest.raises(DataQualityError, match="stamps known_at of the bars do not increase"):
        compute_labels(RETURN_2, BARS, known(BARS)[::-1])
    with pytest.raises(DataQualityError, match="stamps ts of the bars do not increase"):
        compute_labels(RETURN_2, BARS.iloc[::-1], known(BARS))


def test_a_spec_that_was_not_checked_is_checked_here():
    unchecked = LabelSpec.model_construct(type="directon", horizon_bars=5, dead_zone_bps=0.0)
    with pytest.raises(
        ConfigurationError, match=r"no label kind 'directon'\. Did you mean 'direction'"
    ):
        compute_labels(unchecked, BARS, known(BARS))
    unchecked = LabelSpec.model_construct(type="direction", horizon_bars=0, dead_zone_bps=0.0)
    with pytest.raises(ConfigurationError, match="label over 0 bars"):
        compute_labels(unchecked, BARS, known(BARS))
