"""Long feature windows: computed in chunks, grown bar by bar."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.workspace import Workspace, open_workspace
from trading_pipeline_tests.stage_calls import materialize_windows, refresh_bars, refresh_universe

UNIVERSE = """\
start: 2020-01-01
end: null
cadence: month
instruments:
  - {symbol: SYN, timeframe: 1h, source: synthetic, calendar: "24/7", asset_class: crypto}
"""
WINDOW = "2020-03-01"


def at(moment):
    """A workspace whose clock stands at a moment of March 2020."""
    opened = open_workspace()
    return Workspace(
        opened.settings,
        opened.catalog,
        opened.warehouse,
        clock=lambda: datetime(*moment, tzinfo=UTC),
    )


@pytest.fixture
def stage_at(fresh_world, monkeypatch):
    """`stage_at((2020, 3, 20))`: bars fetched by then, and a stage that counts what it computes."""
    fresh_world.write("universe.yaml", UNIVERSE)
    for name in ("sma_crossover", "ml_direction"):
        fresh_world.write(f"scenarios/{name}.yaml", scenario(name))
    monkeypatch.setattr(FeatureStage, "chunk_bars", 200)
    refresh_universe(at((2020, 3, 20)))

    def make(moment):
        workspace = at(moment)
        windows = [w for w in workspace.windows() if w.key.startswith("2020-")]
        refresh_bars(workspace, "SYN_1h", windows)
        stage = FeatureStage(workspace, "SYN_1h", "core")
        stage.computed = []
        real = stage.compute

        def compute(bars):
            stage.computed.append(len(bars))
            return real(bars)

        stage.compute = compute
        return stage

    return make


def scenario(name):
    return (
        f"name: {name}\nstrategy: {{type: sma_crossover, params: {{fast: 10, slow: 30}}}}\n"
        "instruments: [SYN_1h]\n"
    )


def rows_of(stage, key=WINDOW):
    window = next(w for w in stage.workspace.windows() if w.key == key)
    (outcome,) = materialize_windows(stage, [window])
    artifact = stage.workspace.artifacts.newest([stage.asset])[(stage.asset, outcome.partition)]
    return outcome, stage.workspace.artifacts.load(artifact)


def test_new_bars_cost_their_chunk_and_its_warm_up_and_give_the_same_bytes(stage_at):
    earlier = stage_at((2020, 3, 20))
    _, before = rows_of(earlier)
    assert len(before) == 19 * 24
    later = stage_at((2020, 3, 21))
    outcome, after = rows_of(later)
    assert len(after) == 20 * 24
    assert later.computed == [80 + later.set.warmup_bars]
    pd.testing.assert_frame_equal(after.iloc[:400], before.iloc[:400], check_freq=False)

    whole = stage_at((2020, 3, 21))
    window = next(w for w in whole.workspace.windows() if w.key == WINDOW)
    whole._stored = {}
    anew = whole.build(window).frame
    pd.testing.assert_frame_equal(anew, after, check_exact=True, check_freq=False)
    assert len(whole.computed) == 3
    assert outcome.changed


def test_chunks_equal_one_computation_within_the_warm_ups_tolerance(stage_at):
    stage = stage_at((2020, 3, 25))
    _, rows = rows_of(stage)
    whole = stage.compute(stage.series.adjusted).loc[rows.index]
    values = rows.drop(columns="known_at")
    scale = whole.abs().max()
    assert ((values - whole).abs().max() <= 1e-6 * scale + 1e-12).all()
    assert np.isfinite(values.to_numpy()).all()


def test_a_changed_past_bar_takes_nothing_from_the_old_file(stage_at):
    rows_of(stage_at((2020, 3, 20)))
    later = stage_at((2020, 3, 21))
    stored = later._stored
    for key, artifact in stored.items():
        stored[key] = type(artifact)(**vars(artifact) | {"input_hash": "of other bars"})
    rows_of(later)
    assert len(later.computed) == 3


def test_a_file_that_is_gone_is_computed_again(stage_at):
    stage = stage_at((2020, 3, 20))
    rows_of(stage)
    for artifact in stage.workspace.artifacts.newest([stage.asset]).values():
        (stage.workspace.settings.runtime / artifact.path).unlink()
    again = stage_at((2020, 3, 21))
    rows_of(again)
    assert len(again.computed) == 3
