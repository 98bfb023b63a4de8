"""Runs whose process was killed are closed by the next command."""

import os
import socket
import subprocess
import sys

import dagster as dg
import pytest

from trading_pipeline.defs.automation.job_runs import close_abandoned_runs
from trading_pipeline.settings.claims import claimed

OPEN = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@dg.op
def nothing() -> None:
    return None


@dg.job
def small_job() -> None:
    nothing()


def open_run(instance: dg.DagsterInstance, process: str | None, status: str = "STARTED") -> str:
    run = instance.create_run_for_job(
        small_job,
        tags={"trading_pipeline/process": process} if process else {},
        status=dg.DagsterRunStatus(status),
    )
    return run.run_id


@pytest.fixture(scope="module")
def finished_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def status_of(instance: dg.DagsterInstance, name: str) -> str:
    return instance.get_run_by_id(name).status.value


@pytest.mark.parametrize("status", OPEN)
def test_only_runs_of_processes_that_are_gone_are_closed(tmp_path, finished_pid, status) -> None:
    host = socket.gethostname()
    with dg.DagsterInstance.ephemeral() as instance:
        gone = open_run(instance, f"{host}:{finished_pid}", status)
        alive = open_run(instance, f"{host}:{os.getpid()}", status)
        elsewhere = open_run(instance, f"another-{host}:{finished_pid}", status)
        of_the_ui = open_run(instance, None, status)
        assert close_abandoned_runs(instance, tmp_path) == 1
        assert status_of(instance, gone) == "FAILURE"
        for name in (alive, elsewhere, of_the_ui):
            assert status_of(instance, name) == status


def test_the_claim_decides_and_not_the_process_id(tmp_path, finished_pid) -> None:
    host = socket.gethostname()
    with dg.DagsterInstance.ephemeral() as instance:
        reused = open_run(instance, f"{host}:{os.getpid()}")
        (tmp_path / f"{reused}.run").touch()  # nobody holds it: another program has the id now
        at_work = open_run(instance, f"{host}:{finished_pid}")  # of another namespace of ids
        with claimed(tmp_path / f"{at_work}.run"):
            assert close_abandoned_runs(instance, tmp_path) == 1
        assert status_of(instance, reused) == "FAILURE"
        assert status_of(instance, at_work) == "STARTED"
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_the_ui_began_again_is_not_taken_for_its_parent(tmp_path, finished_pid):
    process = f"{socket.gethostname()}:{finished_pid}"
    with dg.DagsterInstance.ephemeral() as instance:
        parent = open_run(instance, process)
        again = instance.create_run_for_job(
            small_job,
            tags={"trading_pipeline/process": process},  # the UI copies the tags
            status=dg.DagsterRunStatus.STARTED,
            parent_run_id=parent,
            root_run_id=parent,
        )
        assert close_abandoned_runs(instance, tmp_path) == 1
        assert instance.get_run_by_id(again.run_id).status is dg.DagsterRunStatus.STARTED
