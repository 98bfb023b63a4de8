"""Labels from files, and of the audit of what is stored."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError, UnknownNameError
from trading_pipeline.features.sets.registry import (
    SHIPPED_SETS,
    FeatureSet,
    FeatureSets,
    FeatureSpec,
)
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.stages.features import labels as label_stage
from trading_pipeline.stages.features.audit import audit_stored
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.labels import (
    LabelStage,
    check_label_spec,
    label_lookback_windows,
    labels_of_bars,
)
from trading_pipeline_tests.stage_calls import materialize_windows, pending_windows, require_sound

FILES = {
    "labels/barriers.yaml": "type: triple_barrier\nhorizon_bars: 10\n",
    "labels/right.yaml": "type: meta_label\nhorizon_bars: 10\nside_column: macd_histogram\n",
    "labels/path.yaml": "type: ohlc_path\nhorizon_bars: 3\n",
}
NAMES = (
    "triple_barrier_h10_v20_u1_l1",
    "meta_label_h10_v20_u1_l1_by_core__macd_histogram",
    "ohlc_path_h3",
)


@pytest.fixture
def labelled(world):
    """A world with bars and label files."""
    for name, text in FILES.items():
        world.write(name, text)
    return world


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_windows_are_those_of_the_whole_series(labelled, name):
    workspace = labelled.workspace
    require_sound(workspace)
    outcomes = materialize_windows(LabelStage(workspace, "AAPL_1d", name), workspace.windows())
    # the side of the first window's bars is still in the warm-up
    first = "no_rows" if name.startswith("meta") else "ok"
    assert [outcome.status for outcome in outcomes] == [first, "ok", "ok", "ok"]
    series = InstrumentSeries(workspace, "AAPL_1d")
    spec = label_stage.label_specs(workspace.catalog)[name]
    whole = labels_of_bars(spec, series.adjusted, series.known_at, FeatureSets()).frame
    newest = workspace.artifacts.newest([f"labels/{name}"])
    frames = [workspace.artifacts.load(newest[key]) for key in sorted(newest)]
    stored = pd.concat([frame for frame in frames if len(frame)])
    pd.testing.assert_frame_equal(stored, whole, check_freq=False, rtol=1e-6)
    assert pending_windows(LabelStage(workspace, "AAPL_1d", name), workspace.windows()) == []


def test_the_page_of_a_label_tells_balance_and_overlap(labelled):
    workspace = labelled.workspace
    stage = LabelStage(workspace, "AAPL_1d", NAMES[0])
    for outcome in materialize_windows(stage, workspace.windows()):
        told = outcome.metadata
        shares = [value for key, value in told.items() if key.startswith("share_of_")]
        assert sum(shares) == pytest.approx(1.0)
        assert {"share_of_-1", "share_of_1"} <= set(told)
        assert 1.0 < told["mean_overlap"] <= 10.0
        assert told["effective_rows"] == pytest.approx(
            told["average_uniqueness"] * outcome.rows, rel=1e-6
        )
        assert told["ambiguous"] >= 0.0


def test_only_labels_with_a_past_look_back(labelled):
    catalog, sets = labelled.workspace.catalog, FeatureSets()
    assert label_lookback_windows(LabelSpec(), catalog, sets) == 0
    assert label_lookback_windows(LabelSpec(type="triple_barrier"), catalog, sets) == 1
    assert label_lookback_windows(LabelSpec(type="meta_label"), catalog, sets) == 2


def test_a_side_that_nothing_has_is_refused_with_its_file(labelled):
    with pytest.raises(UnknownNameError, match="Did you mean 'macd_histogram'"):
        check_label_spec(LabelSpec(type="meta_label", side_column="macd_histogramm"), FeatureSets())
    labelled.write("labels/right.yaml", "type: meta_label\nside_features: cores\n")
    with pytest.raises(UnknownNameError, match=r"right\.yaml.*no feature set 'cores'"):
        require_sound(labelled.workspace)


@pytest.mark.parametrize("name", ["core", "patterns", "chart_patterns", "direction", *NAMES])
def test_what_is_shipped_passes_the_audit_of_stored_bars(labelled, name):
    found = audit_stored(labelled.workspace, "AAPL_1d", name)
    assert found.findings == []
    assert found.bars == labelled.value("SELECT count(*) FROM bars WHERE instrument = 'AAPL_1d'")
    assert (found.name, found.instrument) == (name, "AAPL_1d")
    kinds = {"core": "feature set", "patterns": "feature set", "chart_patterns": "chart patterns"}
    assert found.kind == kinds.get(name, "label")


def test_an_audit_of_nothing_says_what_to_do(labelled):
    workspace = labelled.workspace
    with pytest.raises(UnknownNameError, match="Did you mean 'core'"):
        audit_stored(workspace, "AAPL_1d", "cor")
    with pytest.raises(UnknownNameError, match="AAPL_1d"):
        audit_stored(workspace, "AAPL_1D", "core")
    with pytest.raises(InsufficientDataError, match="trading-pipeline run IBM_1d"):
        audit_stored(workspace, "IBM_1d", "core")


def test_a_label_that_reads_beyond_its_end_is_found(labelled, monkeypatch):
    real = label_stage.compute_labels

    def leaky(spec, bars, known_at, **given):
        found = real(spec, bars, known_at, **given)
        last = bars["close"].iloc[-1]
        object.__setattr__(found, "frame", found.frame.assign(label=found.frame["label"] * last))
        return found

    monkeypatch.setattr(label_stage, "compute_labels", leaky)
    workspace = labelled.workspace
    with workspace.warehouse.write() as connection:  # the code as it was has passed
        connection.execute("DELETE FROM audits WHERE kind = 'label'")
    findings = LabelStage(workspace, "AAPL_1d", "direction").audit(workspace.windows())
    assert {finding.audit for finding in findings} == {"label_span"}
    assert audit_stored(workspace, "AAPL_1d", "direction").findings


def test_a_partition_before_the_warm_up_is_written_with_its_nan_rows_counted(world, monkeypatch):
    slow = FeatureSpec(
        name="slow",
        version=1,
        inputs=("close",),
        lookback=5000,
        warmup=5000,
        compute=lambda bars: np.zeros(len(bars)),
    )
    monkeypatch.setitem(SHIPPED_SETS, "slow", FeatureSet(name="slow", version=1, specs=(slow,)))
    workspace = world.workspace
    stage = FeatureStage(workspace, "AAPL_1d", "slow")
    assert stage.audit(workspace.windows()) == []
    outcomes = materialize_windows(stage, workspace.windows())
    assert [outcome.metadata["missing_share"] for outcome in outcomes] == [1.0] * 4
