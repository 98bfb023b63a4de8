"""What is stored is what was written: damage is found where it is read, named, and made good."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from trading_pipeline.errors import DataQualityError, ModelIntegrityError, RangeUnavailableError
from trading_pipeline.models import load_model
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage, study_summary
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.market_data import bars as bars_stage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.models.models import ModelStage
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.verification import Damage, verify_everything
from trading_pipeline.storage.open_results import open_results, read_bars
from trading_pipeline_tests.pipeline_world import World

AAPL = "instrument = 'AAPL_1d'"
SCENARIOS = ["ml_direction", "sma_crossover"]
YEAR = f"{AAPL} AND year(ts) = 2002"


def change(world: World, *statements: str) -> None:
    """What somebody does to the warehouse with a program of their own."""
    with world.workspace.warehouse.write() as connection:
        for sql in statements:
            connection.execute(sql)


def damages(world: World) -> list[Damage]:
    return [each for found in verify_everything(world.workspace) for each in found.damages]


def pass_over(world: World) -> dict[str, list[str]]:
    """Everything that a pass does, stage by stage; gives the partitions that were not current."""
    done = {}
    workspace = world.workspace
    for stage, keys in (
        (UniverseStage(workspace), WHOLE),
        (ActionStage(workspace, "AAPL_1d"), WHOLE),
        (BarStage(workspace, "AAPL_1d"), workspace.windows()),
        (ModelStage(workspace, "AAPL_1d", "direction"), workspace.windows()),
        (BacktestStage(workspace, "AAPL_1d"), SCENARIOS),
        (TearsheetStage(workspace, "AAPL_1d"), SCENARIOS),
        (TrialStage(workspace, "AAPL_1d"), ["sma_grid"]),
        (SummaryStage(workspace, "AAPL_1d"), ["sma_grid"]),
        (LeaderboardStage(workspace), WHOLE),
    ):
        pending = stage.pending(keys)
        if pending:
            done[stage.asset] = [stage.partition(key) for key in pending]
            stage.materialize(pending)
    return done


def content(world: World) -> list:
    """What must be as it was after damage was made good."""
    return [
        world.rows(f"SELECT * FROM bars WHERE {AAPL} ORDER BY ts"),
        world.rows(f"SELECT * EXCLUDE (seq, seen_at) FROM corporate_actions WHERE {AAPL}"),
        world.rows("SELECT result_id, sharpe FROM backtest_results ORDER BY ALL"),
        world.rows("SELECT * FROM trades ORDER BY result_id, trade_no"),
        world.rows("SELECT parameters_hash, sharpe FROM trials ORDER BY seq"),
        world.artifact_hashes("models/direction"),
    ]


def newest_file(world: World, asset: str) -> str:
    (found,) = [a for a in world.workspace.artifacts.all_newest() if a.asset == asset][-1:]
    return str(world.runtime / str(found.path))


def cut(path: str) -> None:
    with Path(path).open("r+b") as handle:
        handle.truncate(100)


def result_of(world: World, scenario: str = "sma_crossover") -> str:
    return world.value("SELECT result_id FROM backtest_results WHERE scenario = ?", scenario)


def frame_of(world: World, name: str) -> str:
    return str(world.runtime / "output/backtests" / result_of(world) / f"{name}.parquet")


def model_folder(world: World) -> str:
    return str(world.runtime / world.value("SELECT path FROM models ORDER BY seq LIMIT 1"))


@dataclass(frozen=True)
class Case:
    """A damage: what does it, the asset that a pass works on then, and a word of its name."""

    do: Callable[[World], object]
    asset: str
    named: str


def sql(*statements: str) -> Callable[[World], object]:
    return lambda world: change(world, *statements)


CASES = {
    "closes of a year times three": Case(
        sql(f"UPDATE bars SET close = close * 3, high = high * 3 WHERE {YEAR}"),
        "bars",
        "bars AAPL_1d|2002-01-01",
    ),
    "one bar removed": Case(
        sql(f"DELETE FROM bars WHERE {AAPL} AND ts = '2002-03-04'"),
        "bars",
        "bars AAPL_1d|2002-01-01",
    ),
    "a window's bars removed": Case(
        sql(f"DELETE FROM bars WHERE {YEAR}"), "bars", "bars AAPL_1d|2002-01-01"
    ),
    "bars added before the first": Case(
        sql(
            f"INSERT INTO bars SELECT instrument, ts - INTERVAL 1 YEAR, * EXCLUDE (instrument, ts) "
            f"FROM bars WHERE {AAPL} AND year(ts) = 2000"
        ),
        "bars",
        "bars AAPL_1d|2000-01-01",
    ),
    "a volume changed": Case(
        sql(f"UPDATE bars SET volume = volume + 1 WHERE {AAPL} AND ts = '2003-03-04'"),
        "bars",
        "bars AAPL_1d|2003-01-01",
    ),
    "an action removed": Case(
        sql(f"DELETE FROM corporate_actions WHERE {AAPL}"),
        "corporate_actions",
        "corporate_actions AAPL_1d",
    ),
    "a listing changed": Case(
        sql(f"UPDATE instruments SET listed_to = '2002-06-01' WHERE {AAPL}"),
        "universe",
        "universe",
    ),
    "an instrument's row removed": Case(
        sql(f"DELETE FROM instruments WHERE {AAPL}"), "universe", "universe"
    ),
    "equity cut": Case(lambda w: cut(frame_of(w, "equity")), "backtest", "result"),
    "benchmark cut": Case(lambda w: cut(frame_of(w, "benchmark")), "backtest", "result"),
    "another result's orders": Case(
        lambda w: shutil.copy(frame_of(w, "equity"), frame_of(w, "orders")), "backtest", "result"
    ),
    "a result's folder removed": Case(
        lambda w: shutil.rmtree(w.runtime / "output/backtests" / result_of(w)),
        "backtest",
        "result",
    ),
    "trades removed": Case(sql("DELETE FROM trades"), "backtest", "result"),
    "a trade changed": Case(
        sql("UPDATE trades SET pnl = pnl + 1 WHERE trade_no = 1"), "backtest", "result"
    ),
    "results removed": Case(sql("DELETE FROM backtest_results"), "backtest", "result"),
    "a metric changed": Case(sql("UPDATE backtest_results SET sharpe = 9"), "backtest", "result"),
    "a study's summary cut": Case(
        lambda w: cut(newest_file(w, "optimization_summary")),
        "optimization_summary",
        "optimization_summary AAPL_1d|sma_grid",
    ),
    "a page removed": Case(
        lambda w: Path(newest_file(w, "leaderboard")).unlink(), "leaderboard", "leaderboard"
    ),
    "a page changed": Case(
        lambda w: cut(newest_file(w, "tearsheet")), "tearsheet", "tearsheet AAPL_1d"
    ),
    "a model's folder removed": Case(
        lambda w: shutil.rmtree(model_folder(w)), "models/direction", "model "
    ),
    "a model's file cut": Case(
        lambda w: cut(model_folder(w) + "/model.skops"), "models/direction", "model "
    ),
    "a model's row changed": Case(
        sql("UPDATE models SET last_label_end = last_label_end - INTERVAL 9 YEAR"),
        "models/direction",
        "model ",
    ),
    "models' rows removed": Case(sql("DELETE FROM models"), "models/direction", "model "),
}


GROUPS = ("bars", "universe", "corporate_actions", "backtest", "pages", "models/direction")


def group_of(case: Case) -> str:
    return case.asset if case.asset in GROUPS else "pages"


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_damage_is_named_and_the_next_pass_makes_it_good(world, group):
    before = content(world)
    for name, case in CASES.items():
        if group_of(case) != group:
            continue
        case.do(world)
        found = damages(world)
        assert any(each.what.startswith(case.named) for each in found), name
        assert all(each.is_used and "trading-pipeline run" in each.recovery for each in found), name
        assert list(pass_over(world)) == [case.asset], name
        assert damages(world) == [], name
    assert content(world) == before
    assert pass_over(world) == {}


BEYOND_START = "start: 2001-01-01\nend: 2004-01-01\n"
BEYOND_END = "start: 2000-01-01\nend: 2003-01-01\n"


@pytest.mark.parametrize(("span", "year"), [(BEYOND_START, 2000), (BEYOND_END, 2003)])
def test_changed_bars_beyond_the_span_of_the_universe_are_made_good_by_a_pass(world, span, year):
    before = content(world)[0]
    world.write("universe.yaml", span)
    stage = BarStage(world.workspace, "AAPL_1d")
    stage.materialize(stage.pending(world.workspace.windows()))
    assert content(world)[0] == before
    change(world, f"UPDATE bars SET close = close * 3, high = high * 3 WHERE year(ts) = {year}")
    (found,) = damages(world)
    assert (found.what, found.is_used) == (f"bars AAPL_1d|{year}-01-01", True)
    stage = BarStage(world.workspace, "AAPL_1d")
    stage.materialize(stage.pending(world.workspace.windows()))
    assert content(world)[0] == before
    assert BarStage(world.workspace, "AAPL_1d").pending(world.workspace.windows()) == []
    assert InstrumentSeries(world.workspace, "AAPL_1d").changed_windows == {}


def test_changed_bars_beyond_the_span_go_where_the_source_has_them_no_more(world, monkeypatch):
    world.write("universe.yaml", BEYOND_START)
    change(world, f"DELETE FROM bars WHERE {AAPL} AND ts = '2000-03-06'")
    monkeypatch.setattr(bars_stage, "fetch_window", no_longer)
    stage = BarStage(world.workspace, "AAPL_1d")
    stage.materialize(stage.pending(world.workspace.windows()))
    assert world.value("SELECT min(year(ts)) FROM bars") == 2001
    assert "no longer" in world.value("SELECT reason FROM fetch_log ORDER BY seq DESC LIMIT 1")
    assert BarStage(world.workspace, "AAPL_1d").pending(world.workspace.windows()) == []
    assert InstrumentSeries(world.workspace, "AAPL_1d").changed_windows == {}


def no_longer(*_: object, **__: object) -> object:
    raise RangeUnavailableError("The source no longer has bars of that year.")


def test_nothing_is_damaged_after_a_pass(world):
    kinds = {found.kind: found.count for found in verify_everything(world.workspace)}
    assert damages(world) == []
    assert kinds["bars"] == 4
    assert kinds["results"] == 2
    assert kinds["models"] == 2
    assert kinds["ledger"] == world.value("SELECT count(*) FROM trials")


def test_changed_bars_are_refused_wherever_they_are_read(world):
    change(world, f"UPDATE bars SET close = close * 3 WHERE {YEAR}")
    with pytest.raises(DataQualityError, match=r"2002-01-01.*trading-pipeline run AAPL_1d"):
        InstrumentSeries(world.workspace, "AAPL_1d").raw  # noqa: B018
    with pytest.raises(DataQualityError, match="2002-01-01"):
        BacktestStage(world.workspace, "AAPL_1d").pending(["sma_crossover"])
    with open_results() as connection, pytest.raises(DataQualityError, match="2002-01-01"):
        read_bars(connection, "AAPL_1d")


@pytest.mark.parametrize("name", ["equity", "benchmark"])
def test_a_page_is_not_made_from_damaged_files(world, name):
    page = newest_file(world, "tearsheet")
    cut(frame_of(world, name))
    Path(page).unlink()
    with pytest.raises(DataQualityError, match=rf"{name}\.parquet.*trading-pipeline run AAPL_1d"):
        TearsheetStage(world.workspace, "AAPL_1d").materialize(["sma_crossover"])


def test_a_damaged_summary_is_refused_in_one_paragraph(world):
    cut(newest_file(world, "optimization_summary"))
    with pytest.raises(DataQualityError, match="trading-pipeline run AAPL_1d"):
        study_summary(world.workspace, "AAPL_1d", "sma_grid")


def test_a_damaged_model_says_how_it_is_trained_again(world):
    folder = world.runtime / world.value("SELECT path FROM models ORDER BY seq LIMIT 1")
    cut(str(folder / "model.skops"))
    with pytest.raises(ModelIntegrityError, match="trading-pipeline run"):
        load_model(folder)
    ModelStage(world.workspace, "AAPL_1d", "direction").materialize(world.workspace.windows())
    assert load_model(folder).model_id == folder.name


@pytest.mark.parametrize("where", ["study <> ''", "study = ''", "seq = 3", "true"])
def test_trials_that_were_removed_are_made_again_and_the_loss_stays_on_record(world, where):
    count = world.workspace.trials.count()
    change(world, f"DELETE FROM trials WHERE {where}")
    with pytest.raises(DataQualityError, match="trials accept-loss"):
        LeaderboardStage(world.workspace).pending(WHOLE)
    assert any(each.what == "ledger of trials" for each in damages(world))
    workspace = world.workspace
    for stage, keys in (
        (TrialStage(workspace, "AAPL_1d"), ["sma_grid"]),
        (BacktestStage(workspace, "AAPL_1d"), SCENARIOS),
    ):
        stage.materialize(keys)
    assert workspace.trials.count() == count
    assert workspace.trials.verify().faults
    workspace.trials.accept_losses("a test removed them")
    pass_over(world)
    assert damages(world) == []
    assert pass_over(world) == {}


def test_a_trial_that_was_changed_is_evaluated_again(world):
    change(world, "UPDATE trials SET sharpe = 9, value = 9 WHERE seq = 3")
    workspace = world.workspace
    assert TrialStage(workspace, "AAPL_1d").pending(["sma_grid"]) == ["sma_grid"]
    TrialStage(workspace, "AAPL_1d").materialize(["sma_grid"])
    assert TrialStage(world.workspace, "AAPL_1d").pending(["sma_grid"]) == []
    trials = world.workspace.trials
    newest = TrialStage(world.workspace, "AAPL_1d").newest()["AAPL_1d|sma_grid"]
    rows = trials.of_study("sma_grid", "AAPL_1d", fold=newest.input_hash[:12])
    assert max(row["sharpe"] for row in rows) < 9
    assert any("Row 3" in fault for fault in trials.verify().faults)


def test_a_result_that_a_newer_one_replaced_need_not_be_made_good(world):
    world.write(
        "scenarios/sma_crossover.yaml",
        (world.runtime / "config/scenarios/sma_crossover.yaml").read_text().replace("30", "40"),
    )
    older = result_of(world)
    BacktestStage(world.workspace, "AAPL_1d").materialize(["sma_crossover"])
    change(world, f"DELETE FROM trades WHERE result_id = '{older}'")
    (found,) = damages(world)
    assert (found.what, found.is_used) == (f"result {older}", False)
