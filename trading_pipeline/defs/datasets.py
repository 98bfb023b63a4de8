"""Users' files as Dagster sees them: the asset of profiles and the sensor of the inbox."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from trading_pipeline.datasets.inbox import changed_files, misnamed_files
from trading_pipeline.defs.market_data import GROUP
from trading_pipeline.defs.partition_keys import bring_in_keys
from trading_pipeline.defs.partitions import datasets
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.defs.stage_assets import report
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.sources.files import DatasetRecord, registered_datasets
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.datasets.profiles import DatasetOutcome, DatasetStage
from trading_pipeline.stages.datasets.seen import bars_are_fetched, is_registered_as_it_is
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace, open_workspace

__all__ = ["DatasetConfig", "dataset_profile", "inbox_sensor"]

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class DatasetConfig(dg.Config):
    """`bring_back`: a file whose instrument is archived makes it active again."""

    bring_back: bool = False


@dg.asset(
    group_name=GROUP,
    kinds={"csv", "parquet"},
    partitions_def=datasets,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[
        dg.AssetCheckSpec(
            "accepted", asset="dataset_profile", description="The file can be read as bars."
        ),
        dg.AssetCheckSpec(
            "decided",
            asset="dataset_profile",
            description="Nothing is left for the user to decide; answers stand in <file>.yaml.",
        ),
    ],
)
def dataset_profile(
    context: dg.AssetExecutionContext, config: DatasetConfig, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """What a file of the inbox holds: columns, timeframe, time zone, gaps, problems.

    A file with nothing left to decide becomes an instrument of the source `files`. One that leaves
    something open (time zone, order of day and month, several symbols) waits: answer it in a YAML
    file of the same name with .yaml behind. One whose bars a check keeps out is registered nowhere.
    One whose instrument is archived is left alone, unless `bring_back: true` in the run's
    configuration.
    """
    outcomes: list[DatasetOutcome] = []
    for name in context.partition_keys:
        with turn_at(load_settings(), "dataset_profile"):  # all of them write universe.yaml
            opened = workspace.open(context, anew=True)  # the last file may have added one
            outcomes += DatasetStage(opened, bring_back=config.bring_back).materialize([name])
        if outcomes[-1].instrument:
            bring_in_keys(context.instance, workspace.open(context, anew=True))
    return report(context, outcomes, _checks(outcomes))


def _checks(outcomes: Sequence[DatasetOutcome]) -> list[dg.AssetCheckResult]:
    refused = [f"{each.partition}: {each.reason}" for each in outcomes if each.status == "refused"]
    waiting = [f"{each.partition}: {question}" for each in outcomes for question in each.questions]
    waiting += [
        f"{each.partition}: {each.reason}" for each in outcomes if each.status == "archived"
    ]
    return [
        dg.AssetCheckResult(
            passed=not found,
            check_name=name,
            severity=severity,
            description=" ".join(found) or None,
            metadata={"files": len(outcomes), "findings": len(found)},
        )
        for name, found, severity in (
            ("accepted", refused, dg.AssetCheckSeverity.ERROR),
            ("decided", waiting, dg.AssetCheckSeverity.WARN),
        )
    ]


def inbox_sensor(catalog: Catalog, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor over the inbox; `catalog` and `jobs` are what the definitions are made of."""

    @dg.sensor(
        name="inbox",
        jobs=[job for job in jobs if job.name in ("datasets", "bars_of_files")],
        minimum_interval_seconds=30,
        description="Profiles each new or changed file of runtime/inbox, and fetches the bars of "
        "what became an instrument.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = load_settings()
        seen = json.loads(context.cursor or "{}")
        files, bars = dict(seen.get("files", {})), dict(seen.get("bars", {}))
        requests, waiting, added = [], [], []
        records = registered_datasets(settings.datasets)
        for each in changed_files(settings.inbox, files, time.time()):
            files[each.name] = each.signature
            if is_registered_as_it_is(each, records):
                continue
            added.append(each.name)
            requests.append(
                dg.RunRequest(
                    run_key=f"{each.name} {each.signature}",
                    job_name="datasets",
                    partition_key=each.name,
                )
            )
        workspace = open_workspace(settings)
        known = {*catalog.grid.keys(workspace.clock())}
        for name, record in records.items():
            if bars.get(name) == record.bars_sha256 or name not in workspace.catalog.instruments:
                continue
            held = [
                w
                for w in workspace.windows_of(name)
                if w.start <= record.last and w.end > record.first
            ]
            if not bars_are_fetched(workspace, record, held):
                if not known.issuperset(window.key for window in held):
                    waiting.append(name)
                    continue
                requests.append(_bars_request(name, record.bars_sha256, held))
            bars[name] = record.bars_sha256
        cursor = json.dumps({"files": files, "bars": bars}, sort_keys=True)
        notes = _notes(workspace, waiting, records)
        if not requests:
            context.update_cursor(cursor)
            return dg.SkipReason(" ".join(notes) or "No new or changed file in the inbox.")
        for note in notes:
            context.log.warning(note)
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[datasets.build_add_request(added)],
            cursor=cursor,
        )

    return inbox


def _bars_request(name: str, sha256: str, windows: Sequence[Window]) -> dg.RunRequest:
    first, last = (f"{name}|{window.key}" for window in (windows[0], windows[-1]))
    alone = first == last
    return dg.RunRequest(
        run_key=f"{name} {sha256[:12]}",
        job_name="bars_of_files",
        run_config={"ops": {"bars": {"config": {"refetch": True}}}},
        partition_key=first if alone else None,
        tags=None if alone else dict(zip(_RANGE, (first, last), strict=True)),
    )


def _notes(
    workspace: Workspace, waiting: Sequence[str], records: Mapping[str, DatasetRecord]
) -> list[str]:
    """What of the inbox is left alone, and what its owner can do."""
    notes = []
    if waiting:
        notes.append(
            f"The windows of {', '.join(waiting)} are not known here yet: reload the code "
            "location, so that they exist; the bars are fetched then."
        )
    misnamed = misnamed_files(workspace.settings.inbox)
    if misnamed:
        names = ", ".join(repr(name) for name in misnamed)
        notes.append(
            f"{names} in the inbox waits for a proper name: letters, digits, '.', '-' and '_' "
            "only, a letter or digit first. Rename the file, or give it to: trading-pipeline "
            "datasets add FILE."
        )
    archived = workspace.catalog.universe.archived_by_id
    for name in (name for name in records if name in archived):
        spec = archived[name]
        notes.append(
            f"{name} is archived; bring it back with: trading-pipeline universe add {spec.symbol} "
            f"--timeframe {spec.timeframe.value}."
        )
    return notes
