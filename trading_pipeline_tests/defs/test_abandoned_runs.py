"""Runs whose process was killed are closed by the next command."""

import os
import subprocess
import sys

import dagster as dg

from trading_pipeline.defs.automation.job_runs import close_abandoned_runs


@dg.op
def nothing() -> None:
    return None


@dg.job
def small_job() -> None:
    nothing()


def started_run(instance: dg.DagsterInstance, process: str) -> str:
    run = instance.create_run_for_job(small_job, tags={"trading_pipeline/process": process})
    started = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, small_job.name)
    instance.report_dagster_event(started, run.run_id)
    return run.run_id


def finished_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def test_only_runs_of_processes_that_are_gone_are_closed() -> None:
    import socket

    host = socket.gethostname()
    with dg.DagsterInstance.ephemeral() as instance:
        gone = started_run(instance, f"{host}:{finished_pid()}")
        alive = started_run(instance, f"{host}:{os.getpid()}")
        elsewhere = started_run(instance, f"another-{host}:{finished_pid()}")
        assert close_abandoned_runs(instance) == 1
        status = {name: instance.get_run_by_id(name).status for name in (gone, alive, elsewhere)}
    assert status[gone] == dg.DagsterRunStatus.FAILURE
    assert status[alive] == status[elsewhere] == dg.DagsterRunStatus.STARTED
