"""What the asset page says about the quality of feature windows."""

import pandas as pd
import pytest

from trading_pipeline.features.feature_quality import feature_quality
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline_tests.pipeline_world import run_job
from trading_pipeline_tests.stage_calls import materialize_windows

NUMBERS = ("missing_share", "constant_columns", "correlated_columns", "best_ic_5_in_errors")
DRIFT = ("drifted_columns", "median_psi")


@pytest.fixture
def stage(world):
    return FeatureStage(world.workspace, "AAPL_1d", "core")


def described(stage, windows):
    return {o.partition: o.metadata for o in materialize_windows(stage, windows)}


def test_each_window_is_judged_and_the_first_has_nothing_to_drift_from(stage):
    found = list(described(stage, stage.workspace.windows()).values())
    assert all(name in each for each in found for name in NUMBERS)
    assert not set(DRIFT) & set(found[0])
    assert all(name in each for each in found[2:] for name in DRIFT)
    best = found[-1]["most_foresight_5_in_errors"].split(", ")
    assert len(best) == 5
    assert float(best[0].split()[1]) == round(found[-1]["best_ic_5_in_errors"], 1)


def test_the_reference_is_every_earlier_row_whether_it_was_just_seen_or_read_from_its_file(stage):
    together = described(stage, stage.workspace.windows())
    last = stage.workspace.windows()[-1:]
    alone = described(FeatureStage(stage.workspace, "AAPL_1d", "core"), last)
    assert alone == {"AAPL_1d|2003-01-01": together["AAPL_1d|2003-01-01"]}

    rows = stage.workspace.artifacts.newest(["features/core"], "AAPL_1d|")
    frames = [
        stage.workspace.artifacts.load(rows[("features/core", f"AAPL_1d|{window.key}")])
        for window in stage.workspace.windows()
    ]
    values = [frame.drop(columns="known_at") for frame in frames]
    close = stage.series.adjusted["close"].loc[values[-1].index]
    wanted = feature_quality(values[-1], close, reference=pd.concat(values[:-1]))
    assert alone["AAPL_1d|2003-01-01"]["median_psi"] == float(wanted.table["psi"].median())


def test_the_numbers_reach_the_asset_page(world, instance):
    key = "AAPL_1d|2003-01-01"
    result = run_job(world, instance, "bars_to_predictions", key, assets=["features/core"])
    (event,) = [e for e in result.all_events if e.is_step_materialization]
    metadata = event.materialization.metadata
    assert {*NUMBERS, "most_foresight_5_in_errors"} - {*metadata} <= {*metadata["details"].data}
    assert metadata["median_psi"].value > 0
