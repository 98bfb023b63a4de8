"""The schedules of the daily refresh; they are stopped until a user starts them.

Each asks for one run an instrument and window, so that a failure stops that one alone and the run
can set the window's content hash as its data version.
"""

from collections.abc import Iterator

import dagster as dg

from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace

__all__ = ["daily_schedules"]

_ACTIONS_CRON = "15 23 * * *"  # after the close in New York, winter and summer
_BARS_CRON = "30 23 * * *"


def daily_schedules() -> list[dg.ScheduleDefinition]:
    """Corporate actions first, bars a quarter of an hour later; both in UTC."""

    @dg.schedule(
        name="daily_corporate_actions",
        job_name="corporate_actions_job",
        cron_schedule=_ACTIONS_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Asks for splits and dividends of every instrument whose universe goes on.",
    )
    def actions(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        opened = workspace.open_for(None)
        day = f"{context.scheduled_execution_time:%Y-%m-%d}"
        names = [
            name for name in _known(context, opened) if ActionStage(opened, name).pending(WHOLE)
        ]
        if not names:
            yield dg.SkipReason("The corporate actions of every instrument are up to date.")
        for name in names:
            yield dg.RunRequest(run_key=f"{day}|{name}", partition_key=name)

    @dg.schedule(
        name="daily_bars",
        job_name="daily_bars",
        cron_schedule=_BARS_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Asks for the newest bars of every instrument's running and settling windows.",
    )
    def bars(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        opened = workspace.open_for(None)
        day = f"{context.scheduled_execution_time:%Y-%m-%d}"
        keys = [
            f"{name}|{window.key}"
            for name in _known(context, opened)
            for window in BarStage(opened, name).pending(opened.windows_of(name))
        ]
        if not keys:
            yield dg.SkipReason("Every window of every instrument is final and fetched.")
        for key in keys:
            yield dg.RunRequest(run_key=f"{day}|{key}", partition_key=key)

    return [actions, bars]


def _known(context: dg.ScheduleEvaluationContext, workspace: Workspace) -> list[str]:
    """Instruments of the universe whose partition key is there; `universe` adds the others."""
    keys = set(context.instance.get_dynamic_partitions("instruments"))
    return [name for name in workspace.catalog.instruments if name in keys]
