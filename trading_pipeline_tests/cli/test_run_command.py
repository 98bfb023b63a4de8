"""`run`: what is done, what is printed, what a failure stops."""

import json

import pytest
from rich.console import Console

from trading_pipeline.cli.kernel_warm_up import KernelWarmUp
from trading_pipeline.cli.result_table import result_tables, stage_table, study_table
from trading_pipeline.cli.run_command import work_through
from trading_pipeline.errors import PermanentFetchError
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files
from trading_pipeline_tests.pipeline_world import FILES, SOURCE


def text_of(table, width=160):
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_what_is_up_to_date_is_told_without_a_run(call, world):
    before = world.counts()
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 0
    told = json.loads(ended.out)
    assert set(told["runs"].values()) == {0}
    assert told["failures"] == {}
    assert [row["scenario"] for row in told["results"]] == ["ml_direction", "sma_crossover"]
    assert told["studies"][0]["trials"] == 7
    assert world.counts() == before


def test_the_tables_fit_a_terminal_of_80_columns(call, world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = call("run", "AAPL_1d")
    assert ended.code == 0
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    for text in ("sma_crossover", "ml_direction", "AAPL_1d", "Time by stage"):
        assert text in ended.out


def test_the_printed_numbers_are_those_of_the_warehouse(world):
    rows = world.workspace.results.newest()
    text = "".join(text_of(table) for table in result_tables(rows))
    for row in rows:
        (line,) = [line for line in text.splitlines() if row["result_id"][:8] in line]
        for name in (
            "total_return",
            "benchmark_total_return",
            "max_drawdown",
            "benchmark_max_drawdown",
        ):
            assert f"{row[name] * 100:,.1f}" in line
        for name in ("sharpe", "benchmark_sharpe"):
            assert f"{row[name]:.2f}" in line
        assert f" {row['trade_count']:.0f} " in line


def test_numbers_that_are_not_defined_are_a_dash(world):
    row = world.workspace.results.newest()[0] | {"sharpe": None, "total_return": None}
    (table,) = result_tables([row])
    assert text_of(table).count(" - ") >= 2


def test_what_rounds_to_nothing_has_no_sign(world):
    row = world.workspace.results.newest()[0] | {"sharpe": -0.001, "total_return": -0.0001}
    (table,) = result_tables([row])
    assert "-0.0" not in text_of(table)
    assert " 0.00 " in text_of(table)
    study = {"study": "s", "instrument": "A_1d", "metric": "sharpe", "trials": 4}
    assert "-0.00" not in text_of(study_table([study | {"best_value": -0.004}]))


def test_time_of_compilation_has_no_row_of_its_own(world):
    report = work_through(world.full_pass(), [], KernelWarmUp())
    assert list(report.seconds) == [
        "universe",
        "bars to predictions",
        "cross features",
        "model cards",
        "backtests and tear sheets",
        "optimization",
        "leaderboard",
    ]


def test_studies_and_times_are_told():
    study = {"study": "s", "instrument": "A_1d", "metric": "sharpe", "trials": 4}
    best = {"best_parameters": '{"fast": 5}', "best_value": 1.234, "median_value": None}
    assert "1.23" in text_of(study_table([study | best]))
    assert "looks better than it" in text_of(study_table([study]))
    turtle = {"best_parameters": '{"entry": 20, "stop": "2 atr", "direction": "long_only"}'}
    told = text_of(study_table([study | best | turtle]))
    assert "stop 2 atr" in " ".join(told.split())
    assert "long_only" not in told
    judged = {"verdict_in_words": "Not enough to tell."}
    assert "A_1d, s. Not enough to tell." in text_of(study_table([study | best | judged]))
    times = text_of(stage_table({"universe": 1.25, "reports": 2.5}, {"universe": 1}))
    assert "3.8" in times or "3.7" in times


@pytest.mark.slow
def test_a_failure_stops_its_own_instrument_alone(world):
    def refuse(_, frame):
        raise PermanentFetchError("IBM is not to be had.")

    for year in (2000, 2001, 2002, 2003):
        SOURCE.answers[f"IBM_1d|{year}-01-01"] = refuse
    for name in ("scenarios/sma_crossover.yaml", "scenarios/ml_direction.yaml"):
        world.write(name, FILES[name].replace("[AAPL_1d]", "[AAPL_1d, IBM_1d]"))
    report = work_through(world.full_pass(), ["IBM_1d", "AAPL_1d"])
    assert list(report.failures) == ["IBM_1d"]
    assert "IBM is not to be had." in report.failures["IBM_1d"]
    assert {row["instruments"] for row in report.results} == {"AAPL_1d"}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_failure_ends_with_1_and_says_what_it_stopped(call, world, as_json):
    world.write(
        "scenarios/early.yaml",
        "name: early\nstrategy: {type: buy_and_hold}\ninstruments: [AAPL_1d]\n"
        "dates: {start: 1990-01-01, end: 1991-01-01}\n",
    )
    ended = call("run", "AAPL_1d", *(["--json"] if as_json else []))
    assert ended.code == 1
    assert "Error: AAPL_1d|early:" in ended.error
    assert "Change 'dates'" in ended.error
    assert "Traceback" not in ended.err
    if as_json:
        assert list(json.loads(ended.out)["failures"]) == ["AAPL_1d|early"]


WAITING = (
    "name: waiting\nstrategy: {{type: sma_crossover, params: {{fast: 10, slow: 30}}}}\n"
    "instruments: [{listed}]\n"
)


def test_a_scenario_that_waits_for_an_instrument_is_an_error_of_its_own(call, world):
    path = world.write("scenarios/waiting.yaml", WAITING.format(listed="AAPL_1d, NEW_1d"))
    world.write(
        "studies/waiting.yaml",
        "name: waiting\nstrategy: sma_crossover\nscenario: waiting\nspace: {fast: {values: [5]}}\n",
    )
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert list(told["failures"]) == ["scenarios/waiting"]
    assert f"{path}: there is no instrument 'NEW_1d'" in told["failures"]["scenarios/waiting"]
    assert [row["scenario"] for row in told["results"]] == ["ml_direction", "sma_crossover"]


def test_a_scenario_that_waits_for_another_instrument_is_no_matter_of_this_one(call, world):
    world.write("scenarios/waiting.yaml", WAITING.format(listed="NEW_1d"))
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["failures"] == {}


def test_commands_that_run_nothing_do_not_care_for_scenarios_that_wait(call, world):
    world.write("scenarios/waiting.yaml", WAITING.format(listed="NEW_1d"))
    world.write("cross_features.yaml", "references: [NEW_1d]\n")
    for command in (("universe", "list"), ("strategies", "list")):
        ended = call(*command)
        assert ended.code == 0, ended.err
    assert call("universe", "remove", "IBM_1d").code == 0


def test_a_backtest_of_another_file_runs_beside_a_scenario_that_waits(call, world, tmp_path):
    world.write("scenarios/waiting.yaml", WAITING.format(listed="NEW_1d"))
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        WAITING.format(listed="AAPL_1d").replace("waiting", "mine")
        + "dates: {start: 2002-01-01, end: 2004-01-01}\n"
    )
    assert call("backtest", mine).code == 0
    waits = call("backtest", world.runtime / "config/scenarios/waiting.yaml")
    assert waits.code == 1
    assert "there is no instrument 'NEW_1d'" in waits.error.replace("There", "there")


def test_results_say_that_the_instruments_were_chosen_with_hindsight_until_dates_are_given(
    call, world
):
    said = "chosen with hindsight: universe.yaml says for none when it belonged"
    ended = call("run", "AAPL_1d")
    assert said in " ".join(ended.out.split())
    page = world.runtime / "output/reports/index.html"
    assert said in page.read_text("utf-8")
    lines = [
        f"  - {{symbol: {name}, source: bundled, members: [{{from: 2000-01-01}}]}}\n"
        for name in ("AAPL", "IBM", "MSFT", "GOOG", "FB")
    ]
    world.write("universe.yaml", FILES["universe.yaml"] + "instruments:\n" + "".join(lines))
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["hindsight"] == ""
    assert "hindsight" not in page.read_text("utf-8")


@pytest.mark.slow
def test_a_portfolio_is_run_once_all_of_its_instruments_are_up_to_date(world):
    world.write(
        "scenarios/both.yaml",
        "name: both\ninstruments: [AAPL_1d, IBM_1d]\ndates: {start: 2002-01-01}\n"
        "portfolio: {weights: equal}\n",
    )
    alone = work_through(world.full_pass(), ["AAPL_1d"])
    assert "both" not in [row["scenario"] for row in alone.results]
    together = work_through(world.full_pass(), ["AAPL_1d", "IBM_1d"])
    (row,) = [row for row in together.results if row["scenario"] == "both"]
    assert row["instruments"] == "AAPL_1d, IBM_1d"
    assert (together.failures, together.runs["portfolios"]) == ({}, 1)
    again = work_through(world.full_pass(), ["AAPL_1d", "IBM_1d"])
    assert again.runs["portfolios"] == 0


def test_a_universe_that_cannot_be_read_stops_commands_and_not_the_code_location(
    call, fresh_world, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "400")  # a path is not to be broken
    path = fresh_world.write("universe.yaml", "start: 2000-01-01\nend: [\n")
    for command in (["run"], ["universe", "list"], ["optimize", "sma_grid"]):
        ended = call(*command)
        assert ended.code == 1
        assert f"{path} is not valid YAML" in "".join(ended.error.split("\n"))
    catalog = catalog_of_files(load_settings())
    assert [each.name for each in catalog.wrong][:1] == ["universe"]
    assert "sma_crossover" in catalog.scenarios


def test_wrong_files_are_told_and_the_rest_is_worked_through(call, world):
    path = world.write("scenarios/torn.yaml", "name: torn\nstrategy: {type: sma_crossover\n")
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 1
    document = json.loads(ended.out)
    assert set(document["failures"]) == {"scenarios/torn"}
    assert document["failures"]["scenarios/torn"].startswith(f"{path} is not valid YAML")
    assert {row["scenario"] for row in document["results"]} == {"sma_crossover", "ml_direction"}
    listed = call("scenarios", "list")
    assert listed.code == 0
    assert "Left out: " in listed.err
    assert call("scenarios", "show", "torn").code == 1
