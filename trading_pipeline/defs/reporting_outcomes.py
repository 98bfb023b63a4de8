"""This file holds how outcomes of stages become Dagster's metadata, data versions and checks."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import UnknownNameError
from trading_pipeline.stages.features.quality_numbers import ShownTable
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.workspace import Workspace

__all__ = ["column_schema", "for_each_instrument", "report", "two_part_keys"]


def two_part_keys(context: dg.AssetExecutionContext) -> list[tuple[str, str]]:
    """Both parts of every partition key of the run.

    A range over two dimensions that is given in reverse resolves to no key at all, without a word
    from Dagster; that is an error here.
    """
    keys = list(context.partition_keys)
    if not keys:
        chosen = context.partition_key_range
        raise UnknownNameError(
            f"The partition range {chosen.start}...{chosen.end} holds no partition. Give the earlier "
            "instrument and the earlier window first, in the order in which the universe lists them.",
            name=f"{chosen.start}...{chosen.end}",
            kind="partition range",
        )
    return [(first, second) for first, _, second in (key.partition("|") for key in keys)]


def for_each_instrument(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    work: Callable[[str, list[Window]], Sequence[Outcome]],
) -> list[Outcome]:
    """Call `work` with each instrument of the run and its windows; all outcomes in order."""
    by_instrument: dict[str, list[str]] = defaultdict(list)
    for instrument_id, window_key in two_part_keys(context):
        by_instrument[instrument_id].append(window_key)
    outcomes: list[Outcome] = []
    for instrument_id, window_keys in by_instrument.items():
        outcomes.extend(work(instrument_id, workspace.windows(window_keys)))
    return outcomes


def report(
    context: dg.AssetExecutionContext,
    outcomes: Sequence[Outcome],
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """Metadata of each partition, and the data version of what the run materialized.

    A run of one partition has its content hash as data version. A ranged run can set one for all of its
    partitions only: the hash of all content hashes, so that a second run over the same range that
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


def column_schema(columns: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Definition metadata with the asset's columns: name to type and description."""
    schema = dg.TableSchema(
        [dg.TableColumn(name, kind, text) for name, (kind, text) in columns.items()]
    )
    return {"dagster/column_schema": schema}


def _metadata(outcome: Outcome) -> dict[str, Any]:
    numbers = {"dagster/row_count": outcome.rows, "changed": outcome.changed}
    return {**numbers, **{name: _value(value) for name, value in outcome.metadata.items()}}


def _value(value: Any) -> Any:
    if isinstance(value, ShownTable):
        return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in value.rows])
    if isinstance(value, float) and value != value:
        return dg.MetadataValue.text("undefined")
    return value
