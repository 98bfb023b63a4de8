"""Which inputs an event of a batch was made from, in the tags that Dagster compares them by."""

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

__all__ = ["provenance_tags"]

_SHORT = 8
"""Characters of a version that people read and Dagster does not compare."""


def provenance_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Tags of the code and of the newest event of each input now, before the asset reads them.

    Dagster calls a partition unsynced where one of its input partitions has another data version
    in an event after that newest one, and without these tags where any was told later, or never.
    It compares the version in the tag for inputs without partitions alone, so that of others, the
    version of the newest partition, is cut short.
    """
    nodes = context.job_def.asset_layer
    code = nodes.get(context.asset_key).code_version or context.run.run_id[:_SHORT]
    tags = {CODE_VERSION_TAG: code}
    for key in sorted(nodes.get(context.asset_key).parent_keys):
        newest = context.instance.fetch_materializations(key, limit=1).records
        version, pointer = DEFAULT_DATA_VERSION.value, NULL_EVENT_POINTER
        if newest:
            told = newest[0].asset_materialization
            version = ((told and told.tags) or {}).get(DATA_VERSION_TAG, version)
            pointer = str(newest[0].storage_id)
        whole = nodes.get(key).partitions_def is None
        tags[get_input_data_version_tag(key)] = version if whole else version[:_SHORT]
        tags[get_input_event_pointer_tag(key)] = pointer
    return tags
