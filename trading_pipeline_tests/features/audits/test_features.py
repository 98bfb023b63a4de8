from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.features import audit_feature_set, simple_features
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import (
    FeatureSet,
    FeatureSpec,
    feature_set,
    feature_set_names,
)
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline_tests.features.conftest import random_walk


def array(values):
    return values.fillna(0.0).to_numpy(dtype="float64")


def centred_window(bars):
    return array(bars.close.rolling(5, center=True).mean())


def tomorrow(bars):
    return array(bars.close.shift(-1) / bars.close - 1.0)


def backward_fill(bars):
    return array(bars.close.where(bars.close > bars.open).bfill())


def full_sample_z_score(bars):
    return array((bars.close - bars.close.mean()) / bars.close.std())


def centred_extremum(bars):
    return array((bars.high == bars.high.rolling(7, center=True).max()).astype(float))


def todays_return(bars):
    return array(bars.close.pct_change())


def since_the_first_bar(bars):
    return array(bars.close.expanding().mean())


LEAKS = (centred_window, tomorrow, backward_fill, full_sample_z_score, centred_extremum)


def set_of(*computes):
    specs = tuple(
        FeatureSpec(
            name=compute.__name__,
            version=1,
            inputs=("open", "high", "close"),
            lookback=5,
            warmup=5,
            compute=compute,
        )
        for compute in computes
    )
    return FeatureSet(name="own", version=1, specs=specs)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.__name__)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_leak_is_caught_and_its_honest_neighbour_is_not(leak, seed):
    findings = audit_feature_set(set_of(todays_return, leak), random_walk(900, seed), seed=seed)
    assert {"prefix_truncation", "scrambled_future"} <= {finding.audit for finding in findings}
    assert {finding.column for finding in findings} == {leak.__name__}


def test_a_memory_of_the_first_bar_is_a_matter_of_the_warm_up_alone():
    findings = audit_feature_set(set_of(since_the_first_bar), random_walk(900, 1))
    assert {finding.audit for finding in findings} == {"warmup"}
    assert "Declare a longer warm-up" in findings[0].sentence()


def test_outcomes_that_stand_in_a_feature_are_no_matter_of_permutation():
    # permuted outcomes have nothing to do with any column: only a leaking evaluation is found so
    findings = audit_feature_set(set_of(tomorrow), random_walk(900, 1))
    assert "permuted_labels" not in {finding.audit for finding in findings}


def test_a_sentence_tells_where_by_how_much_and_what_to_do():
    bars = random_walk(400, 1)
    finding = audit_feature_set(set_of(tomorrow), bars)[0]
    sentence = finding.sentence()
    assert f"column 'tomorrow' at {finding.ts} (row {finding.row})" in sentence
    assert repr(finding.value_with_future) in sentence
    assert repr(finding.value_without_future) in sentence
    assert "no shift by a negative number" in sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", ["core", "patterns"])
def test_the_shipped_sets_raise_no_alarm(name, index_bars):
    assert name in feature_set_names()
    for bars in (index_bars, random_walk(2000, 1), random_walk(1500, 2, volume=False)):
        assert audit_feature_set(feature_set(name), bars, cuts=12) == []


DAILY = FeatureContext(Timeframe.D1, "XNYS")


@pytest.mark.parametrize("instrument", ["AAPL_1d", "IBM_1d", "GOOG_1d"])
def test_what_is_shipped_raises_no_alarm_on_bundled_bars(instrument):
    request = BarRequest(
        instrument=load_catalog(None).instrument(instrument),
        start=datetime(2000, 1, 1, tzinfo=UTC),
        end=datetime(2013, 3, 1, tzinfo=UTC),
    )
    bars = BundledSource().fetch_bars(request).frame
    assert len(bars) > 2000
    for name in feature_set_names():
        found = audit_feature_set(feature_set(name), bars, context=DAILY, cuts=8)
        assert found == [], name


def test_short_bars_are_audited_as_far_as_they_reach():
    core = feature_set("core")
    assert audit_feature_set(core, random_walk(120, 1)) == []  # columns of a short warm-up only
    mixed = set_of(todays_return, tomorrow)
    assert {finding.column for finding in audit_feature_set(mixed, random_walk(12, 1))} == {
        "tomorrow"
    }
    with pytest.raises(InsufficientDataError, match="no value to compare"):
        audit_feature_set(mixed, random_walk(5, 1))


def test_simple_features_are_causal_and_as_defined():
    bars = random_walk(60, 1)
    frame = simple_features(bars)
    assert frame["return_5"].iloc[30] == bars.close.iloc[30] / bars.close.iloc[25] - 1
    assert frame.isna().sum().tolist() == [1, 5, 20, 0]
    pd.testing.assert_frame_equal(simple_features(bars.iloc[:40]), frame.iloc[:40])
    assert np.isfinite(frame.iloc[20:]).all().all()
