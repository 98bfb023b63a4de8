"""Runs of this process belong to the code location that `dagster dev` loads.

Dagster shows a run on its timeline and on the page of its job where the run names the location. A
run made by `execute_in_process` names none, and there is no argument for it.
"""

import getpass
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import USER_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from trading_pipeline.settings.claims import own_command

__all__ = ["CODE_LOCATION", "launched_by", "name_code_location"]

CODE_LOCATION = "trading_pipeline.definitions"
"""Name of the code location in `workspace.yaml`: that of its module."""
_REPOSITORY = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name=CODE_LOCATION), CODE_LOCATION
    ),
    SINGLETON_REPOSITORY_NAME,
)


def name_code_location(instance: dg.DagsterInstance) -> None:
    """Make each run that this object creates name the code location."""
    create = instance.create_run_for_job

    def create_run_for_job(
        job_def: dg.JobDefinition, *arguments: Any, **named: Any
    ) -> dg.DagsterRun:
        named.setdefault("remote_job_origin", _REPOSITORY.get_job_origin(job_def.name))
        return create(job_def, *arguments, **named)

    # A subclass would have to be named in every dagster.yaml, also in those of users.
    vars(instance)["create_run_for_job"] = create_run_for_job


def launched_by() -> Mapping[str, str]:
    """Tags that say who began a run, as the UI shows them: the user, and the command."""
    command = own_command()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        user = command
    return {USER_TAG: user, "trading_pipeline/command": command}
