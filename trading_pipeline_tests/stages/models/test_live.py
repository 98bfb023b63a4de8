"""Live models and newest forecasts: what they read, what they say, and who may not read them."""

import json
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.cli.forecast_command import run_forecast
from trading_pipeline.errors import ConfigurationError, InsufficientDataError, UnknownNameError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.coverage import models_of_a_pass
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.check_catalog import check_scenario
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.reports.forecast import newest_forecast, write_forecast_page
from trading_pipeline.stages.stage import WHOLE

AAPL = "AAPL_1d"
NAMES = ("autoregressive", "multi_ohlc", "direction")
SMALL = {
    "autoregressive": "predictor: {type: autoregressive, params: {paths: 100}}\n",
    "multi_ohlc": "predictor: {type: multi_ohlc, params: {paths: 99}}\n",
}


@pytest.fixture
def forecasting(world):
    for name, text in SMALL.items():
        world.write(
            f"models/{name}.yaml",
            f"name: {name}\n{text}training: {{minimum_rows: 100}}\nfull_pass: false\n",
        )
    return world


def made(world, name):
    for kind in (LiveModelStage, LatestForecastStage):
        (outcome,) = kind(world.workspace, AAPL, name).materialize(WHOLE)
        assert outcome.status == "ok"
    return newest_forecast(world.workspace, AAPL, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_newest_forecast_starts_from_the_last_bar_by_a_fit_of_all_of_them(forecasting, name):
    told = made(forecasting, name)
    bars = forecasting.workspace.bars.read_span(AAPL, None, None)
    assert told.last_ts == bars.index[-1]
    assert told.last_close == bars["close"].iloc[-1]
    assert told.bars_of(told.steps)[0] > told.last_ts
    assert ("drift" if told.is_path else "AUC") in told.skill
    (row,) = forecasting.rows(
        'SELECT "window", last_label_end FROM models WHERE model_id = ?', told.model_id
    )
    assert row[0] == "live"
    assert pd.Timestamp(row[1]) == told.last_known_at
    for kind in (LiveModelStage, LatestForecastStage):
        stage = kind(forecasting.workspace, AAPL, name)
        assert not stage.pending(WHOLE)
        assert stage.asset == f"{stage.kind}/{name}"


def test_a_path_goes_through_the_sessions_of_the_calendar(forecasting):
    told = made(forecasting, "autoregressive")
    bars = told.bars_of(told.steps)
    assert [f"{bar:%Y-%m-%d}" for bar in bars[:2]] == ["2004-01-02", "2004-01-05"]
    assert pd.Timestamp("2004-01-19", tz="UTC") not in bars  # Martin Luther King Day
    assert told.steps["horizon"].tolist() == list(range(1, 31))
    assert (told.steps["close_q05"] < told.steps["close"]).all()
    assert told.age_days > 5000


def test_bars_of_a_path_are_possible_and_in_prices_as_traded(forecasting):
    steps = made(forecasting, "multi_ohlc").steps
    close = forecasting.workspace.bars.read_span(AAPL, None, None)["close"].iloc[-1]
    assert steps["close"].iloc[0] == pytest.approx(close, rel=0.05)
    assert (steps["low"] <= steps[["open", "close"]].min(axis=1)).all()
    assert (steps["high"] >= steps[["open", "close"]].max(axis=1)).all()


def test_the_page_loads_nothing_and_its_picture_is_whole(forecasting):
    for name in NAMES:
        told = made(forecasting, name)
        path = write_forecast_page(forecasting.workspace, told)
        page = path.read_text("utf-8")
        assert page == write_forecast_page(forecasting.workspace, told).read_text("utf-8")
        assert "Held back" in page
        assert "http" not in page.replace("http-equiv", "")
        if told.is_path:
            picture = page[page.index("<svg") : page.index("</svg>") + 6]
            assert ElementTree.fromstring(picture).tag == "svg"
            assert "nan" not in picture.lower()


def test_walk_forward_models_of_paths_leave_out_what_they_do_not_read(forecasting):
    workspace = forecasting.workspace
    windows = workspace.windows()
    for kind in (ModelStage, PredictionStage):
        outcomes = kind(workspace, AAPL, "autoregressive").materialize(windows)
    rows = {outcome.partition.split("|")[1][:4]: outcome for outcome in outcomes}
    assert rows["2000"].status == "no_model"
    frame = PredictionStage(workspace, AAPL, "autoregressive")
    artifact = frame.newest()[f"{AAPL}|2003-01-01"]
    predictions = workspace.artifacts.load(artifact)
    assert len(predictions) == 252 * 6
    assert predictions["horizon"].iloc[:6].tolist() == [1, 2, 4, 8, 16, 30]
    assert np.isfinite(predictions["yhat"]).all()


def test_no_backtest_can_name_a_live_model(forecasting):
    made(forecasting, "direction")
    workspace = forecasting.workspace
    scenario = workspace.catalog.scenario("ml_direction")
    for name in ("live", "live_direction", "latest_forecast"):
        params = {**scenario.strategy.params, "model": name}
        strategy = scenario.strategy.model_copy(update={"params": params})
        with pytest.raises(UnknownNameError):
            check_scenario(workspace.catalog, scenario.model_copy(update={"strategy": strategy}))
    for name in ("live/direction", "latest_forecast/direction"):
        params = {**scenario.strategy.params, "model": name}
        strategy = scenario.strategy.model_copy(update={"params": params})
        with pytest.raises(ConfigurationError):
            check_scenario(workspace.catalog, scenario.model_copy(update={"strategy": strategy}))
    with pytest.raises(ConfigurationError, match="model_window"):
        ScenarioSpec.parse(
            scenario.model_dump(exclude_none=True) | {"model_window": "live"}, where="mine"
        )


def test_a_live_model_moves_no_prediction_that_a_backtest_reads(forecasting):
    workspace = forecasting.workspace
    scenario = workspace.catalog.scenario("ml_direction")
    before = load_inputs(workspace, AAPL, scenario)
    made(forecasting, "direction")
    after = load_inputs(forecasting.workspace, AAPL, scenario)
    assert before.hashes == after.hashes
    live = set(forecasting.rows("SELECT model_id FROM models WHERE \"window\" = 'live'"))
    used = set(after.inputs.predictions["direction"]["model_id"])
    assert live
    assert not {name for (name,) in live} & used


def test_a_listing_that_has_ended_has_no_next_bar(forecasting, monkeypatch):
    LiveModelStage(forecasting.workspace, AAPL, "autoregressive").materialize(WHOLE)
    stage = LatestForecastStage(forecasting.workspace, AAPL, "autoregressive")
    ended = stage.series.instrument.__class__(
        **{**vars(stage.series.instrument), "listed_to": date(2003, 12, 31)}
    )
    monkeypatch.setattr(stage.series, "instrument", ended)
    with pytest.raises(InsufficientDataError, match="listed to 2003-12-31"):
        stage.materialize(WHOLE)


def test_too_few_bars_say_so(forecasting):
    forecasting.write(
        "models/autoregressive.yaml",
        "name: autoregressive\npredictor: autoregressive\ntraining: {minimum_rows: 100000}\n",
    )
    for kind in (LiveModelStage, LatestForecastStage):
        (outcome,) = kind(forecasting.workspace, AAPL, "autoregressive").materialize(WHOLE)
        assert outcome.status == "no_model"
    with pytest.raises(InsufficientDataError, match="100000 are needed"):
        newest_forecast(forecasting.workspace, AAPL, "autoregressive")


def test_an_instrument_without_bars_can_be_forecast_once_they_are_fetched(forecasting):
    with pytest.raises(InsufficientDataError, match=r"trading-pipeline run IBM_1d\."):
        LiveModelStage(forecasting.workspace, "IBM_1d", "autoregressive").materialize(WHOLE)
    bars = BarStage(forecasting.workspace, "IBM_1d")
    bars.materialize(bars.pending(forecasting.workspace.windows()))
    fit = LiveModelStage(forecasting.workspace, "IBM_1d", "autoregressive")
    (outcome,) = fit.materialize(WHOLE)
    assert outcome.status == "ok"


def test_a_full_pass_leaves_out_what_nobody_trades(forecasting):
    assert models_of_a_pass(forecasting.workspace) == ["direction"]
    forecasting.write(
        "models/autoregressive.yaml", "name: autoregressive\npredictor: autoregressive\n"
    )
    assert "autoregressive" in models_of_a_pass(forecasting.workspace)


def test_the_command_runs_what_is_missing_and_prints_all_of_it(forecasting, capsys):
    run_forecast(AAPL, "autoregressive", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["instrument"] == AAPL
    assert [step["horizon"] for step in told["steps"]] == list(range(1, 31))
    assert 0.0 < told["steps"][0]["p_up"] < 1.0
    assert told["horizons"][0]["skill_error"] > 0.0
    run_forecast(AAPL, "autoregressive", as_json=False)
    shown = capsys.readouterr().out
    assert "drift" in shown
    assert "90 % band" in shown
    assert told["page"] in shown.replace("\n", "")
    with pytest.raises(UnknownNameError):
        run_forecast(AAPL, "autoregresive", as_json=True)


def test_a_live_model_reads_back_as_far_as_its_span_of_time(forecasting):
    forecasting.write(
        "models/autoregressive.yaml",
        "name: autoregressive\npredictor: {type: autoregressive, params: {paths: 100}}\n"
        "training: {minimum_rows: 100, span: 300d}\nfull_pass: false\n",
    )
    made(forecasting, "autoregressive")
    stage = LiveModelStage(forecasting.workspace, AAPL, "autoregressive")
    (fold,) = [stage.workspace.artifacts.load(each) for each in stage.newest().values()]
    oldest = fold.index[0] - pd.Timedelta(days=300)
    assert oldest <= fold["train_start"].iloc[0] < oldest + pd.Timedelta(days=5)
    assert [each.key for each in stage.read_windows] == ["2003-01-01"]
