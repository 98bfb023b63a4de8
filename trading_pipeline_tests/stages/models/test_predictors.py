"""Model files of other predictors than direction, from labels to predictions."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import LookaheadError, OwnCodeError
from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline.stages.market_data.check_catalog import check_catalog
from trading_pipeline.stages.models.models import ModelStage, PredictionStage

INSTRUMENT = "AAPL_1d"
OWN = """
import pandas as pd
from trading_pipeline.models import Predictor


class Trend(Predictor):
    columns = {"yhat": "mean return of the last bars"}
    needs_bars = True

    def fit(self, rows):
        assert rows.history.known_at.max() < rows.targets["t1"].max() + pd.Timedelta(days=9)
        return {"bars": 20}

    def predict(self, state, rows):
        mean = rows.history.bars["close"].pct_change().rolling(state["bars"]).mean()
        return pd.DataFrame({"yhat": mean.reindex(rows.features.index)}, rows.features.index)
"""


def brought_up_to_date(world, model):
    workspace = world.workspace
    for stage in chain_stages(workspace, INSTRUMENT, [model])[1:]:
        outcomes = stage.materialize(workspace.windows())
    again = chain_stages(workspace, INSTRUMENT, [model])[1:]
    assert not any(stage.pending(workspace.windows()) for stage in again)
    frame = pd.concat(
        [
            workspace.artifacts.load(artifact)
            for artifact in PredictionStage(workspace, INSTRUMENT, model).newest().values()
            if artifact.rows
        ]
    ).sort_index()
    return workspace, frame, outcomes


@pytest.mark.parametrize("label", ["forward_return", "volatility"])
def test_a_model_file_of_a_number_gives_predictions_with_intervals(world, label):
    world.write(
        "models/number.yaml",
        f"name: number\npredictor: {label}\nestimator: {{type: ridge, params: {{alpha: 10.0}}}}\n"
        f"label: {{type: {label}}}\ntraining: {{minimum_rows: 100, half_life_bars: 250}}\n",
    )
    workspace, frame, outcomes = brought_up_to_date(world, "number")
    assert list(frame.columns) == ["known_at", "model_id", "horizon", "yhat", "q05", "q50", "q95"]
    assert len(frame) > 200  # the features of the first years warm up
    assert (frame["q05"] < frame["q95"]).all()
    assert outcomes[-1].metadata["missing_predictions"] == 0
    folds = ModelStage(workspace, INSTRUMENT, "number")
    last = folds.describe(
        folds.stored(workspace.windows()[-1], folds.newest()[f"{INSTRUMENT}|2003-01-01"])
    )
    assert "inside the 90 % interval" in last["held_back"]
    assert last["tail_rows"] > 100


def test_a_predictor_of_the_users_reads_bars_up_to_each_row(world):
    world.write("predictors/trend.py", OWN)
    world.write("models/mine.yaml", "name: mine\npredictor: trend\ntraining: {minimum_rows: 40}\n")
    workspace, frame, _ = brought_up_to_date(world, "mine")
    close = workspace.series[INSTRUMENT].adjusted["close"]
    expected = close.pct_change().rolling(20).mean().reindex(frame.index)
    np.testing.assert_allclose(frame["yhat"], expected, rtol=1e-9)
    stage = PredictionStage(workspace, INSTRUMENT, "mine")
    assert not stage.pending(workspace.windows())
    world.write("predictors/trend.py", OWN.replace('"bars": 20', '"bars": 30'))
    assert ModelStage(world.workspace, INSTRUMENT, "mine").pending(workspace.windows())


def test_a_predictor_that_reads_later_bars_writes_nothing(world):
    leak = OWN.replace(".mean()\n", ".mean().shift(-1).ffill()\n")
    world.write("predictors/trend.py", leak)
    world.write("models/mine.yaml", "name: mine\npredictor: trend\ntraining: {minimum_rows: 40}\n")
    workspace = world.workspace
    with pytest.raises(LookaheadError, match=r"trend\.py: the predictor 'trend' gives"):
        ModelStage(workspace, INSTRUMENT, "mine").materialize(workspace.windows())
    assert not list((world.runtime / "models").glob("mine/*"))


def test_a_broken_predictor_stops_its_model_alone(world):
    world.write("predictors/trend.py", "x = (")
    world.write("models/mine.yaml", "name: mine\npredictor: trend\n")
    found = check_catalog(world.workspace.catalog)
    assert set(found) == {"models/mine"}
    with pytest.raises(OwnCodeError, match=r"trend\.py"):
        ModelStage(world.workspace, INSTRUMENT, "mine")
    assert not PredictionStage(world.workspace, INSTRUMENT, "direction").pending(
        world.workspace.windows()
    )
    assert world.definitions().resolve_asset_graph() is not None
