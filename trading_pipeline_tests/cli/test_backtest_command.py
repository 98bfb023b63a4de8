"""This file holds the tests of `backtest FILE`: registering, running, printing, refusing."""

import json

import pytest

OWN = (
    "name: own\nstrategy: {type: sma_crossover, params: {fast: 5, slow: 20}}\n"
    "instruments: [AAPL_1d]\ndates: {start: 2002-01-01, end: 2004-01-01}\n"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine" / "own.yaml"
    path.parent.mkdir()
    path.write_text(OWN, encoding="utf-8")
    return path


def registered(world):
    return world.runtime / "config/scenarios/own.yaml"


def test_a_file_from_anywhere_becomes_a_scenario_with_a_result(call, world, file):
    ended = call("backtest", file, "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)
    assert (row["scenario"], row["instruments"]) == ("own", "AAPL_1d")
    stored = world.workspace.results.require(row["result_id"])
    assert (row["sharpe"], row["final_equity"]) == (stored["sharpe"], stored["final_equity"])
    assert registered(world).read_text("utf-8").endswith(OWN)
    assert (world.runtime / f"output/reports/{row['result_id']}.html").exists()
    printed = call("backtest", file)
    assert printed.code == 0
    assert f"{row['total_return'] * 100:,.1f}" in printed.out
    assert f"{row['result_id']}.html" in printed.out


@pytest.mark.slow
def test_an_edited_file_replaces_its_copy_and_an_equal_one_runs_nothing(call, world, file):
    first = json.loads(call("backtest", file, "--json").out)[0]["result_id"]
    rows = world.counts()
    assert json.loads(call("backtest", file, "--json").out)[0]["result_id"] == first
    assert world.counts() == rows
    file.write_text(OWN.replace("fast: 5", "fast: 6"), encoding="utf-8")
    ended = call("backtest", file, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["result_id"] != first
    assert "fast: 6" in registered(world).read_text("utf-8")


@pytest.mark.slow
def test_what_is_missing_is_brought_and_told(call, fresh_world, file):
    ended = call("backtest", file)
    assert ended.code == 0, ended.err
    assert "AAPL_1d: bars was missing for 4 window(s)" in ended.err
    assert "features" not in ended.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dates:", "datse:", "Unknown key 'datse'. Did you mean 'dates'?"),
        ("fast: 5", "fats: 5", "'fast'"),
        ("sma_crossover", "sma_cross", "'sma_crossover'"),
        ("AAPL_1d", "APPL_1d", "'AAPL_1d'"),
        ("fast: 5", "fast: 50", "slow"),
        ("2004-01-01", "2001-01-01", "is not after the start"),
        ("name: own", "name: sma_crossover", "which another scenario has"),
        (OWN, "- 1\n", "must hold keys and values"),
        ("name: own", "name: [", "own.yaml"),
    ],
)
def test_a_wrong_file_is_refused_in_a_paragraph_and_not_registered(
    call, fresh_world, file, old, new, message
):
    file.write_text(OWN.replace(old, new), encoding="utf-8")
    ended = call("backtest", file)
    assert ended.code == 1
    assert message in ended.error
    assert "Traceback" not in ended.err
    assert not registered(fresh_world).exists()
    assert not (fresh_world.runtime / "warehouse.duckdb").exists()


def test_a_file_that_is_not_there_is_an_error(call, fresh_world, tmp_path):
    ended = call("backtest", tmp_path / "none.yaml")
    assert ended.code in (1, 2)
    assert "none.yaml" in ended.error
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("chosen", "message"),
    [("IBM_1d", "does not list IBM_1d"), ("AAPL_1D", "Did you mean 'AAPL_1d'?")],
)
def test_an_instrument_that_cannot_be_run_is_refused_by_name(call, world, file, chosen, message):
    ended = call("backtest", file, "-i", chosen)
    assert ended.code == 1
    assert message in ended.error


def test_dates_without_bars_are_refused_with_what_there_is(call, world, file):
    file.write_text(OWN.replace("{start: 2002-01-01, end: 2004-01-01}", "{start: 2010-01-01}"))
    ended = call("backtest", file)
    assert ended.code == 1
    assert "there are 0 bars; at least 2 are needed" in ended.error
