"""Cards of stored predictions: when they are made again, what the asset page shows, and errors."""

import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.stages.coverage import pending_in_order
from trading_pipeline.stages.models.live import LiveModelStage
from trading_pipeline.stages.models.model_card import ModelCardStage, stored_card
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.report_server.pages import page_file
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stages.models.earlier_fits import fitted_earlier

AAPL = "AAPL_1d"
PATH = (
    "name: path\npredictor: {type: autoregressive, params: {paths: 100, lags: 2, steps: 4}}\n"
    "training: {minimum_rows: 100}\nfull_pass: false\n"
)


def stage(world, name="direction"):
    return ModelCardStage(world.workspace, AAPL, name)


def test_a_pass_makes_the_card_and_it_is_current(world):
    assert not stage(world).pending(WHOLE)
    card, path = stored_card(world.workspace, AAPL, "direction")
    assert path.endswith("output/reports/model_cards/AAPL_1d-direction.html")
    assert card.rows > 400
    assert card.fits >= 2
    assert card.periods[-1].seconds > 0.0
    assert card == stage(world).card()


def test_the_asset_page_has_numbers_that_plot_a_picture_and_the_page(world):
    (outcome,) = stage(world).materialize(WHOLE)
    assert not outcome.changed
    shown = outcome.metadata
    assert shown["verdict"].split(":")[0] in (
        "No better than always up",
        "No better than always down",
        "Worse than always down",
        "Worse than always up",
        "Better than always up",
        "Better than always down",
    )
    for name in ("auc", "auc_low", "auc_high", "brier", "log_loss", "ece", "effective_rows"):
        assert isinstance(shown[name], float)
    assert shown["auc_low"] < shown["auc"] < shown["auc_high"]
    assert "data:image/svg+xml" in shown["reliability"].text
    assert len(shown["reliability"].text) < 20_000
    address = "model_cards/AAPL_1d-direction.html"
    assert shown["page"].url == f"http://127.0.0.1:8321/{address}"
    assert page_file(world.workspace.reports, address) is not None


def test_predictions_show_the_scores_of_their_window(world):
    workspace = world.workspace
    (outcome,) = PredictionStage(workspace, AAPL, "direction").materialize(workspace.windows()[-1:])
    assert not outcome.changed
    assert 0.0 <= outcome.metadata["auc"] <= 1.0
    assert outcome.metadata["scored_rows"] > 200.0


def test_a_lost_or_changed_page_is_made_again_and_is_the_same(world):
    _, path = stored_card(world.workspace, AAPL, "direction")
    page = (world.runtime / path).read_bytes()
    (world.runtime / path).write_bytes(b"changed")
    assert stage(world).pending(WHOLE)
    stage(world).materialize(WHOLE)
    assert (world.runtime / path).read_bytes() == page


def test_the_card_says_who_forecasts_now_and_how_it_compared_with_the_one_before(world):
    assert stage(world).card().live == {}
    earlier = fitted_earlier(world)
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    (outcome,) = stage(world).materialize(stage(world).pending(WHOLE))
    assert outcome.changed
    card, path = stored_card(world.workspace, AAPL, "direction")
    assert card.live["in place of"] == earlier
    assert card.live["decision"] == "The same procedure with the bars of today."
    assert card.live["forecasts"] in (world.runtime / path).read_text("utf-8")
    (table,) = world.workspace.artifacts.newest(["live/direction"], AAPL).values()
    world.workspace.artifacts.file_of(table).unlink()
    assert stage(world).card().live == {}


def test_other_predictions_make_the_card_stale(world):
    text = FILES["models/direction.yaml"].replace("C: 0.1", "C: 10.0")
    world.write("models/direction.yaml", text)
    workspace = world.workspace
    stages = [kind(workspace, AAPL, "direction") for kind in (ModelStage, PredictionStage)]
    assert pending_in_order(stages, workspace.windows())
    for each in stages:
        each.materialize(workspace.windows())
    assert ModelCardStage(workspace, AAPL, "direction").pending(WHOLE)


def test_a_path_is_scored_at_every_stored_horizon(world):
    world.write("models/path.yaml", PATH)
    workspace = world.workspace
    for kind in (ModelStage, PredictionStage):
        outcomes = kind(workspace, AAPL, "path").materialize(workspace.windows())
    assert "rank_ic" in outcomes[-1].metadata
    (outcome,) = stage(world, "path").materialize(WHOLE)
    assert "1 bar ahead" in outcome.metadata["verdict"]
    assert {"mse_skill", "coverage_90"} <= set(outcome.metadata)
    card, _ = stored_card(world.workspace, AAPL, "path")
    assert [each.bars for each in card.horizons] == [1, 2, 4]


def test_what_is_not_there_is_said_with_the_command(world):
    world.write("models/path.yaml", PATH)
    with pytest.raises(InsufficientDataError, match="trading-pipeline model-card path AAPL_1d"):
        stored_card(world.workspace, AAPL, "path")
    with pytest.raises(InsufficientDataError, match="has not been materialized"):
        stage(world, "path").materialize(WHOLE)
