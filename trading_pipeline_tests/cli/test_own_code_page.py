"""The examples of docs/own-code.md, run as a user would run them."""

import json
import re
from pathlib import Path

import pytest

from trading_pipeline.backtest.portfolio.strategy_weights import rebalancing_of
from trading_pipeline.cli.own_code_check import examine_own_code
from trading_pipeline.cli.run_command import work_through
from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.automation.full_pass import FullPass
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.check_catalog import check_catalog
from trading_pipeline.strategies.portfolio.audit import portfolio_outcome
from trading_pipeline_tests.strategies.portfolio.panels import month_ends, random_panel

PAGE = (Path(__file__).parents[2] / "docs" / "own-code.md").read_text("utf-8")
FILES = dict(re.findall(r"`runtime/config/([\w/.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def own(world):
    """The world with every file of the page."""
    for name, text in FILES.items():
        world.write(name, text)
    return world


def real_pass(world):
    """A pass that asks the sources themselves, not the one that other tests tamper with."""
    workspace = world.workspace
    return FullPass(workspace, build_definitions(workspace.catalog))


def test_the_page_has_the_files_it_speaks_of():
    assert sorted(FILES) == [
        "inputs/vix.csv",
        "scenarios/breakout.yaml",
        "scenarios/calmest.yaml",
        "sources/waves.py",
        "strategies/breakout.py",
        "strategies/calm.py",
        "strategies/calmest.py",
        "strategies/dips.py",
        "strategies/pullback.py",
        "strategies/stretch.py",
        "studies/breakout_grid.yaml",
    ]
    assert len(FILES["strategies/dips.py"].splitlines()) <= 11


def told_of(call, name):
    return json.loads(call("strategies", "show", name, "--json").out)


def test_its_strategies_are_listed_shown_and_audited(call, own):
    rows = {row["name"]: row for row in json.loads(call("strategies", "list", "--json").out)}
    assert rows["dips"]["meaning"] == "Buy after a falling close, sell after a rising one."
    told = told_of(call, "breakout")
    assert told["warmup_bars"] == 60
    assert [(p["name"], p["default"], p["bounds"]) for p in told["parameters"]] == [
        ("entry_bars", 40, "at least 2, at most 500"),
        ("exit_bars", 20, "at least 2, at most 500"),
        ("stop", 0.1, "above 0, below 1"),
    ]
    assert [line["pane"] for line in told_of(call, "stretch")["chart_lines"]] == [
        "price",
        "Stretch",
    ]
    for name in ("dips", "breakout", "calm", "pullback", "stretch"):
        assert call("audit", name, "--instrument", "AAPL_1d").code == 0


def test_its_weights_of_several_instruments_pass_their_audit(own):
    strategies, scenario = (
        own.workspace.registries.strategies,
        own.workspace.catalog.portfolio("calmest"),
    )
    assert check_catalog(own.workspace.catalog) == {}
    params = strategies.validate_params("calmest", scenario.strategy.params)
    panel = random_panel(2, 150)
    panel.due = month_ends(panel)
    weights = strategies.weights("calmest", panel, params)
    assert weights[panel.due][2:].sum(axis=1).tolist() == [1.0] * (panel.due.sum() - 2)
    dates = rebalancing_of(scenario, strategies)
    assert dates.calendar == "month"
    assert portfolio_outcome(strategies, "calmest", params, panel, dates).audit == "passed"


def test_doctor_reads_the_inputs_that_are_declared(fresh_world):
    for name, text in FILES.items():
        fresh_world.write(name, text)

    def finding():
        found = examine_own_code(load_settings())
        return next(each for each in found if each.check == "input vix of calm")

    assert finding().ok
    assert finding().detail.startswith("vix: inputs/vix.csv, 5 rows, ")
    (fresh_world.runtime / "config" / "inputs" / "vix.csv").unlink()
    assert finding().state == "wrong"
    assert "which is not there" in finding().detail


def test_its_scenario_and_its_study_run(call, own):
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    (result,) = [row for row in told["results"] if row["scenario"] == "breakout"]
    assert result["trade_count"] > 5
    (study,) = [each for each in told["studies"] if each["study"] == "breakout_grid"]
    assert study["trials"] == 5


def test_its_source_gives_the_bars_of_an_instrument(call, own):
    ended = call("universe", "add", "SEA", "--source", "waves", "--calendar", "24/5")
    assert ended.code == 0, ended.err
    full_pass = real_pass(own)
    missing = full_pass.chain("SEA_1d", [], own.workspace.windows_of("SEA_1d"))
    assert missing == {"bars": 4}
    assert own.value("SELECT count(*) FROM bars WHERE instrument = 'SEA_1d'") > 1000
    (row,) = own.rows(
        "SELECT DISTINCT source, client_version FROM fetch_log WHERE "
        "instrument = 'SEA_1d' AND client_version IS NOT NULL"
    )
    assert row == ("waves", "waves 1")


def test_a_broken_source_stops_only_its_instrument(call, own):
    call("universe", "add", "SEA", "--source", "waves", "--calendar", "24/5")
    path = own.write("sources/waves.py", FILES["sources/waves.py"] + "\nraise KeyError(1)\n")
    report = work_through(real_pass(own), ["AAPL_1d", "SEA_1d"])
    assert list(report.failures) == ["SEA_1d"]
    assert f"{path}, line 33: The file does not run: KeyError" in report.failures["SEA_1d"]
    assert {row["scenario"] for row in report.results} >= {"sma_crossover", "ml_direction"}
    refused = call("universe", "add", "LAKE", "--source", "waves", "--calendar", "24/5")
    assert (refused.code, "line 33" in refused.error) == (1, True)


def test_the_page_says_whose_rights_these_files_have():
    assert "run with your rights" in PAGE
