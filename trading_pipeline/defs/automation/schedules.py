"""The schedules of the daily refresh and of maintenance; all stopped until a user starts them.

A daily one asks for one run an instrument and window, so that a failure stops that one alone and
the run can set the window's content hash as its data version.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace

__all__ = ["project_schedules"]

_ACTIONS_CRON = "15 23 * * *"  # after the close in New York, winter and summer
_BARS_CRON = "30 23 * * *"
_MAINTENANCE_CRON = "0 12 * * 0"  # Sundays at noon, when listed markets are closed
_RELOAD = (
    "Windows of {names} are not known here yet: reload the code location, so that they exist; they "
    "are asked for then."
)


def project_schedules(catalog: Catalog) -> list[dg.ScheduleDefinition]:
    """Corporate actions first, bars a quarter of an hour later; maintenance weekly; in UTC.

    `catalog` is what the definitions are made of: windows that it does not have are no partitions
    yet, so they are told of and left to the next tick after a reload.
    """
    return [
        _schedule(
            catalog,
            "daily_corporate_actions",
            job="corporate_actions_job",
            cron=_ACTIONS_CRON,
            pending=lambda workspace, name: ActionStage(workspace, name).pending(WHOLE),
            nothing="The corporate actions of every instrument are up to date.",
            description="Asks for splits and dividends of every instrument whose universe goes on.",
        ),
        _schedule(
            catalog,
            "daily_bars",
            job="daily_bars",
            cron=_BARS_CRON,
            pending=_pending_bars,
            nothing="Every window of every instrument is final and fetched.",
            description="Asks for the newest bars of every instrument's running and settling "
            "windows.",
        ),
        dg.ScheduleDefinition(
            name="weekly_maintenance",
            job_name="maintenance",
            cron_schedule=_MAINTENANCE_CRON,
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description="Removes runs, logs and files that newer ones superseded.",
        ),
    ]


def _schedule(
    catalog: Catalog,
    name: str,
    *,
    job: str,
    cron: str,
    pending: Callable[[Workspace, str], list[str]],
    nothing: str,
    description: str,
) -> dg.ScheduleDefinition:
    """A run for each partition that is `pending`: names behind the instrument, by instrument."""

    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=description,
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        opened = workspace.open_for(None)
        day = f"{context.scheduled_execution_time:%Y-%m-%d}"
        windows = {*WHOLE, *catalog.grid.keys(opened.clock())}
        asked = [
            (instrument, part)
            for instrument in _known(context, opened)
            for part in pending(opened, instrument)
        ]
        unknown = sorted({instrument for instrument, part in asked if part not in windows})
        if unknown:
            context.log.warning(_RELOAD.format(names=", ".join(unknown)))
        keys = [f"{name}|{part}".rstrip("|") for name, part in asked if part in windows]
        if not keys:
            yield dg.SkipReason(_RELOAD.format(names=", ".join(unknown)) if unknown else nothing)
        for key in keys:
            yield dg.RunRequest(run_key=f"{day}|{key}", partition_key=key)

    return schedule


def _pending_bars(workspace: Workspace, name: str) -> list[str]:
    windows = workspace.windows_of(name)
    return [window.key for window in BarStage(workspace, name).pending(windows)]


def _known(context: dg.ScheduleEvaluationContext, workspace: Workspace) -> list[str]:
    """Instruments of the universe whose partition key is there; `universe` adds the others."""
    keys = set(context.instance.get_dynamic_partitions("instruments"))
    return [name for name in workspace.catalog.instruments if name in keys]
