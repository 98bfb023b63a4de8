"""What tests of the command line share: a small world, and a call of the program."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from trading_pipeline.cli import main
from trading_pipeline_tests.pipeline_world import forgive_dagster, fresh_world, instance, world

__all__ = ["fresh_world", "instance", "pytest_collection_modifyitems", "world"]


def pytest_collection_modifyitems(items):
    forgive_dagster(items, Path(__file__).parent)


@dataclass(frozen=True)
class Ended:
    """How a call ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def error(self):
        """Standard error as one line, however it was wrapped."""
        return " ".join(self.err.split())


@pytest.fixture
def call(capsys, monkeypatch):
    """`call("run", "AAPL_1d")`: the program in this process, as its executable starts it."""
    monkeypatch.delenv("TRADING_PIPELINE_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def start(*arguments):
        sys.modules.pop("trading_pipeline.definitions", None)  # made for another world
        monkeypatch.setattr(sys, "argv", ["trading-pipeline", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            os.environ.pop("TRADING_PIPELINE_DEBUG", None)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return start
