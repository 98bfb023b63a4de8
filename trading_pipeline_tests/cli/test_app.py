"""The program as a whole: usage, errors, exit codes."""

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trading_pipeline.errors import UnknownNameError
from trading_pipeline.storage.file_lock import hold_lock


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["rum"],
            ["run", "--jsn"],
            ["backtest"],
            ["run", "A_1d", "B_1d"],
            ["backtest", "a", "-i"],
        ),
        *(["universe", "add"], ["universe", "remove"], ["universe", "lst"]),
    ],
)
def test_wrong_usage_ends_with_2(call, arguments):
    ended = call(*arguments)
    assert ended.code == 2
    assert "Usage" in ended.err or "requires an argument" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "command", ["", "demo", "run", "backtest", "doctor", "universe", "universe add"]
)
def test_every_command_explains_itself(call, command):
    ended = call(*command.split(), "--help")
    assert ended.code == 0
    assert "Usage" in ended.out


def test_an_error_is_one_paragraph_and_ends_with_1(call, fresh_world):
    ended = call("run", "AAPL_1D")
    assert ended.code == 1
    assert ended.out == ""
    assert ended.error == "Error: There is no instrument 'AAPL_1D'. Did you mean 'AAPL_1d'?"


def test_debug_shows_where_an_error_comes_from(call, fresh_world):
    with pytest.raises(UnknownNameError, match="AAPL_1D"):
        call("--debug", "run", "AAPL_1D")


def test_square_brackets_of_an_error_are_shown(call, fresh_world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # a path is not to be broken
    fresh_world.write("scenarios/own.yaml", "name: own\nstrategy: [1, 2]\n")
    ended = call("run")
    assert ended.code == 1
    assert "own.yaml" in ended.error
    assert "'strategy'" in ended.error


def test_a_wrong_file_is_named_and_the_rest_is_worked_on(call, fresh_world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # a path is not to be broken
    fresh_world.write("scenarios/own.yaml", "name: own\nstrategy: {type: sma_cross}\n")
    ended = call("run")
    assert ended.code == 1
    assert "own.yaml: There is no strategy 'sma_cross'. Did you mean 'sma_crossover'" in ended.error
    assert fresh_world.value("SELECT count(*) FROM backtest_results") > 0


def test_a_wrong_variable_is_named(call, fresh_world, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "long")
    ended = call("run")
    assert ended.code == 1
    assert "warehouse_wait_seconds" in ended.error


def test_a_busy_warehouse_is_waited_for_no_longer_than_was_set(call, world, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "0.3")
    lock = world.workspace.warehouse.lock_path
    started = time.monotonic()
    with hold_lock(lock, exclusive=True, wait_seconds=1.0):
        ended = call("run", "AAPL_1d")
    assert ended.code == 1
    assert "is in use" in ended.error
    assert f"process {os.getpid()}" in ended.error
    assert "not free within 0.3 s" in ended.error
    assert time.monotonic() - started < 20
    assert call("run", "AAPL_1d").code == 0


@pytest.mark.slow
def test_the_installed_program_tells_errors_without_a_traceback(fresh_world):
    program = str(Path(sys.executable).with_name("trading-pipeline"))
    environment = {**os.environ, "TRADING_PIPELINE_RUNTIME_DIR": str(fresh_world.runtime)}
    plain = subprocess.run(
        [program, "run", "AAPL_1D"], capture_output=True, text=True, env=environment, check=False
    )
    assert (plain.returncode, plain.stdout) == (1, "")
    assert plain.stderr.startswith("Error: There is no instrument 'AAPL_1D'.")
    traced = subprocess.run(
        [program, "--debug", "run", "AAPL_1D"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert traced.returncode == 1
    assert "Traceback" in traced.stderr
    examined = subprocess.run(
        [program, "doctor", "--json", "--offline"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert examined.returncode == 0, examined.stdout
    assert all(finding["ok"] for finding in json.loads(examined.stdout))


def test_a_reader_that_goes_away_is_not_told_to_mend_its_files(fresh_world):
    program = [sys.executable, "-c", "from trading_pipeline.cli import main; main()"]
    environment = {**os.environ, "TRADING_PIPELINE_RUNTIME_DIR": str(fresh_world.runtime)}
    with subprocess.Popen(
        [*program, "strategies", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        process.stdout.close()
        assert "Code that was run" not in process.stderr.read()


def test_attempts_that_failed_are_no_lines_of_their_own(call, fresh_world, capsys):
    retry = logging.getLogger("trading_pipeline.market_data.sources.connection.retry")
    assert call("run", "AAPL_1D").code == 1
    assert any(isinstance(handler, logging.NullHandler) for handler in retry.handlers)


def test_code_that_ends_the_program_is_an_error_of_the_program(call, monkeypatch):
    def end(*_, **__):
        raise SystemExit(0)

    monkeypatch.setattr("trading_pipeline.cli.run_command.run_pass", end)
    ended = call("run", "AAPL_1d")
    assert ended.code == 1
    assert "Code that was run ended the program" in ended.error
    assert "test_app.py, line" in ended.error
