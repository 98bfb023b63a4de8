"""The assets of market data: the universe, corporate actions, bars."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from trading_pipeline.defs.checks.bars import bar_check_results, bar_check_specs
from trading_pipeline.defs.partition_keys import bring_in_keys
from trading_pipeline.defs.partitions import BY_INSTRUMENT, instruments
from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.defs.stage_assets import (
    Told,
    column_schema,
    report,
    stage_asset,
    told_of,
    work_through,
)
from trading_pipeline.stages.batch import work_on
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.turns import turn_at

__all__ = ["BarsConfig", "bars_asset", "corporate_actions", "universe"]

GROUP = "market_data"
BAR_SCHEMA = {
    "instrument": ("VARCHAR", "id of the series, symbol and timeframe"),
    "ts": ("TIMESTAMPTZ", "daily: the session's date; intraday: the bar's open; UTC"),
    "open": ("DOUBLE", "as traded"),
    "high": ("DOUBLE", "as traded"),
    "low": ("DOUBLE", "as traded"),
    "close": ("DOUBLE", "as traded"),
    "volume": ("DOUBLE", "units as traded"),
}
ACTION_SCHEMA = {
    "instrument": ("VARCHAR", "id of the series"),
    "ex_date": ("DATE", "first day on which the share trades without it"),
    "kind": ("VARCHAR", "split, dividend or capital_gain (paid out by a fund)"),
    "value": ("DOUBLE", "new shares per old one, or cash per share as traded that day"),
    "source": ("VARCHAR", "who says so"),
    "seen_at": ("TIMESTAMPTZ", "when this project first knew"),
}


class BarsConfig(dg.Config):
    """`refetch`: ask the source for whole windows again, final ones too."""

    refetch: bool = False


@dg.asset(group_name=GROUP, kinds={"duckdb", "yaml"})
def universe(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The instruments that are worked on, from universe.yaml; one row each in table `instruments`.

    Materializing it adds the partition keys of instruments, portfolios, and of the pairs of an
    instrument with a scenario or study that lists it; it takes away those of archived instruments
    and of pairs that are not listed any more. What is stored of them stays.
    """
    opened = workspace.open(context)
    with turn_at(opened.settings, "universe"):
        outcomes = UniverseStage(opened).materialize(WHOLE)
    bring_in_keys(context.instance, opened)
    return report(context, outcomes)


corporate_actions = stage_asset(
    ActionStage,
    "corporate_actions",
    group_name=GROUP,
    kinds={"duckdb"},
    partitions_def=instruments,
    deps=[universe],
    columns=ACTION_SCHEMA,
    description="Splits and cash dividends of an instrument, one row each, as they were on the "
    "ex-date.",
)


def bars_asset(grid: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of bars over a grid of instruments and windows."""

    @dg.asset(
        name="bars",
        group_name=GROUP,
        kinds={"duckdb"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[universe, dg.AssetDep(corporate_actions, partition_mapping=BY_INSTRUMENT)],
        check_specs=bar_check_specs(),
        metadata=column_schema(BAR_SCHEMA),
    )
    def bars(
        context: dg.AssetExecutionContext, config: BarsConfig, workspace: WorkspaceResource
    ) -> Iterator[Told]:
        """Closed bars as traded, one row a bar; prices in the instrument's currency, clocks in UTC.

        A window whose bars fail a blocking check is not written: its old content stays, the
        candidates go to `bars_rejected`, and nothing can be built on the window until it is fixed.
        Running windows are asked for their newest bars only; `refetch: true` in the run's
        configuration asks for whole windows again, final ones too. `quality_score` is from 0 to 1.
        """
        make = partial(BarStage, refetch=config.refetch)
        batch = workspace.batch(context)
        if batch is not None:
            worked = list(work_on(batch, "bars", make))
            yield from told_of(context, worked)
            yield dg.MaterializeResult(check_results=bar_check_results(worked))
            return
        outcomes, _, _ = work_through(context, workspace.open(context), make)
        yield report(context, outcomes, bar_check_results(outcomes))

    return bars
