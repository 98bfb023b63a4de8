"""Runs of this process name the code location of `workspace.yaml`, and who began them."""

import getpass

import dagster as dg
import pytest
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from trading_pipeline.defs.automation.job_runs import JobRunner
from trading_pipeline.defs.automation.run_origin import CODE_LOCATION, launched_by
from trading_pipeline.settings.claims import own_command
from trading_pipeline.settings.environment import project_root
from trading_pipeline.stages.workspace import open_workspace
from trading_pipeline_tests.defs.test_abandoned_runs import small_job

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_location_is_the_only_one_of_the_workspace_file():
    workspace = project_root() / "workspace.yaml"
    (origin,) = location_origins_from_yaml_paths([str(workspace)])
    assert origin.location_name == CODE_LOCATION
    assert isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin)
    assert origin.loadable_target_origin.module_name == CODE_LOCATION


def test_a_run_names_its_job_in_the_location_and_who_began_it(runtime):
    with dg.DagsterInstance.ephemeral() as instance:
        done = JobRunner(dg.Definitions(jobs=[small_job]), instance, open_workspace()).run(
            "small_job"
        )
        run = instance.get_run_by_id(done.run_id)
    assert run.is_success
    origin = run.remote_job_origin
    assert (origin.job_name, origin.location_name) == ("small_job", CODE_LOCATION)
    assert run.tags_for_storage()[".dagster/repository"] == f"__repository__@{CODE_LOCATION}"
    assert run.tags["user"] == getpass.getuser()
    assert run.tags["trading_pipeline/command"] == own_command()


def test_an_account_without_a_name_is_shown_as_the_command(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert launched_by()["user"] == own_command()
