"""The labels of metrics."""

from __future__ import annotations

import pytest

from trading_pipeline.performance import METRIC_NAMES
from trading_pipeline.reporting.page.metric_labels import GROUPS, METRIC_LABELS, metric_label


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_metric_has_words_and_a_group(name):
    label = METRIC_LABELS[name]
    assert label.label
    assert label.group in GROUPS


def test_no_two_metrics_of_a_group_have_the_same_words():
    seen = [(label.group, label.label) for label in METRIC_LABELS.values()]
    assert len(set(seen)) == len(seen)


def test_unknown_metric_is_shown_by_its_name():
    label = metric_label("edge_per_bar")
    assert (label.label, label.kind, label.signed) == ("Edge per bar", "ratio", False)
    assert label.group in GROUPS
