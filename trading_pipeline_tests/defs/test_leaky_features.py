"""A feature which reads the future stops the run."""

import numpy as np
import pytest

from trading_pipeline.errors import DataQualityError
from trading_pipeline.features.sets.registry import SHIPPED_SETS, FeatureSet, FeatureSpec
from trading_pipeline_tests.pipeline_world import (
    cause_of_failure,
    failed_checks,
    materialized,
    run_job,
)
from trading_pipeline_tests.stage_calls import refresh_universe

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"


def tomorrows_return(bars):
    close = bars["close"].to_numpy()
    return np.append(close[1:] / close[:-1] - 1.0, 0.0)


def tomorrows_return_without_end(bars):
    close = bars["close"].to_numpy()
    return np.append(close[1:] / close[:-1] - 1.0, np.nan)


def todays_return(bars):
    close = bars["close"].to_numpy()
    return np.append(0.0, close[1:] / close[:-1] - 1.0)


def spec(name, compute):
    return FeatureSpec(
        name=name, version=1, inputs=("close",), lookback=1, warmup=1, compute=compute
    )


@pytest.fixture
def of_own_features(fresh_world, monkeypatch):
    """The world with one more shipped feature set, which is forgotten after the test."""

    def make(**columns):
        specs = tuple(spec(name, compute) for name, compute in columns.items())
        monkeypatch.setitem(SHIPPED_SETS, "own", FeatureSet(name="own", version=1, specs=specs))
        fresh_world.write(
            "models/direction.yaml",
            "name: direction\nfeatures: own\ntraining: {minimum_rows: 40}\n",
        )
        refresh_universe(fresh_world.tampered)
        return fresh_world

    return make


def test_a_feature_that_reads_the_future_stops_before_any_model(of_own_features, instance):
    world = of_own_features(honest=todays_return, leaky=tomorrows_return)
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST)

    assert not result.success
    assert failed_checks(result) - {"warnings"} >= {"prefix_truncation", "scrambled_future"}
    (check,) = [
        e
        for e in result.get_asset_check_evaluations()
        if e.check_name == "prefix_truncation" and e.asset_key.path == ["features", "own"]
    ]
    assert "column 'leaky' at 200" in check.description
    assert "no shift by a negative number" in check.description
    assert check.metadata["findings"].value > 0
    assert "bars" in materialized(result)
    assert not {"models/direction", "predictions/direction"} & materialized(result)
    of_features = "SELECT count(*) FROM models WHERE name = 'direction'"
    assert world.value(of_features) == 0  # models of bars alone read no feature

    later = run_job(
        world, instance, "bars_to_predictions", FIRST, LAST, assets=["models/direction"]
    )
    assert not later.success
    assert "InsufficientDataError" in cause_of_failure(later)
    assert world.value(of_features) == 0


def test_an_honest_set_of_ones_own_runs_through(of_own_features, instance):
    world = of_own_features(honest=todays_return)
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST)
    assert result.success, cause_of_failure(result) or failed_checks(result)
    assert materialized(result) >= {"features/own", "models/direction", "predictions/direction"}


def test_the_command_line_is_told_which_check_failed_and_why(of_own_features):
    world = of_own_features(leaky=tomorrows_return)
    full_pass = world.full_pass()
    full_pass.reference_data()
    with pytest.raises(DataQualityError) as caught:
        full_pass.chain("AAPL_1d", ["direction"], world.workspace.windows())
    text = str(caught.value)
    assert "features/own: prefix_truncation: column 'leaky' at 200" in text
    assert "no shift by a negative number" in text
    assert len(caught.value.values["checks"]) >= 2


def test_the_table_of_findings_can_be_read_by_the_ui(of_own_features, instance):
    world = of_own_features(leaky=tomorrows_return_without_end)
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST)
    checks = [e for e in result.get_asset_check_evaluations() if not e.passed]
    tables = [e.metadata["examples"].records for e in checks if "examples" in e.metadata]
    values = [value for table in tables for record in table for value in record.data.values()]
    assert "nan" in values
    assert all(isinstance(value, str) for value in values)  # a NaN is no JSON
