"""Tests of bars that come again: what is kept, what is a revision, what is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import BAR_COLUMNS, empty_bars
from trading_pipeline.market_data.quality.findings import CheckSettings
from trading_pipeline.market_data.quality.restatements import (
    bar_revisions,
    keep_equal_values,
    restatement_findings,
)
from trading_pipeline_tests.conftest import random_bars

SETTINGS = CheckSettings()


def test_equal_bars_and_new_bars_are_no_revision():
    stored = random_bars(10)
    assert bar_revisions(stored, stored).empty
    assert bar_revisions(stored.iloc[:7], stored).empty
    assert bar_revisions(empty_bars(), stored).empty


def test_each_changed_field_is_a_row_with_old_and_new():
    stored = random_bars(10)
    fetched = stored.copy()
    fetched.iloc[3, [1, 4]] = [200.0, 0.0]
    found = bar_revisions(stored, fetched)
    assert found["field"].tolist() == ["high", "volume"]
    assert found["ts"].tolist() == [stored.index[3]] * 2
    assert found["old"].tolist() == stored.iloc[3, [1, 4]].tolist()
    assert found["new"].tolist() == [200.0, 0.0]


@given(gone=st.sets(st.integers(0, 19)), come=st.sets(st.integers(0, 19)))
@settings(max_examples=25, deadline=None)
def test_a_plain_loop_counts_the_same_revisions(gone, come):
    bars = random_bars(20)
    stored = bars.drop(bars.index[list(come - gone)])
    fetched = bars.drop(bars.index[list(gone)])
    wanted = 0
    for ts in bars.index:
        if len(stored) and ts <= stored.index[-1] and (ts in stored.index) != (ts in fetched.index):
            wanted += len(BAR_COLUMNS)
    found = bar_revisions(stored, fetched)
    assert len(found) == wanted
    assert (found["old"].isna() ^ found["new"].isna()).all()


def test_one_finding_a_bar_says_what_changed_and_by_how_much():
    stored = random_bars(5).assign(close=100.0)
    fetched = stored.assign(close=[100.0, 102.0, 100.0, 100.0, 100.0])
    (found,) = restatement_findings(bar_revisions(stored, fetched), SETTINGS)
    assert (found.check_name, found.severity, found.ts) == ("restatement", "WARN", stored.index[1])
    assert found.value == pytest.approx(0.02)
    assert "close 100 -> 102" in found.detail


def test_bars_that_went_or_came_are_told_in_words():
    bars = random_bars(5)
    (gone,) = restatement_findings(bar_revisions(bars, bars.drop(bars.index[2])), SETTINGS)
    (came,) = restatement_findings(bar_revisions(bars.drop(bars.index[2]), bars), SETTINGS)
    assert "no longer has this bar" in gone.detail
    assert "did not have before" in came.detail
    assert gone.value is None
    assert came.value is None


def test_many_restated_bars_end_in_one_row_that_counts_the_rest():
    bars = random_bars(50)
    found = restatement_findings(bar_revisions(bars, bars * 2.0), SETTINGS)
    assert len(found) == SETTINGS.shown_findings + 1
    assert (found[-1].ts, found[-1].value) == (None, 30.0)


def test_a_volume_that_was_nought_has_no_relative_change():
    bars = random_bars(3).assign(volume=0.0)
    (found, *_) = restatement_findings(bar_revisions(bars, bars.assign(volume=5.0)), SETTINGS)
    assert found.value == np.inf


def test_noise_keeps_the_stored_value_and_a_real_change_does_not():
    stored = random_bars(6)
    fetched = stored * (1.0 + 1e-12)
    fetched.iloc[2, 3] = stored.iloc[2, 3] * 1.001
    kept = keep_equal_values(stored.iloc[:4], fetched, tolerance=1e-9)
    wanted = stored.iloc[:4].copy()
    wanted.iloc[2, 3] = fetched.iloc[2, 3]
    pd.testing.assert_frame_equal(kept.iloc[:4], wanted, check_exact=True, check_freq=False)
    pd.testing.assert_frame_equal(kept.iloc[4:], fetched.iloc[4:], check_exact=True)
    exact = keep_equal_values(stored, fetched, tolerance=0.0)
    pd.testing.assert_frame_equal(exact, fetched, check_exact=True)
