"""Windows outside an instrument's own span: told to Dagster once, so that they are no gaps.

The grid of instruments and windows is a rectangle, and spans differ. A window outside a span can
never hold a bar of the instrument, and no run works on it. Without an event the UI would show it as
missing for ever.
"""

from collections.abc import Iterable

import dagster as dg

from trading_pipeline.stages.workspace import Workspace

__all__ = ["outside_partitions", "report_outside_partitions"]

STATUS = "not_listed"
"""As that of a window inside the span in which the instrument was not listed."""
_REASON = "The window is outside the instrument's span in universe.yaml, so there is nothing in it."


def outside_partitions(workspace: Workspace, instruments: Iterable[str]) -> list[str]:
    """Partitions `instrument|window` of windows that have started and that the span leaves out."""
    everyone = [window.key for window in workspace.windows()]
    found = []
    for instrument in instruments:
        own = {window.key for window in workspace.windows_of(instrument)}
        found += [f"{instrument}|{key}" for key in everyone if key not in own]
    return found


def report_outside_partitions(
    instance: dg.DagsterInstance,
    workspace: Workspace,
    assets: Iterable[str],
    instruments: Iterable[str],
) -> int:
    """Report each such partition of these assets that has no event yet; gives their number.

    `assets`: names with slashes, of assets of instruments and windows. Each gets one event with the
    status `not_listed` and 0 rows, of no run. Nothing is written to the warehouse: a span that is
    made longer leaves the windows pending, and a run replaces the event.
    """
    outside = outside_partitions(workspace, instruments)
    if not outside:
        return 0
    reported = 0
    for name in assets:
        key = dg.AssetKey(name.split("/"))
        told = instance.get_materialized_partitions(key)
        for partition in outside:
            if partition not in told:
                event = dg.AssetMaterialization(
                    asset_key=key,
                    partition=partition,
                    metadata={"status": STATUS, "dagster/row_count": 0, "reason": _REASON},
                )
                instance.report_runless_asset_event(event)
                reported += 1
    return reported
