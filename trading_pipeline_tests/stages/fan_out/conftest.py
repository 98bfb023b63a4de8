"""A runtime folder with bars, made once, and worker processes that stay for all tests."""

from pathlib import Path

import pytest

from trading_pipeline.stages.fan_out import SerialPool
from trading_pipeline.stages.fan_out.local_pool import LocalPool
from trading_pipeline_tests.stages.fan_out.small_market import (
    copied,
    files_of,
    rows_of,
    whole_chain,
    with_bars,
)


@pytest.fixture(scope="session")
def bars_runtime(tmp_path_factory) -> Path:
    return with_bars(tmp_path_factory.mktemp("fan-out") / "bars")


@pytest.fixture(scope="session")
def serial(bars_runtime, tmp_path_factory):
    """Answers, files and rows of the chain without any worker; nothing is written there later."""
    workspace = copied(bars_runtime, tmp_path_factory.mktemp("fan-out") / "serial")
    answers = list(whole_chain(workspace, SerialPool()))
    return workspace, answers, files_of(workspace), rows_of(workspace)


@pytest.fixture(scope="session")
def two():
    with LocalPool(2) as pool:
        yield pool


@pytest.fixture
def market(bars_runtime, tmp_path):
    return copied(bars_runtime, tmp_path / "runtime")
