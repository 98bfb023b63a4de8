"""Benchmark of Dagster's records: the project's storage against Dagster's own, as Markdown.

Run it with `python benchmarks/event_speed.py [PARTITIONS]` (200 by default). One process runs a job
of so many partitions, whose body does nothing, twice with each storage and times the second run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

STORAGES: dict[str, dict[str, Any]] = {
    "Dagster's own": {"sqlite": {"base_dir": ""}},
    "kept connections": {
        "custom": {
            "module": "trading_pipeline.defs.event_storage",
            "class": "KeptSqliteStorage",
            "config": {"base_dir": ""},
        }
    },
}


def job_of(partitions: int) -> dg.JobDefinition:
    """One asset that reports a number for each of its partitions."""

    @dg.asset(
        name="empty",
        partitions_def=dg.StaticPartitionsDefinition([f"p{n}" for n in range(partitions)]),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def empty(context) -> dg.MaterializeResult:  # type: ignore[no-untyped-def, type-arg] # noqa: ANN001
        for key in context.partition_keys:
            context.add_asset_metadata({"number": 1.0}, partition_key=key)
        return dg.MaterializeResult(data_version=dg.DataVersion("one"))

    made = dg.Definitions(assets=[empty], jobs=[dg.define_asset_job("empty_job", [empty])])
    return made.resolve_job_def("empty_job")


def measured(storage: dict[str, Any], partitions: int) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and bytes of a run."""
    os.environ.pop("DAGSTER_EVENT_BATCH_SIZE", None)
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_dump({"storage": storage, "telemetry": {"enabled": False}})
        Path(folder, "dagster.yaml").write_text(text.replace("base_dir: ''", f"base_dir: {folder}"))
        job, tag = job_of(partitions), "dagster/asset_partition_range"
        with dg.DagsterInstance.from_config(folder) as instance:
            for _ in range(2):
                wall, cpu = time.perf_counter(), time.process_time()
                job.execute_in_process(
                    instance=instance,
                    tags={f"{tag}_start": "p0", f"{tag}_end": f"p{partitions - 1}"},
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                )
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(each.stat().st_size for each in Path(folder).rglob("*") if each.is_file())
    return cpu, wall, size // 2


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sys.stdout.write(f"{partitions} partitions\n\n| storage | CPU s | wall s | kB a run |\n")
    sys.stdout.write("|---|---|---|---|\n")
    found = {}
    for name, storage in STORAGES.items():
        found[name] = measured(storage, partitions)
        cpu, wall, size = found[name]
        sys.stdout.write(f"| {name} | {cpu:.2f} | {wall:.2f} | {size / 1e3:,.0f} |\n")
    (own, *_), (kept, *_) = found.values()
    sys.stdout.write(f"\nCPU ratio {own / kept:.1f}\n")


if __name__ == "__main__":
    main()
