"""Declared inputs through the stages: joined by what was known, hashed, audited, shown."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, LookaheadError
from trading_pipeline.stages.features.audit import audit_stored
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline_tests.pipeline_world import World, new_world, pointed_at
from trading_pipeline_tests.stage_calls import (
    backtest_is_pending,
    materialize_backtest,
    materialize_trials,
    materialize_windows,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

AAPL = "AAPL_1d"
VIX = """\
    {name: vix, file: inputs/vix.csv, date: date, known: "17:30", zone: America/New_York}
"""
PYTHON_VIX = """\
inputs = [
    {"name": "vix", "file": "inputs/vix.csv", "date": "date", "known": "17:30",
     "zone": "America/New_York"},
]
"""
SET = f"""\
from trading_pipeline.features import feature

{PYTHON_VIX}

@feature(warmup=0, inputs=["close"], needs_context=True)
def fear(bars, *, context):
    "Level of the VIX as known at the bar."
    return context.inputs["vix"]["close"]


@feature(warmup=2, inputs=["close"], needs_context=True)
def fear_rises(bars, *, context):
    "Change of the VIX over two bars."
    return context.inputs["vix"]["close"].diff(2)


@feature(warmup=1, inputs=["close"])
def change(bars):
    "Change of the close."
    return bars["close"].pct_change()
"""
STRATEGY = f"""\
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy

{PYTHON_VIX}

class Calm(Strategy):
    "Hold while the VIX is low."

    def signals(self, market, params):
        vix = market.inputs["vix"]["close"]
        return Signals.long_only((vix < 21).to_numpy(), (vix > 25).to_numpy())
"""
SCENARIO = (
    "name: calm\nstrategy: {type: calm}\ninstruments: [AAPL_1d]\n"
    "dates: {start: 2001-01-01, end: 2002-01-01}\ncosts: {commission_bps: 10, slippage_bps: 5}\n"
)
STUDY = "name: calm_grid\nstrategy: calm\nscenario: calm\nspace: {}\n"


def vix_rows(first="2000-03-10", last="2001-12-31"):
    """A made-up VIX: a date and a level a weekday."""
    days = pd.bdate_range(first, last)
    level = 20.0 + 8.0 * np.sin(np.arange(len(days)) / 9.0)
    return pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "close": level.round(3)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Bars of AAPL for 2000 and 2001, a VIX beside them, a set and a strategy that declare it."""
    runtime = tmp_path_factory.mktemp("vix") / "runtime"
    with pointed_at(runtime):
        world = new_world(runtime)
        world.write("inputs/vix.csv", vix_rows().to_csv(index=False))
        world.write("features/fears.py", SET)
        world.write("strategies/calm.py", STRATEGY)
        world.write("scenarios/calm.yaml", SCENARIO)
        workspace = world.tampered
        refresh_universe(workspace)
        refresh_actions(workspace, AAPL)
        refresh_bars(workspace, AAPL, windows(workspace))
    return runtime


@pytest.fixture
def vix_world(finished, tmp_path):
    """A copy of that world for this test alone."""
    runtime = tmp_path / "runtime"
    shutil.copytree(finished, runtime)
    with pointed_at(runtime):
        yield World(runtime)


def windows(workspace) -> list[Window]:
    return workspace.windows(["2000-01-01", "2001-01-01"])


def at(frame, day):
    return frame.at[pd.Timestamp(day, tz="UTC"), "fear"]


def features(world, name="fears"):
    """Outcomes and the joined frame of a set."""
    workspace = world.workspace
    stage = FeatureStage(workspace, AAPL, name)
    outcomes = materialize_windows(stage, windows(workspace))
    files = workspace.artifacts.newest([f"features/{name}"])
    parts = [workspace.artifacts.load(row) for row in files.values()]
    return outcomes, pd.concat(parts).sort_index()


def test_a_feature_sees_the_row_that_was_known_at_its_bar(vix_world):
    outcomes, frame = features(vix_world)
    level = vix_rows().set_index("date")["close"]
    # the row of a day is known at 17:30, after the close of its bar: the bar sees the day before
    assert at(frame, "2000-03-14") == level["2000-03-13"]
    assert at(frame, "2000-03-13") == level["2000-03-10"]
    # no bar on Good Friday, but a row: Monday knows it
    assert at(frame, "2000-04-24") == level["2000-04-21"]
    before = frame.loc[:"2000-03-10"]
    assert before["fear"].isna().all()
    assert before["change"].iloc[1:].notna().all()
    assert frame.loc[:"2000-03-14", "fear_rises"].isna().all()
    assert frame.loc["2000-03-15":, "fear_rises"].notna().all()
    shown = outcomes[0].metadata["inputs"]
    assert shown.startswith(f"vix: inputs/vix.csv, {len(level)} rows, ")


def test_a_row_known_at_the_moment_of_the_bar_counts(vix_world):
    vix_world.write("features/fears.py", SET.replace("17:30", "16:00"))
    _, frame = features(vix_world)
    assert at(frame, "2000-03-14") == vix_rows().set_index("date")["close"]["2000-03-14"]


def test_a_changed_row_makes_only_windows_stale_that_knew_it(vix_world):
    features(vix_world)
    text = vix_rows(last="2002-01-31").to_csv(index=False)
    vix_world.write("inputs/vix.csv", text)
    assert [each.changed for each in features(vix_world)[0]] == [False, False]
    rows = vix_rows()
    rows.loc[rows["date"] == "2001-06-01", "close"] += 1.0
    vix_world.write("inputs/vix.csv", rows.to_csv(index=False))
    assert [each.changed for each in features(vix_world)[0]] == [False, True]
    rows["close"] += 1.0
    vix_world.write("inputs/vix.csv", rows.to_csv(index=False))
    assert [each.changed for each in features(vix_world)[0]] == [True, True]


def test_chunks_of_an_earlier_file_are_taken_only_with_equal_inputs(vix_world, monkeypatch):
    monkeypatch.setattr(FeatureStage, "chunk_bars", 60)
    _, whole = features(vix_world)
    monkeypatch.setattr(FeatureStage, "chunk_bars", 4096)
    vix_world.write("features/fears.py", SET + "\n")
    pd.testing.assert_frame_equal(features(vix_world)[1], whole)


def test_the_audit_of_a_run_passes_and_finds_a_leak_of_the_input(vix_world):
    workspace = vix_world.workspace
    stage = FeatureStage(workspace, AAPL, "fears")
    assert stage.audit(windows(workspace)) == []
    assert stage.read_outside() == ()
    ahead = SET.replace('["close"].diff(2)', '["close"].shift(-1).ffill()')
    vix_world.write("features/fears.py", ahead)
    workspace = vix_world.workspace
    found = FeatureStage(workspace, AAPL, "fears").audit(windows(workspace))
    assert {finding.column for finding in found} == {"fear_rises"}


def test_a_rare_leak_of_the_input_is_found(vix_world):
    rare = SET.replace(
        'context.inputs["vix"]["close"].diff(2)',
        '(lambda x: x.where(x < 27.9, x.shift(-1).ffill()))(context.inputs["vix"]["close"])',
    )
    vix_world.write("features/fears.py", rare)
    workspace = vix_world.workspace
    found = FeatureStage(workspace, AAPL, "fears").audit(windows(workspace))
    assert {finding.column for finding in found} == {"fear_rises"}


def test_before_an_input_is_known_there_is_nothing_to_audit(vix_world):
    vix_world.write("inputs/vix.csv", vix_rows(first="2002-03-01", last="2002-03-05").to_csv())
    workspace = vix_world.workspace
    vix_world.write("features/fears.py", SET.rpartition("\n\n@feature")[0] + "\n")
    workspace = vix_world.workspace
    assert FeatureStage(workspace, AAPL, "fears").audit(windows(workspace)) == []
    assert features(vix_world)[1]["fear"].isna().all()


def test_a_yaml_set_takes_columns_of_its_inputs_and_those_of_python_sets(vix_world):
    vix_world.write(
        "features/mixed.yaml",
        f"name: mixed\ninputs:\n  - {VIX.strip()}\ncolumns:\n"
        "  - {input: vix, column: close}\n  - {input: vix, column: close, name: level}\n"
        "  - {set: fears, only: [fear]}\n  - {set: core, only: [log_return_5]}\n",
    )
    frame = features(vix_world, "mixed")[1]
    pd.testing.assert_series_equal(frame["vix_close"], frame["fear"], check_names=False)
    pd.testing.assert_series_equal(frame["level"], frame["fear"], check_names=False)


@pytest.mark.parametrize(
    ("columns", "inputs", "message"),
    [
        ("{input: vxi, column: close}", VIX, "no input 'vxi'. Did you mean 'vix'"),
        ("{input: vix, column: close}", "", "declares no 'inputs'"),
        ("{input: vix}", VIX, "column: ..."),
        ("{input: vix, colum: close}", VIX, "Unknown key 'colum' beside 'input'"),
        (
            "{set: fears, only: [fear]}",
            VIX.replace("17:30", "18:00"),
            "'vix' of the set 'fears' is another one",
        ),
    ],
)
def test_a_wrong_yaml_set_says_what_is_wrong(vix_world, columns, inputs, message):
    listed = f"inputs:\n  - {inputs.strip()}\n" if inputs else ""
    vix_world.write("features/mixed.yaml", f"name: mixed\n{listed}columns:\n  - {columns}\n")
    with pytest.raises(ConfigurationError, match=message):
        vix_world.workspace.registries.feature_sets.get("mixed")


def test_an_unknown_column_of_an_input_is_refused_where_it_is_computed(vix_world):
    vix_world.write(
        "features/mixed.yaml",
        f"name: mixed\ninputs:\n  - {VIX.strip()}\ncolumns:\n  - {{input: vix, column: clos}}\n",
    )
    with pytest.raises(ConfigurationError, match=r"no column of numbers 'clos'. Did you mean"):
        features(vix_world, "mixed")


def test_the_side_of_a_meta_label_may_use_an_input(vix_world):
    side = SET.replace('["close"].diff(2)', '["close"].diff(2) - 0.0001')
    vix_world.write("features/fears.py", side)
    vix_world.write(
        "labels/sided.yaml",
        "type: meta_label\nhorizon_bars: 5\nside_features: fears\nside_column: fear_rises\n"
        "volatility_bars: 20\n",
    )
    workspace = vix_world.workspace
    name = next(n for n in workspace.catalog.labels)
    stage = LabelStage(workspace, AAPL, workspace.catalog.labels[name].name)
    assert stage.audit(windows(workspace)) == []
    outcomes = materialize_windows(stage, windows(workspace)[:1])
    assert outcomes[0].rows > 100


def test_a_strategy_sees_the_input_and_its_hash_is_part_of_the_result(vix_world):
    first = materialize_backtest(vix_world.workspace, AAPL, "calm")
    assert first.row["trade_count"] > 3
    assert "Not audited" not in first.row["warnings"]
    assert not backtest_is_pending(vix_world.workspace, AAPL, "calm")
    # what was known after the scenario's end changes nothing
    vix_world.write("inputs/vix.csv", vix_rows(last="2002-03-29").to_csv(index=False))
    assert not backtest_is_pending(vix_world.workspace, AAPL, "calm")
    rows = vix_rows()
    rows["close"] = 48.0 - rows["close"]
    vix_world.write("inputs/vix.csv", rows.to_csv(index=False))
    assert backtest_is_pending(vix_world.workspace, AAPL, "calm")
    second = materialize_backtest(vix_world.workspace, AAPL, "calm")
    assert second.row["result_id"] != first.row["result_id"]
    assert second.row["content_hash"] != first.row["content_hash"]


def test_the_declaration_is_part_of_the_result_where_the_module_makes_it(vix_world):
    materialize_backtest(vix_world.workspace, AAPL, "calm")
    vix_world.write("strategies/calm.py", STRATEGY.replace("17:30", "15:00"))
    assert backtest_is_pending(vix_world.workspace, AAPL, "calm")


def test_a_strategy_may_declare_in_its_class(vix_world):
    inside = STRATEGY.replace(PYTHON_VIX, "").replace(
        "\n    def signals", "\n    " + PYTHON_VIX.replace("\n", "\n    ") + "\n    def signals"
    )
    vix_world.write("strategies/calm.py", inside)
    assert materialize_backtest(vix_world.workspace, AAPL, "calm").row["trade_count"] > 3


def test_a_leak_of_the_input_is_refused(vix_world):
    vix_world.write("strategies/calm.py", STRATEGY.replace('["close"]\n', '["close"].shift(-1)\n'))
    with pytest.raises(LookaheadError, match="the strategy 'calm' reads the future"):
        materialize_backtest(vix_world.workspace, AAPL, "calm")
    found = audit_stored(vix_world.workspace, AAPL, "calm")
    assert found.findings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("inputs/vix.csv", "inputs/vxi.csv"), "which is not there"),
        (('"date": "date"', '"date": "day"'), "no column 'day'"),
        (('inputs["vix"]', 'inputs["vxi"]'), "no input 'vxi'. Did you mean 'vix'"),
        (("17:30", "25:30"), "a time of day such as '17:30'"),
    ],
)
def test_a_wrong_declaration_of_a_strategy_says_what_is_wrong(vix_world, change, message):
    vix_world.write("strategies/calm.py", STRATEGY.replace(*change))
    with pytest.raises(ConfigurationError, match=message) as caught:
        materialize_backtest(vix_world.workspace, AAPL, "calm")
    assert "\n" not in str(caught.value)


def test_a_study_evaluates_with_the_input(vix_world):
    vix_world.write(
        "strategies/calm.py",
        STRATEGY.replace("import Strategy\n", "import Strategy, StrategyParams\n")
        .replace(
            "class Calm(Strategy):",
            "class CalmParams(StrategyParams):\n    below: float = 21.0\n\n\n"
            "class Calm(Strategy[CalmParams]):",
        )
        .replace("vix < 21", "vix < params.below"),
    )
    study = STUDY.replace("{}", "{below: {values: [18.0, 21.0]}}")
    vix_world.write("studies/calm_grid.yaml", study)
    assert materialize_trials(vix_world.workspace, AAPL, "calm_grid").rows == 2


def test_a_file_that_is_opened_is_said_beside_the_result_and_by_the_audit(vix_world):
    path = vix_world.runtime / "config" / "inputs" / "vix.csv"
    own = STRATEGY.replace(PYTHON_VIX, f"import pandas as pd\n\nVIX = pd.read_csv('{path}')\n")
    own = own.replace(
        'market.inputs["vix"]["close"]',
        'VIX.set_index(pd.to_datetime(VIX["date"], utc=True))["close"].reindex(market.bars.index)',
    )
    vix_world.write("strategies/calm.py", own)
    row = materialize_backtest(vix_world.workspace, AAPL, "calm").row
    told = f"Not audited: The strategy 'calm' reads {path}, of which no audit"
    assert row["warnings"].startswith(told)
    assert audit_stored(vix_world.workspace, AAPL, "calm").outside == (f"reads {path}",)


def test_a_file_that_a_feature_opens_is_said_beside_results_of_its_models(vix_world):
    path = vix_world.runtime / "config" / "inputs" / "vix.csv"
    opened = SET + f'    + 0.0 * len(open(r"{path}", closefd=True).readline())\n'
    text = opened.replace(".pct_change()\n    +", ".pct_change() +").replace(
        f'open(r"{path}", closefd=True).readline()',
        f'__import__("pathlib").Path(r"{path}").read_text()',
    )
    vix_world.write("features/fears.py", text)
    workspace = vix_world.workspace
    assert FeatureStage(workspace, AAPL, "fears").read_outside() == (f"reads {path}",)
    stage = FeatureStage(workspace, AAPL, "fears")
    assert stage.audit(windows(workspace)) == []
    assert stage.read_outside() == (f"reads {path}",)
    from trading_pipeline.stages.features.unaudited import unaudited_features

    (told,) = unaudited_features(workspace, AAPL, "fears", "direction")
    assert told.startswith("Not audited: The feature set 'fears' of the model 'direction' reads")
    assert unaudited_features(workspace, AAPL, "core", "direction") == []


def test_shipped_sets_and_strategies_declare_nothing(vix_world):
    registries = vix_world.workspace.registries
    assert registries.feature_sets.get("core").inputs == ()
    assert registries.strategies.external_inputs("sma_crossover") == ()
    assert replace(registries.feature_sets.get("core")).is_own is False
