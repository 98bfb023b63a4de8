from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.features import audit_labels
from trading_pipeline.features.audits.labels import audit_label_span
from trading_pipeline.features.labels.labels import LABEL_KINDS, Labels, compute_labels
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline_tests.features.conftest import random_walk

RETURN = LabelSpec(type="forward_return", horizon_bars=5)


def known(bars):
    return pd.DatetimeIndex(bars.index + pd.Timedelta(hours=21))


def honest(bars):
    return compute_labels(RETURN, bars, known(bars)).frame


def changed(bars, label):
    """The honest labels with other values; `label` gives one number a bar."""
    frame = honest(bars)
    return frame.assign(label=label.reindex(frame.index)).dropna()


# each reads bars after its t1
LEAKS = {
    "centred window": lambda b: changed(b, b.close.rolling(25, center=True).mean()),
    "shift(-1) beyond the end": lambda b: changed(b, b.close.shift(-6) / b.close - 1),
    "backward fill": lambda b: changed(
        b, b.close.where(b.index.day_of_week == 0).shift(-5).bfill() / b.close
    ),
    "full-sample z-score": lambda b: changed(b, (b.close - b.close.mean()) / b.close.std()),
    "centred extremum": lambda b: changed(b, b.high.rolling(31, center=True).max() / b.close),
    "an end that is too early": lambda b: honest(b).assign(
        t1=known(b)[b.index.get_indexer(honest(b).index) + 3]
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_that_read_beyond_their_end_are_caught(leak, seed):
    bars = random_walk(600, seed)
    findings = audit_label_span(LEAKS[leak], bars, known(bars), seed=seed)
    assert findings, leak
    assert {finding.audit for finding in findings} == {"label_span"}
    assert findings[0].column == "label"
    assert "the one that ends it (t1)" in findings[0].sentence()


def test_a_finding_names_the_row_and_both_values():
    bars = random_walk(600, 1)
    findings = audit_label_span(LEAKS["full-sample z-score"], bars, known(bars))
    finding = next(f for f in findings if f.value_with_future != f.value_without_future)
    whole = LEAKS["full-sample z-score"](bars)
    assert finding.value_with_future == whole["label"].loc[finding.ts]
    assert bars.index[finding.row] == finding.ts


def test_a_label_of_the_past_is_no_label():
    bars = random_walk(400, 1)
    of_the_past = lambda b: changed(b, b.close / b.close.shift(5) - 1)  # noqa: E731
    findings = audit_label_span(of_the_past, bars, known(bars))
    assert len(findings) == 5
    assert all(f.value_with_future == f.value_without_future for f in findings)


def test_an_end_that_moves_with_later_bars_is_found():
    def ends_at_the_close(bars):
        frame = honest(bars)
        late = bars["close"].iloc[-1] > 50
        ends = known(bars)[bars.index.get_indexer(frame.index) + (4 if late else 5)]
        return frame.assign(t1=ends)

    bars = random_walk(400, 1)
    findings = audit_label_span(ends_at_the_close, bars, known(bars), rows=10)
    assert findings


@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("horizon", [1, 5, 12])
def test_the_shipped_labels_raise_no_alarm(kind, horizon, index_bars):
    zone = {"dead_zone_bps": 20} if kind == "three_way" else {}
    spec = LabelSpec(type=kind, horizon_bars=horizon, **zone)
    for bars in (random_walk(700, horizon), index_bars.iloc[-1200:]):
        clock = known(bars)

        def compute(part, clock=clock):
            side = part["close"] - part["close"].shift(10)
            return compute_labels(spec, part, clock, side=side)

        assert audit_labels(compute, bars, clock) == []


def test_permuted_labels_are_audited_where_there_are_two_outcomes():
    bars = random_walk(600, 1)
    always_up = lambda b: Labels(frame=honest(b).assign(label=1.0), unfinished=5, dead_zone=0)  # noqa: E731
    findings = audit_labels(always_up, bars, known(bars))
    # it does not depend on its own bars; that all outcomes are alike is no reason to stop
    assert {finding.audit for finding in findings} == {"label_span"}


def test_labels_that_have_not_ended_cannot_be_audited():
    bars = random_walk(6, 1)
    with pytest.raises(InsufficientDataError, match="None of 1 labels on 6 bars has ended"):
        audit_label_span(honest, bars, known(bars))
    with pytest.raises(InsufficientDataError, match="None of 0 labels"):
        audit_label_span(honest, bars.iloc[:3], known(bars.iloc[:3]))


def test_the_bars_that_are_given_stay_as_they_are():
    bars = random_walk(300, 1)
    copy = bars.copy()
    audit_label_span(honest, bars, known(bars))
    pd.testing.assert_frame_equal(bars, copy)


def test_moved_bars_are_still_bars():
    from trading_pipeline.features.audits.labels import _moved

    bars = random_walk(100, 1)
    for move in (1.0, -1.0):
        moved = _moved(bars, 40, 44, move)
        assert (moved["high"] >= moved[["open", "close"]].max(axis=1) - 1e-9).all()
        assert (moved["low"] <= moved[["open", "close"]].min(axis=1) + 1e-9).all()
        assert moved["close"].iloc[44] == pytest.approx(bars["close"].iloc[44] * np.exp(move))
        pd.testing.assert_frame_equal(moved.iloc[:40], bars.iloc[:40])
        pd.testing.assert_frame_equal(moved.iloc[45:], bars.iloc[45:])
