"""Live models as they would have been fitted before the last year of the world."""

import copy

import pandas as pd

from trading_pipeline.stages.models.live import LiveModelStage
from trading_pipeline.stages.stage import WHOLE

AAPL = "AAPL_1d"


def table(world, model="direction"):
    (row,) = world.workspace.artifacts.newest([f"live/{model}"], AAPL).values()
    return world.workspace.artifacts.load(row)


def fitted_earlier(world, model="direction"):
    """Fit the live model as it would have been at the end of 2002."""
    stage = LiveModelStage(world.workspace, AAPL, model)
    earlier = copy.copy(stage.series)
    known = earlier.known_at
    earlier.__dict__["known_at"] = known[known < pd.Timestamp("2003-01-01", tz="UTC")]
    stage.__dict__["series"] = earlier
    stage.inputs = lambda: "the bars up to 2002"
    stage.materialize(WHOLE)
    (row,) = table(world, model).to_dict("records")
    assert row["last_label_end"] < pd.Timestamp("2003-01-01", tz="UTC")
    assert row["decision"] == "There was no champion to compare with."
    return row["model_id"]
