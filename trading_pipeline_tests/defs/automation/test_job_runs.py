"""A signal to stop ends a run as canceled and the command with it, wherever Dagster is by then."""

import signal

import dagster as dg
import pytest

from trading_pipeline.defs.automation.job_runs import JobRunner
from trading_pipeline.stages.turns import locks_folder
from trading_pipeline.stages.workspace import open_workspace
from trading_pipeline.stop_signals import stoppable

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@dg.op
def first() -> int:
    return 1


@dg.op
def second(number: int) -> int:
    return number


@dg.job
def two_steps() -> None:
    second(first())


@pytest.fixture
def runner(runtime):
    with dg.DagsterInstance.ephemeral() as instance:
        yield JobRunner(dg.Definitions(jobs=[two_steps]), instance, open_workspace())


@pytest.fixture(autouse=True)
def _interrupts_are_heard():
    """A shell may have started the tests with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("PIPELINE_START", "CANCELED"),
        ("STEP_START", "CANCELED"),
        ("STEP_SUCCESS", "CANCELED"),
        ("PIPELINE_SUCCESS", "SUCCESS"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_event_of_a_run_ends_the_command_and_closes_the_run(
    runner, monkeypatch, capsys, moment, status, number
):
    instance, sent = runner.instance, []
    store = instance.handle_new_event

    def stored_and_stopped(event, **more):
        store(event, **more)
        kind = event.dagster_event.event_type_value if event.dagster_event else ""
        if kind == moment and not sent:
            sent.append(kind)
            signal.raise_signal(number)

    monkeypatch.setattr(instance, "handle_new_event", stored_and_stopped)
    with pytest.raises(SystemExit) as ended, stoppable("again"):
        runner.run("two_steps")  # on its own it would end well after `PIPELINE_SUCCESS`
    assert (sent, ended.value.code) == ([moment], 128 + number)
    (run,) = instance.get_runs()
    assert run.status.value == status
    assert list(locks_folder(runner._workspace.settings).iterdir()) == []
    assert capsys.readouterr().err.endswith("go on with: again\n")
    runner.run("two_steps")
    assert [run.status.value for run in instance.get_runs(limit=1)] == ["SUCCESS"]
