"""What a user's code reads besides what it was given is noticed; what libraries need is not."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.own_code import OutsideData, not_audited, watched
from trading_pipeline.strategies import Market, own_strategies
from trading_pipeline_tests.strategies.conftest import bars_of

HEAD = """\
import os, sqlite3, subprocess, urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import duckdb
import numpy as np
import pandas as pd
import pyarrow.csv as pc
import pyarrow.parquet as pq
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy

FOLDER = "{folder}"


def read(path):
    with open(path) as file:
        return file.read()


class Mine(Strategy):
    def signals(self, market, params):
        {line}
        falls = market.bars["close"].diff().to_numpy() < 0
        return Signals.long_only(falls, ~falls)
"""
READS = {
    "x.csv": [
        "pd.read_csv(FOLDER + '/x.csv')",
        "read(FOLDER + '/x.csv')",
        "Path(FOLDER, 'x.csv').read_text()",
        "os.close(os.open(FOLDER + '/x.csv', os.O_RDONLY))",
        "pc.read_csv(FOLDER + '/x.csv')",
        """duckdb.sql(f"select * from '{FOLDER}/x.csv'").fetchall()""",
        """duckdb.connect().execute(f"select * from '{FOLDER}/x.csv'").fetchall()""",
        "ThreadPoolExecutor(1).submit(lambda: read(FOLDER + '/x.csv')).result()",
    ],
    "x.parquet": ["pd.read_parquet(FOLDER + '/x.parquet')", "pq.read_table(FOLDER + '/x.parquet')"],
    "x.npy": ["np.load(FOLDER + '/x.npy')", "np.memmap(FOLDER + '/x.npy', mode='r')"],
    "x.sqlite": ["sqlite3.connect(FOLDER + '/x.sqlite').close()"],
}
CASES = [(line, name) for name, lines in READS.items() for line in lines]
HARMLESS = [
    "pass",
    "market.bars.to_csv(FOLDER + '/written.csv')",
    "duckdb.sql('select 1').fetchall()",
    "__import__('colorsys')",
    "pd.Timestamp('2024-01-01', tz='Asia/Kathmandu')",
]


@pytest.fixture
def notes_of(tmp_path):
    """What a strategy with this line in `signals` reads from outside."""
    data = tmp_path / "data"
    data.mkdir()
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    frame.to_csv(data / "x.csv", index=False)
    frame.to_parquet(data / "x.parquet")
    np.save(data / "x.npy", frame["a"].to_numpy())

    def notes(line):
        folder = tmp_path / "strategies"
        folder.mkdir(exist_ok=True)
        text = HEAD.replace("{folder}", data.as_posix()).replace("{line}", line)
        (folder / "mine.py").write_text(text)
        known = own_strategies(folder)
        assert known.own.broken == ()
        fresh = known.fresh_signals("mine", known.validate_params("mine", {}))
        fresh(Market(bars_of([10.0, 9.0, 11.0])))
        return fresh.notes

    notes.data = data
    return notes


@pytest.mark.parametrize(("line", "name"), CASES)
def test_an_opened_file_is_named(notes_of, line, name):
    assert notes_of(line) == (f"reads {notes_of.data / name}",)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_brings_nothing_in_is_not_noticed(notes_of, line):
    assert notes_of(line) == ()


def test_programs_and_connections_are_named(notes_of):
    assert notes_of("subprocess.run(['true'])") == ("runs the program true",)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = f"__import__('socket').create_connection(('127.0.0.1', {port})).close()"
        assert notes_of(line) == (f"connects to 127.0.0.1:{port}",)


def test_a_file_that_is_read_while_the_module_is_loaded_is_named(notes_of):
    """Loading happens once in a process, so only a module that is made anew shows it."""
    loaded_with = "\n\nTABLE = pd.read_csv(FOLDER + '/x.csv')\n\n"
    text = f"return rule(market)\n{loaded_with}\ndef rule(market):\n    if True:\n        pass"
    assert notes_of(text) == (f"reads {notes_of.data / 'x.csv'}",)


def test_nothing_is_noticed_outside_of_the_block(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("text")
    found = OutsideData()
    with watched(found):
        pass
    path.read_text()
    assert found.notes == ()


def test_other_threads_of_the_process_are_left_alone(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("text")
    found = OutsideData()
    with watched(found):
        other = threading.Thread(target=path.read_text)
        other.start()
        other.join()
    assert found.notes == ()


def test_the_wrapped_readers_are_put_back():
    import duckdb

    before = duckdb.sql
    with watched(OutsideData()), watched(OutsideData()):
        assert duckdb.sql is not before
    assert duckdb.sql is before


def test_the_sentence_says_what_is_read_and_what_to_do():
    told = not_audited(
        "The strategy 'x'", ["reads a", "reads b", "reads c", "reads d"], read_from="m"
    )
    assert told.startswith("Not audited: The strategy 'x' reads a; reads b; reads c and 1 more")
    assert "Declare the file under 'inputs'" in told
    assert not_audited("The strategy 'x'", [], read_from="m") == ""
