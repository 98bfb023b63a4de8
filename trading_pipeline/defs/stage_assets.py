"""How a stage becomes an asset: audit, materialize, report to Dagster.

`stage_asset` makes the whole asset. An asset that needs configuration or does something besides
calls `work_through` and `report` itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import (
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
)
from dagster._core.definitions.partitions.utils import get_tags_from_multi_partition_key

from trading_pipeline.defs.checks.audits import audit_results, audit_specs
from trading_pipeline.defs.provenance import provenance_tags
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import UnknownNameError
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.stages.batch import MakeStage, work_on
from trading_pipeline.stages.outcome import Link, Outcome, Shown, ShownMarkdown
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace

__all__ = ["Told", "column_schema", "report", "stage_asset", "told_of", "work_through"]

Told = dg.AssetMaterialization | dg.MaterializeResult
Columns = Mapping[str, tuple[str, str]]
"""Column name to type and meaning."""
_PLOTTED, _PLOTTED_OF_WINDOWS = 8, 3
_TOLD_ELSEWHERE = ("columns", "input_hash", "content_hash")
"""Of a window's file: by the asset's schema, the file's name and the data version."""


def stage_asset(
    make: MakeStage,
    name: str,
    *,
    group_name: str,
    kinds: set[str],
    description: str,
    deps: Sequence[dg.AssetDep | dg.AssetKey | dg.AssetsDefinition | str],
    partitions_def: dg.PartitionsDefinition | None = None,
    checks: Mapping[str, str] | None = None,
    columns: Columns | None = None,
    code_version: str | None = None,
) -> dg.AssetsDefinition:
    """An asset that does a stage's work on the partitions of a run.

    Parameters
    ----------
    make
        Makes the stage of an instrument.
    name
        The asset's name with slashes.
    checks
        Audits that block, by name and description. Partitions with a finding are not written.
    columns
        The asset's columns.

    The other parameters are those of `dagster.asset`.
    """
    key = dg.AssetKey(name.split("/"))

    @dg.asset(
        key=key,
        group_name=group_name,
        kinds=kinds,
        description=description,
        deps=deps,
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions_def else None,
        check_specs=audit_specs(key, checks or {}),
        metadata=column_schema(columns) if columns else None,
        code_version=code_version,
    )
    def asset(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Iterator[Told]:
        batch = workspace.batch(context)
        if batch is not None:
            yield from told_of(context, work_on(batch, name, make, audited=bool(checks)))
            outside = list(batch.outside.get(name, ()))
            yield dg.MaterializeResult(check_results=audit_results([], checks or {}, outside))
            return
        opened = workspace.open(context)
        outcomes, findings, outside = work_through(context, opened, make, audited=bool(checks))
        yield report(context, outcomes, audit_results(findings, checks or {}, outside))

    return asset


def told_of(
    context: dg.AssetExecutionContext, outcomes: Iterable[Outcome]
) -> Iterator[dg.AssetMaterialization]:
    """A materialization of each partition of a batch, with its data version and its inputs."""
    inputs = provenance_tags(context)
    partitions = context.assets_def.partitions_def
    dimensions = (
        [each.name for each in partitions.partitions_defs]
        if isinstance(partitions, dg.MultiPartitionsDefinition)
        else []
    )
    for outcome in outcomes:
        key, tags = outcome.partition or None, {}
        if dimensions:
            parts = dict(zip(dimensions, outcome.partition.split("|"), strict=True))
            key = dg.MultiPartitionKey(parts)
            tags = dict(get_tags_from_multi_partition_key(key))
        yield dg.AssetMaterialization(
            context.asset_key,
            partition=key,
            metadata=_metadata(outcome),
            tags={
                DATA_VERSION_TAG: outcome.content_hash[:32],
                DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
                **inputs,
                **tags,
            },
        )


def work_through(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    make: MakeStage,
    *,
    audited: bool = False,
) -> tuple[list[Outcome], list[CausalityFinding], list[str]]:
    """Materialize the partitions of a run, instrument by instrument.

    The answer holds the outcomes, what the audits found, and what a user's code reads from outside.
    Another run that materializes the same asset of the same instrument is waited for. What was
    written has passed, so only pending partitions are audited. A blocking check stops this
    run alone, so what has findings is not written: that stops later runs too.
    """
    outcomes: list[Outcome] = []
    findings: list[CausalityFinding] = []
    outside: dict[str, None] = {}
    for instrument_id, names in _names_by_instrument(context):
        stage = make(workspace, instrument_id)
        with turn_at(workspace.settings, stage.asset, instrument_id):
            keys = stage.keys(names)
            found = stage.audit(keys) if audited and stage.pending(keys) else []
            findings += found
            outcomes += [] if found else stage.materialize(keys)
            outside |= dict.fromkeys(stage.read_outside()) if audited else {}
    return outcomes, findings, list(outside)


def report(
    context: dg.AssetExecutionContext,
    outcomes: Sequence[Outcome],
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """Metadata of each partition, and the data version of what the run materialized.

    A run of one partition has its content hash as data version. A ranged run can set one for all of
    its partitions only: the hash of all content hashes. So a second run over the same range that
    changed nothing makes nothing stale, and one that changed something makes all of it stale.
    """
    if len(outcomes) == 1:
        only = outcomes[0]
        return dg.MaterializeResult(
            metadata=_metadata(only),
            data_version=dg.DataVersion(only.content_hash[:32]),
            check_results=list(checks),
        )
    for outcome in outcomes:
        context.add_asset_metadata(_metadata(outcome), partition_key=outcome.partition)
    together = canonical_hash([[outcome.partition, outcome.content_hash] for outcome in outcomes])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(together[:32]), check_results=list(checks)
    )


def column_schema(columns: Columns) -> dict[str, dg.TableSchema]:
    """Definition metadata with the asset's columns."""
    schema = dg.TableSchema(
        [dg.TableColumn(name, kind, text) for name, (kind, text) in columns.items()]
    )
    return {"dagster/column_schema": schema}


def _names_by_instrument(context: dg.AssetExecutionContext) -> Iterator[tuple[str, list[str]]]:
    """Instruments of the run, each with what its partition keys name behind it.

    A range over two dimensions that is given in reverse resolves to no key at all, without a word
    from Dagster; that is an error here.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        yield "", list(WHOLE)
        return
    if not context.partition_keys:
        chosen = context.partition_key_range
        raise UnknownNameError(
            f"The partition range {chosen.start}...{chosen.end} holds no partition. Give the "
            "earlier instrument and the earlier window first, in the order of the universe.",
            name=f"{chosen.start}...{chosen.end}",
            kind="partition range",
        )
    by_instrument: dict[str, list[str]] = defaultdict(list)
    for key in context.partition_keys:
        instrument_id, _, name = key.partition("|")
        by_instrument[instrument_id].append(name)
    yield from by_instrument.items()


def _metadata(outcome: Outcome) -> dict[str, Any]:
    """What an event says of a partition; Dagster stores it three times, so it is short.

    An entry of its own costs some 150 bytes, so it is for what the UI plots, draws or links: the
    first numbers with a fraction, pictures, addresses. Everything else is in one entry, `details`.
    """
    told = {name: value for name, value in outcome.metadata.items() if value not in (None, "")}
    for name in _TOLD_ELSEWHERE if "file" in told else ():
        told.pop(name, None)
    plotted = [name for name, value in told.items() if isinstance(value, float) and value == value]
    shown = {*plotted[: _PLOTTED_OF_WINDOWS if "file" in told else _PLOTTED]}
    shown |= {name for name, value in told.items() if isinstance(value, (ShownMarkdown, Link))}
    details = {
        name: "undefined" if value != value else value
        for name, value in told.items()
        if name not in shown
    }
    return {
        "dagster/row_count": outcome.rows,
        "details": dg.MetadataValue.json({"changed": outcome.changed, **details}),
        **{name: _value(told[name]) for name in told if name in shown},
    }


def _value(value: Shown) -> Any:
    if isinstance(value, ShownMarkdown):
        return dg.MetadataValue.md(value.text)
    if isinstance(value, Link):
        return dg.MetadataValue.url(value.url)
    return value
