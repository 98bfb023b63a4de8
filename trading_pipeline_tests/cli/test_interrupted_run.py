"""`run` in a process of its own, stopped in the middle: nothing torn or doubled, and it goes on."""

import os
import signal
import subprocess
import sys

import pytest

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.pipeline_world import World, finished_runtime, pointed_at

PROGRAM = """
import logging, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
from trading_pipeline.cli import main

class Stopper(logging.Handler):
    def emit(self, record):
        if STOP_AT and record.getMessage().startswith(STOP_AT):
            os.kill(os.getpid(), NUMBER)

STOP_AT, NUMBER = sys.argv[1], int(sys.argv[2])
progress = logging.getLogger("trading_pipeline.progress")
progress.setLevel(logging.DEBUG)
progress.addHandler(Stopper())
sys.argv = ["trading-pipeline", "run", "AAPL_1d"]
main()
"""
STOPS = [
    ("", signal.SIGINT, "Ctrl-C"),  # while it is loaded
    ("bars ", signal.SIGINT, "Ctrl-C"),
    ("models/direction ", signal.SIGTERM, "SIGTERM"),
    ("backtest ", signal.SIGINT, "Ctrl-C"),
]


def run(stop_at: str | None, number: int = 0) -> tuple[int, str]:
    """Exit code and last line; the process stops itself as the work `stop_at` begins."""
    loading = ["-X", "importtime"] if stop_at == "" else []
    process = subprocess.Popen(
        [sys.executable, *loading, "-c", PROGRAM, stop_at or "", str(int(number))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]},
    )
    if loading:
        for line in process.stderr:
            if line.startswith("import time:") and line.rstrip().endswith(" typer"):
                process.send_signal(number)
                break
    rest = [line for line in process.communicate()[1].splitlines() if "import time:" not in line]
    return process.returncode, "\n".join(rest[-1:])


@pytest.mark.slow
def test_a_run_that_is_stopped_again_and_again_ends_as_if_it_had_never_been(fresh_world):
    for stop_at, number, name in STOPS:
        code, said = run(stop_at, number)
        assert (code, said) == (
            128 + number,
            f"Stopped ({name}). What was done is kept; go on with: trading-pipeline run AAPL_1d",
        )
    assert run(None)[0] == 0
    whole = World(finished_runtime())
    with pointed_at(whole.runtime):
        expected = whole.counts(), whole.artifact_hashes("predictions/direction")
    assert (fresh_world.counts(), fresh_world.artifact_hashes("predictions/direction")) == expected
    statuses = [run.status.value for run in open_instance(load_settings()).get_runs()]
    assert statuses.count("CANCELED") == 3
    assert set(statuses) == {"CANCELED", "SUCCESS"}
