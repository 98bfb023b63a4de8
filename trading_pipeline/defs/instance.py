"""The project's Dagster instance: its state is under `runtime/dagster`."""

from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.environment import PipelineSettings, project_root
from trading_pipeline.storage.parquet_files import write_text

__all__ = ["open_instance", "ui_command", "write_instance_config"]

_NO_COPIES = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def open_instance(settings: PipelineSettings) -> dg.DagsterInstance:
    """The instance that `dagster dev` shows; the same files, by their absolute paths.

    What a run of this process prints goes to its own terminal alone: keeping a copy, as runs of
    `dagster dev` do, would start four processes a run.

    Raises `ConfigurationError` for a path that Dagster would read as an address: it opens its
    databases by one, so it would fail on `%20`, and keep them elsewhere with `?`.
    """
    folder = str(settings.dagster)
    if "?" in folder or unquote(folder) != folder:
        raise ConfigurationError(
            f"Dagster cannot keep its records in {folder}: the path holds '?', or '%' with two "
            "digits, which it reads as part of an address. Rename the folder, or point "
            "TRADING_PIPELINE_RUNTIME_DIR at another one.",
            path=folder,
        )
    write_instance_config(settings)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(folder, overrides=_NO_COPIES))


def write_instance_config(settings: PipelineSettings) -> Path:
    """Write `runtime/dagster/dagster.yaml`, so that the folder can serve as DAGSTER_HOME.

    A `dagster.yaml` among the user's own files takes its place, such as one that keeps Dagster's
    records in Postgres.
    """
    base = str(settings.dagster)
    config = {
        "storage": {
            "custom": {
                "module": "trading_pipeline.defs.event_storage",
                "class": "KeptSqliteStorage",
                "config": {"base_dir": base},
            }
        },
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": base},
        },
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(settings.dagster / "compute_logs")},
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "python_logs": {"managed_python_loggers": ["trading_pipeline"]},
    }
    path = settings.dagster / "dagster.yaml"
    text = "# Written by trading-pipeline; DAGSTER_HOME may point here.\n" + yaml.safe_dump(config)
    own = settings.config / "dagster.yaml"
    if own.is_file():
        text = own.read_text(encoding="utf-8")
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return path


def ui_command(settings: PipelineSettings) -> str:
    """The command that opens the web UI on this instance."""
    root = project_root()
    if settings.runtime == (root / "runtime").resolve():
        return "uv run dagster dev"
    return (
        f"TRADING_PIPELINE_RUNTIME_DIR={settings.runtime} DAGSTER_HOME={settings.dagster} "
        "uv run dagster dev"
    )
