"""An hourly instrument with monthly refits goes through features, labels, models, predictions."""

from datetime import UTC, datetime

import pandas as pd

from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.workspace import Workspace, open_workspace
from trading_pipeline_tests.stage_calls import refresh_universe

HOURLY = "SYN_1h"
FILES = {
    "universe.yaml": "start: 2020-01-01\nend: 2020-07-01\ncadence: quarter\ninstruments:\n"
    '  - {symbol: SYN, timeframe: 1h, source: synthetic, calendar: "24/7", asset_class: crypto}\n',
    "models/hourly.yaml": "name: hourly\nestimator: {type: logistic, params: {C: 0.1}}\n"
    "label: {type: direction, horizon_bars: 12}\n"
    "training: {refit: month, span: {1h: 40d, 1d: expanding}, minimum_rows: 200}\n",
}


def test_each_prediction_comes_from_the_months_fit_whose_last_label_ended_before_it(fresh_world):
    for scenario in ("sma_crossover", "ml_direction"):
        (fresh_world.runtime / "config" / "scenarios" / f"{scenario}.yaml").unlink()
    for name, text in FILES.items():
        fresh_world.write(name, text)
    opened = open_workspace()
    now = datetime(2020, 8, 1, tzinfo=UTC)
    workspace = Workspace(opened.settings, opened.catalog, opened.warehouse, clock=lambda: now)
    refresh_universe(workspace)
    windows = workspace.windows()
    assert len(windows) == 2
    for stage in chain_stages(workspace, HOURLY, ["hourly"]):
        stage.materialize(windows)

    def frames(kind):
        newest = kind(workspace, HOURLY, "hourly").newest().values()
        return pd.concat([workspace.artifacts.load(each) for each in newest]).sort_index()

    folds, told = frames(ModelStage), frames(PredictionStage)
    months = pd.date_range("2020-01-01", periods=6, freq="MS", tz="UTC")
    assert folds.index.tolist() == months.tolist()
    assert folds["model_id"].iloc[0] == ""  # nothing was known in January
    fitted = folds.loc[folds["model_id"] != ""]
    assert len(fitted) == 5
    oldest = fitted.index - pd.Timedelta(days=40)
    assert (fitted["train_start"] >= oldest).all()
    assert (fitted["train_start"].iloc[1:] == oldest[1:]).all()
    assert len(told) > 3_500
    assert told["p_up"].notna().all()
    ends = fitted.set_index("model_id")["last_label_end"]
    assert (told["known_at"] > told["model_id"].map(ends)).all()
    by_month = told.groupby(told.index.strftime("%Y-%m"))["model_id"].unique()
    assert by_month.index.tolist() == [f"2020-0{month}" for month in range(2, 7)]
    assert [names.tolist() for names in by_month] == [[name] for name in fitted["model_id"]]
    registered = workspace.models.by_id(list(ends.index))
    for name, end in ends.items():
        assert pd.Timestamp(registered[name]["last_label_end"]) == end
