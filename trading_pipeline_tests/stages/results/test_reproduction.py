"""A stored result run again: equal, or what changed, by name and with where to look."""

from datetime import UTC, datetime

import pytest

from trading_pipeline.errors import DataQualityError, InsufficientDataError, LookaheadError
from trading_pipeline.reporting.page.verdict import verdict
from trading_pipeline.settings.portfolio_scenario import parse_scenario
from trading_pipeline.settings.yaml_files import read_yaml
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline.stages.reports.leaderboard import judged_rows, leaderboard_rows
from trading_pipeline.stages.results.reproduction import reproduce
from trading_pipeline.stages.results.settings_difference import differing_settings
from trading_pipeline.stages.results.shown_result import shown_result
from trading_pipeline.stages.results.stored_scenario import stored_lineage
from trading_pipeline_tests.results_market import (
    CROSS,
    OWN,
    PAIR,
    STEPS,
    market,
    result_ids,
)

__all__ = ["market"]

CROSS_ID, OWN_ID, PAIR_ID = "cross|AAPL_1d", "own|AAPL_1d", "pair|AAPL_1d, IBM_1d"


def again(world, key):
    return reproduce(world.workspace, result_ids(world)[key])


@pytest.mark.parametrize("key", [CROSS_ID, OWN_ID, PAIR_ID])
def test_a_result_is_equal_and_nothing_is_written(market, key):
    before = (market.counts(), market.value("SELECT count(*) FROM audits"))
    files = sorted(market.runtime.rglob("*.parquet"))
    told = again(market, key)
    assert (told.is_equal, told.changes, told.numbers, told.notes) == (True, (), {}, ())
    assert told.content_hash == told.content_hash_now
    assert "Equal" in told.verdict
    assert (market.counts(), market.value("SELECT count(*) FROM audits")) == before
    assert sorted(market.runtime.rglob("*.parquet")) == files


@pytest.mark.parametrize("text", [CROSS, OWN, PAIR])
def test_the_scenario_beside_a_result_says_what_its_file_said(market, tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    written = parse_scenario(read_yaml(path), where="here")
    keys = {"cross": CROSS_ID, "own": OWN_ID, "pair": PAIR_ID}
    result_id = result_ids(market)[keys[written.name]]
    stored = stored_lineage(market.runtime, result_id)
    assert stored is not None
    assert stored.scenario.hash == written.hash
    assert stored.scenario.settings_hash == written.settings_hash
    assert differing_settings(stored.scenario, written) == {}


@pytest.mark.parametrize(("key", "file"), [(CROSS_ID, "cross"), (PAIR_ID, "pair")])
def test_a_scenario_whose_file_was_changed_or_removed_is_run_as_it_was_stored(market, key, file):
    path = market.runtime / "config" / "scenarios" / f"{file}.yaml"
    path.write_text(path.read_text("utf-8").replace("commission_bps: 10", "commission_bps: 25"))
    told = again(market, key)
    assert told.is_equal
    assert told.changes == ()
    assert "costs.commission_bps: 10.0, now 25.0" in told.notes[0]
    assert str(path) in told.notes[0]
    path.unlink()
    told = again(market, key)
    assert told.is_equal
    assert f"No file has the scenario '{file}' any more" in told.notes[0]


def test_changed_code_of_the_strategy_is_named_with_its_place_and_the_numbers_that_moved(market):
    market.write("strategies/steps.py", STEPS.replace("shift(3)", "shift(4)"))
    told = again(market, OWN_ID)
    assert not told.is_equal
    assert [each.kind for each in told.changes] == ["code"]
    assert "steps.py, line" in told.changes[0].detail
    stored, now = told.numbers["final_equity"]
    assert stored != now
    assert told.verdict == "Not equal. Changed since: code."
    market.write("strategies/steps.py", STEPS + "# a remark\n\nUNUSED = 1\n")
    assert again(market, OWN_ID).changes == ()


def test_a_comment_is_no_change_but_other_code_with_equal_numbers_is_said(market):
    market.write("strategies/steps.py", STEPS.replace("rises, ~rises", "rises, rises == False"))
    told = again(market, OWN_ID)
    assert told.is_equal
    assert told.verdict.endswith("although this changed: code.")


@pytest.mark.parametrize("key", [CROSS_ID, PAIR_ID])
def test_bars_that_a_source_revised_are_counted(market, key):
    tampered = market.workspace
    with tampered.warehouse.write() as connection:
        connection.execute(
            "UPDATE corporate_actions SET value = 2.5 WHERE instrument = 'AAPL_1d' "
            "AND kind = 'split' AND ex_date < DATE '2003-01-01'"
        )
        connection.execute(
            "INSERT INTO bar_revisions(instrument, ts, field, old, new, seen_at) VALUES "
            "('AAPL_1d', TIMESTAMPTZ '2001-01-03 00:00:00Z', 'close', 1.0, 2.0, ?::TIMESTAMPTZ)",
            [datetime(2999, 1, 1, tzinfo=UTC).isoformat()],
        )
    told = again(market, key)
    assert [each.kind for each in told.changes] == ["bars"]
    assert "1 of AAPL_1d" in told.changes[0].detail
    assert "bar_revisions" in told.changes[0].detail


def test_what_stands_outside_the_scenario_is_a_change_of_settings(market, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_SHARPE_LIMIT_DAILY", "3")
    told = again(market, CROSS_ID)
    assert told.is_equal
    assert [each.kind for each in told.changes] == ["settings"]
    assert "SHARPE_LIMIT" in told.changes[0].detail


def test_a_result_from_before_scenarios_were_stored_needs_the_file(market):
    result_id = result_ids(market)[CROSS_ID]
    with market.workspace.warehouse.write() as connection:
        connection.execute(
            "UPDATE backtest_results SET frames = NULL, row_hash = NULL WHERE result_id = ?",
            [result_id],
        )
    (market.runtime / "output" / "backtests" / result_id / "lineage.json").unlink()
    told = again(market, CROSS_ID)
    assert told.is_equal
    assert "as it is now" in told.notes[0]
    (market.runtime / "config" / "scenarios" / "cross.yaml").unlink()
    with pytest.raises(InsufficientDataError, match="no file has the scenario 'cross'"):
        again(market, CROSS_ID)
    market.write("scenarios/cross.yaml", CROSS)  # as the message says
    assert again(market, CROSS_ID).is_equal


def test_inputs_that_are_gone_are_named(market):
    ids = result_ids(market)
    market.write(
        "universe.yaml",
        "start: 2000-01-01\nend: 2004-01-01\narchived: [AAPL_1d]\n",
    )
    for key in (CROSS_ID, PAIR_ID):
        with pytest.raises(InsufficientDataError, match=r"cannot be run again.*archived"):
            reproduce(market.workspace, ids[key])
    (market.runtime / "config" / "universe.yaml").write_text(
        "start: 2000-01-01\nend: 2004-01-01\n", encoding="utf-8"
    )
    assert again(market, CROSS_ID).is_equal
    (market.runtime / "config" / "strategies" / "steps.py").unlink()
    with pytest.raises(InsufficientDataError, match="no strategy 'steps'"):
        reproduce(market.workspace, ids[OWN_ID])
    with market.workspace.warehouse.write() as connection:
        connection.execute("DELETE FROM bars WHERE instrument = 'AAPL_1d'")
    with pytest.raises(InsufficientDataError, match="cannot be run again"):
        reproduce(market.workspace, ids[CROSS_ID])


def test_a_damaged_result_or_a_strategy_that_looks_ahead_is_not_run(market):
    result_id = result_ids(market)[CROSS_ID]
    path = market.runtime / "output" / "backtests" / result_id / "lineage.json"
    path.write_text(path.read_text("utf-8").replace('"fast": 5', '"fast": 6'), encoding="utf-8")
    with pytest.raises(DataQualityError, match=r"lineage\.json is not the one that was written"):
        again(market, CROSS_ID)
    BacktestStage(market.workspace, "AAPL_1d").materialize(["cross"])  # as the message says
    assert again(market, CROSS_ID).is_equal
    market.write("strategies/steps.py", STEPS.replace("close.shift(3)", "close.shift(-1)"))
    with pytest.raises(LookaheadError):
        again(market, OWN_ID)


def test_models_that_were_trained_anew_are_named(world):
    result_id = result_ids(world)["ml_direction|AAPL_1d"]
    assert reproduce(world.workspace, result_id).is_equal
    then = stored_lineage(world.runtime, result_id).models["AAPL_1d"]["direction"]
    assert set(then) <= {row["model_id"] for row in world.workspace.models.all()}
    text = (world.runtime / "config" / "models" / "direction.yaml").read_text("utf-8")
    world.write("models/direction.yaml", text.replace("C: 0.1", "C: 0.001"))
    workspace = world.workspace
    for stage in chain_stages(workspace, "AAPL_1d", ["direction"]):
        stage.materialize(workspace.windows())
    told = reproduce(world.workspace, result_id)
    assert [each.kind for each in told.changes] == ["predictions"]
    assert (
        f"{len(then)} of {len(then)} models of 'direction' were replaced" in told.changes[0].detail
    )
    assert then[0] in told.changes[0].detail


def test_costs_that_the_environment_gave_are_stored_as_its_own(market, monkeypatch):
    plain = CROSS.replace("name: cross", "name: plain").split("costs")[0]
    market.write("scenarios/plain.yaml", plain)
    BacktestStage(market.workspace, "AAPL_1d").materialize(["plain"])
    result_id = result_ids(market)["plain|AAPL_1d"]
    told = reproduce(market.workspace, result_id)
    assert told.is_equal
    assert told.changes == ()
    monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_COMMISSION_BPS", "3")
    changed = shown_result(market.workspace, result_id).changed_settings
    assert changed == {
        "costs.commission_bps": tuple(
            f"{value}, the environment's TRADING_PIPELINE_DEFAULT_COMMISSION_BPS"
            for value in (10, 3)
        )
    }


def test_a_portfolio_is_judged_by_its_rebalances_here_as_on_the_leaderboard(market):
    (row,) = [row for row in leaderboard_rows(market.workspace) if row["scenario"] == "pair"]
    shown = shown_result(market.workspace, row["result_id"])
    assert shown.verdict == verdict(*judged_rows(market.workspace, [row]))
    assert "trades; about" not in shown.verdict
