"""Fixtures of the storage tests: a helper that forks writers, a full disk, no rights."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
Jobs = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def forked_writers() -> Iterator[Jobs]:
    """`forked_writers(do=..., ...)` runs a job of `forked_writers.py` and gives its answer."""
    root = str(HERE.parents[1])
    process = subprocess.Popen(
        [sys.executable, str(HERE / "forked_writers.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def run(**job: Any) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job, default=str) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    yield run
    process.stdin.close()
    process.wait(timeout=20)
    process.stdout.close()


@pytest.fixture
def disk_limit() -> Callable[[int], AbstractContextManager[None]]:
    """`with disk_limit(n)`: no file of this process can grow beyond n bytes, as on a full disk."""

    @contextlib.contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def without_rights() -> Callable[[], AbstractContextManager[None]]:
    """`with without_rights()`: this process works as a user who owns nothing here."""

    @contextlib.contextmanager
    def unprivileged() -> Iterator[None]:
        if os.geteuid() != 0:
            yield  # the tests take the rights away with chmod, which binds everyone but root
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return unprivileged
