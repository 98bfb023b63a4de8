"""`doctor`: all well, and each thing that can be wrong."""

import json
import os
import shutil

import pytest

from trading_pipeline.cli import doctor_command
from trading_pipeline.cli.doctor_command import examine
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.storage.file_lock import hold_lock

CHECKS = [
    "python",
    "packages",
    "ta-lib",
    "runtime folder",
    "catalog",
    "warehouse",
    "dagster instance",
    "source alpaca",
    "source ccxt",
    "source yahoo",
]


def findings(call):
    ended = call("doctor", "--json", "--offline")
    return ended.code, {f["check"]: f for f in json.loads(ended.out)}


def wrong(found):
    return {name: finding["detail"] for name, finding in found.items() if not finding["ok"]}


def test_all_is_well_before_the_first_run_and_nothing_is_made(call, fresh_world):
    code, found = findings(call)
    assert (code, wrong(found)) == (0, {})
    assert list(found) == CHECKS
    assert "not there yet" in found["warehouse"]["detail"]
    assert not (fresh_world.runtime / "warehouse.duckdb").exists()
    assert (
        "5 instruments, 2 scenarios, 0 portfolios, 1 studies, 3 models"
        in found["catalog"]["detail"]
    )


def test_all_is_well_after_a_run(call, world):
    code, found = findings(call)
    assert (code, wrong(found)) == (0, {})
    assert "964 bars" in found["warehouse"]["detail"]
    assert "8 trials in 9 unbroken rows" in found["warehouse"]["detail"]
    assert "9 runs" in found["dagster instance"]["detail"]
    table = call("doctor", "--offline")
    assert table.code == 0
    assert "wrong" not in table.out


def test_a_wrong_file_is_found_and_the_other_checks_go_on(call, world):
    path = world.write("universe.yaml", "strat: 2000-01-01\n")
    code, found = findings(call)
    assert code == 1
    assert list(wrong(found)) == ["catalog"]
    assert str(path) in wrong(found)["catalog"]
    assert "Did you mean 'start'?" in wrong(found)["catalog"]
    assert call("doctor", "--offline").code == 1


def test_a_file_that_is_no_warehouse_is_found(call, world):
    (world.runtime / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    code, found = findings(call)
    assert (code, list(wrong(found))) == (1, ["warehouse"])
    assert str(world.runtime) in wrong(found)["warehouse"]


def test_a_warehouse_that_somebody_holds_is_found(call, world, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "0.1")
    with hold_lock(world.workspace.warehouse.lock_path, exclusive=True, wait_seconds=1.0):
        code, found = findings(call)
    assert (code, list(wrong(found))) == (1, ["warehouse"])
    assert "is in use" in wrong(found)["warehouse"]


def test_a_missing_package_is_named_with_the_way_to_get_it(fresh_world, monkeypatch):
    monkeypatch.setattr(doctor_command, "_PACKAGES", ("dagster", "no-such-package"))
    found = {f.check: f for f in examine(load_settings())}
    assert not found["packages"].ok
    assert "no-such-package" in found["packages"].detail
    assert "uv sync" in found["packages"].detail


def test_a_runtime_folder_that_is_a_file_is_found(call, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(tmp_path / "taken"))
    code, found = findings(call)
    assert code == 1
    assert "runtime folder" in wrong(found)


@pytest.mark.parametrize("name", ["python", "ta-lib"])
def test_versions_are_told(fresh_world, name):
    found = {f.check: f for f in examine(load_settings())}
    assert any(character.isdigit() for character in found[name].detail)


def test_a_scenario_that_waits_for_its_instrument_is_told_under_the_catalog(call, fresh_world):
    path = fresh_world.write(
        "scenarios/waiting.yaml",
        "name: waiting\nstrategy: {type: sma_crossover}\ninstruments: [NEW_1d]\n",
    )
    code, found = findings(call)
    assert code == 1
    assert list(wrong(found)) == ["catalog"]
    assert f"{path}: there is no instrument 'NEW_1d'" in wrong(found)["catalog"]


def test_damaged_records_of_dagster_are_one_paragraph_in_doctor_and_run(call, runtime):
    settings = load_settings()
    with open_instance(settings):
        pass
    (settings.dagster / "history" / "runs.db").write_bytes(b"not a database\n" * 500)
    code, found = findings(call)
    assert code == 1
    assert f"move {settings.dagster} away" in wrong(found)["dagster instance"]
    ended = call("run", "AAPL_1d")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "Dagster's records in" in ended.error
    shutil.rmtree(settings.dagster)  # what the advice says
    assert "dagster instance" not in wrong(findings(call)[1])


def test_files_in_place_of_folders_are_named(call, runtime):
    (runtime / "models").write_text("x")
    (runtime / "cache").write_text("x")
    code, found = findings(call)
    assert code == 1
    for name in ("models", "cache"):
        assert (
            f"{runtime / name} ({name}) is no folder: move it away."
            in found["runtime folder"]["detail"]
        )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n" * 300, "cannot be used: File name too long"),
        (os.fsdecode(b"b\xff"), "is a path that is no text in UTF-8"),
        ("a%20b", "Dagster cannot keep its records in"),
        ("a?b", "Dagster cannot keep its records in"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_paragraph(call, tmp_path, monkeypatch, name, words):
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(tmp_path / name))
    for command in (("doctor", "--offline"), ("run", "AAPL_1d")):
        ended = call(*command)
        assert ended.code == 1
        assert words in " ".join((ended.err + ended.out).replace("\u2502", " ").split())
        assert "Traceback" not in ended.err


def test_a_deep_look_names_each_damaged_thing_and_its_recovery(call, world):
    code, found = findings(lambda *given: call(*given, "--deep"))
    assert (code, wrong(found)) == (0, {})
    assert found["stored bars"]["detail"] == "4 verified, all as written"
    with world.workspace.warehouse.write() as connection:
        connection.execute("UPDATE bars SET close = close * 3 WHERE year(ts) = 2002")
        connection.execute("DELETE FROM trades")
        connection.execute("DELETE FROM trials WHERE seq = 3")
        (folder,) = connection.execute("SELECT path FROM models LIMIT 1").fetchall()[0]
    shutil.rmtree(world.runtime / folder)
    code, found = findings(lambda *given: call(*given, "--deep"))
    names = wrong(found)
    assert code == 1
    for start in ("bars AAPL_1d|2002", "model ", "result ", "ledger of trials", "trials of AAPL"):
        (detail,) = [text for name, text in names.items() if name.startswith(start)][:1]
        assert "trading-pipeline run" in detail
    assert call("doctor", "--offline", "--deep").code == 1
