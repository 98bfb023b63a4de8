"""Live models that ask for a new fit: the check, `doctor` and `forecast` say the same."""

import dagster as dg
import pytest

from trading_pipeline.cli.live_models_check import examine_live_models
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.live_health import live_health, live_models
from trading_pipeline.stages.reports.forecast import newest_forecast
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline_tests.pipeline_world import run_job
from trading_pipeline_tests.stages.models.earlier_fits import AAPL, fitted_earlier


def checked(world):
    """What the asset check says when it is run by itself."""
    job = dg.define_asset_job(
        "checks", selection=dg.AssetSelection.checks_for_assets(dg.AssetKey(["live", "direction"]))
    )
    definitions = dg.Definitions.merge(world.definitions(), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("checks").execute_in_process(instance=instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_a_model_of_the_newest_bars_asks_for_nothing(world):
    assert list(live_models(world.workspace)) == []
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    assert list(live_models(world.workspace)) == [(AAPL, "direction")]
    health = live_health(world.workspace, AAPL, "direction")
    assert (health.age_days, health.limit_days) == (0.0, 90.0)
    assert health.reasons_to_refit() == {}
    (finding,) = examine_live_models(load_settings())
    assert (finding.state, finding.detail) == ("ok", "1, none asks for a new fit")
    assert checked(world).passed


def test_a_model_that_is_older_than_its_limit_warns_everywhere(world):
    fitted_earlier(world)
    LatestForecastStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    health = live_health(world.workspace, AAPL, "direction")
    assert health.age_days == pytest.approx(365.0, abs=2.0)
    assert health.drift.rows > 20
    assert health.decay.effective_rows == pytest.approx(250 / 5, rel=0.1)
    reason = health.reasons_to_refit()["age"]
    assert "the limit is 90" in reason
    assert reason in newest_forecast(world.workspace, AAPL, "direction").reasons_to_refit
    (finding,) = examine_live_models(load_settings())
    assert reason in finding.detail
    assert not finding.needed
    evaluation = checked(world)
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert f"{AAPL}: {reason}" in evaluation.description


def test_what_could_not_be_measured_is_said_and_the_age_still_counts(world):
    fitted_earlier(world)
    artifacts = world.workspace.artifacts
    found = artifacts.newest(["features/core"], f"{AAPL}|")
    artifacts.file_of(found[("features/core", f"{AAPL}|2003-01-01")]).unlink()
    health = live_health(world.workspace, AAPL, "direction")
    assert (health.drift, health.decay) == (None, None)
    assert "features/core" in health.unmeasured
    assert list(health.reasons_to_refit()) == ["age"]
    told = [finding.detail for finding in examine_live_models(load_settings())]
    assert any(health.unmeasured in each for each in told)
    assert health.unmeasured in checked(world).description


def test_the_file_of_the_model_sets_the_limit(world):
    fitted_earlier(world)
    world.write(
        "models/direction.yaml",
        "name: direction\nestimator: {type: logistic, params: {C: 0.1}}\nfeatures: core\n"
        "training: {minimum_rows: 40}\nmax_age_days: 400\n",
    )
    assert "age" not in live_health(world.workspace, AAPL, "direction").reasons_to_refit()


def test_a_path_model_has_an_age_alone(world):
    world.write(
        "models/paths.yaml",
        "name: paths\npredictor: {type: autoregressive, params: {paths: 100}}\n"
        "training: {minimum_rows: 40}\n",
    )
    fitted_earlier(world, "paths")
    health = live_health(world.workspace, AAPL, "paths")
    assert (health.drift, health.decay) == (None, None)
    assert list(health.reasons_to_refit()) == ["age"]


def test_a_run_of_the_live_model_runs_the_check_too(world, instance):
    result = run_job(world, instance, "forecasts", AAPL, assets=["live/direction"])
    assert result.success
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.passed
    assert evaluation.metadata["live_models"].value == 1
