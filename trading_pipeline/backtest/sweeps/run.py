"""The sweep: many combinations of a strategy on the same bars, in threads, at a few bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest.annual_bars import with_bar_year
from trading_pipeline.backtest.run_control import Cancelled, Progress
from trading_pipeline.backtest.signal_checks import settings_or_default
from trading_pipeline.backtest.sweeps.checkpoint import Checkpoint, Progressed
from trading_pipeline.backtest.sweeps.plan_trading import Plan, SharedInputs
from trading_pipeline.backtest.sweeps.result import SweepResult
from trading_pipeline.backtest.sweeps.source import PlanSource, Source
from trading_pipeline.backtest.sweeps.work import Watch, trade_all
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_with_actions
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.rule_plan import RulePlan
from trading_pipeline.errors import ConfigurationError, RunCancelledError, StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings

if TYPE_CHECKING:  # imported when a strategy is swept: most processes that load this sweep none
    from trading_pipeline.strategies import Market, Strategy, StrategyCatalogue

__all__ = ["run_sweep"]


def run_sweep(
    bars: pd.DataFrame | ValidatedBars | BarsWithActions,
    strategy: Strategy[Any] | type[Strategy[Any]] | str | Plan,
    parameters: Iterable[Mapping[str, object]] | BacktestSettings | None = None,
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
    market: Market | None = None,
    strategies: StrategyCatalogue | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    memory_mb: float = 1000.0,
    checkpoint: Path | str | None = None,
) -> SweepResult:
    """Trade a strategy with many sets of parameters under one set of settings.

    Each row equals, bit for bit, what `run_backtest` gives for the strategy's signals of that set,
    whatever the number of threads. A set whose run fails has its error in the table and NaN as
    numbers; it does not end the sweep unless all fail.

    Parameters
    ----------
    bars
        As `run_backtest` takes them.
    strategy
        A class or an instance, the name of a shipped one, or a plan (`CrossingPlan`, `RulePlan`)
        whose combinations are traded; a plan takes no `parameters`, and the settings may stand in
        their place.
    parameters
        One dict for each combination; what is left out has its default. All are checked before
        anything runs.
    settings
        Costs, sizes, stops; all defaults where left out.
    actions
        Splits and dividends, as `run_backtest` takes them.
    market
        What the strategy sees, for one that needs earlier bars, forecasts, inputs or sessions; it
        holds all `bars`, and may begin before them. By default the bars, adjusted by the actions.
    strategies
        Where a name is looked up, for strategies of your own; the shipped ones by default.
    threads
        At most so many; None for one a core. Strategies without a plan run in the caller's.
    progress, cancelled
        `progress(done, total)` is called from this thread, `paced(show)` makes one that tells rate
        and time left; `cancelled()` is asked between blocks.
    memory_mb
        Most memory for the indicators of a sweep and for the array of `returns`, in megabytes.
    checkpoint
        A file that keeps what is done, written whole or not at all every few seconds and at the
        end. The same call goes on from there.

    Raises
    ------
    StrategyError
        For an unknown strategy, a wrong set of parameters (which and why), a plan of another
        length, and where every combination fails.
    ConfigurationError
        For a checkpoint of another sweep, and for wrong settings.
    RunCancelledError
        Where `cancelled` said so; its `table` has the rows that were finished.

    >>> index = pd.date_range("2024-01-01", periods=5, tz="UTC", name="ts")
    >>> prices = np.array([10.0, 11.0, 12.0, 11.0, 10.0])
    >>> names = ("open", "high", "low", "close")
    >>> bars = pd.DataFrame({name: prices for name in names}, index=index).assign(volume=1.0)
    >>> sets = [{"fast": 1, "slow": 2, "start": start} for start in ("cross", "state")]
    >>> run_sweep(bars, "sma_crossover", sets).table["trade_count"].tolist()
    [0, 1]
    """
    checked, actions = validate_with_actions(bars, actions)
    if isinstance(parameters, BacktestSettings):
        if settings is not None:
            raise ConfigurationError("Two sets of settings were given; give one.")
        parameters, settings = None, parameters
    settings, _ = with_bar_year(settings_or_default(settings), checked)
    is_number = isinstance(memory_mb, (int, float)) and not isinstance(memory_mb, bool)
    if not (is_number and memory_mb > 0.0):
        raise ConfigurationError(
            f"memory_mb is {memory_mb!r}; give the megabytes that a sweep may take, above 0.",
            value=memory_mb,
        )
    shared = SharedInputs(bars=checked, settings=settings, actions=actions)
    source = _source(shared, strategy, parameters, market, strategies)
    kept = None if checkpoint is None else Checkpoint(Path(checkpoint), _identity(shared, source))
    done = Progressed.nothing(len(source)) if kept is None else kept.load(len(source))
    watch = Watch(
        threads=threads,
        progress=progress,
        cancelled=cancelled,
        after=(lambda: None) if kept is None else (lambda: kept.save(done)),
    )
    found = SweepResult(
        shared=shared, source=source, stats=done.stats, errors=done.errors, memory_mb=memory_mb
    )
    if progress is not None:
        progress(done.done, len(source))
    try:
        pending = np.flatnonzero(~done.finished)
        trade_all(shared, source, pending, done, watch, memory_bytes=memory_mb * 1e6)
    except RunCancelledError as stopped:
        raise _stopped(found, done, checkpoint) from stopped
    finally:
        if kept is not None:
            kept.save(done, at_once=True)
    if len(source) and len(done.errors) == len(source):
        raise StrategyError(
            f"All {len(source):,} combinations failed; number 0: {done.errors[0]}",
            errors=done.errors,
        )
    return found


def _source(
    shared: SharedInputs, strategy: object, parameters: object, market: Market | None,
    strategies: StrategyCatalogue | None,
) -> Source:  # fmt: skip
    """Combinations of a plan, or of a strategy and its parameters."""
    if isinstance(strategy, (CrossingPlan, RulePlan)):
        if parameters is not None or market is not None:
            raise StrategyError(
                "A plan holds its combinations: leave parameters and market out, or give a "
                "strategy in place of the plan."
            )
        return PlanSource(strategy, len(shared.bars))
    from trading_pipeline.backtest.sweeps.strategy_combinations import strategy_source

    return strategy_source(shared, strategy, parameters, market, strategies)


def _identity(shared: SharedInputs, source: Source) -> dict[str, str]:
    """Hashes, by name, of all that the rows depend on."""
    from trading_pipeline.code_identity import code_hash

    bars = shared.bars
    prices = [bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume]
    acted = [[each.ex_date, each.kind, each.value] for each in shared.actions or ()]
    return {
        "bars": canonical_hash(prices),
        "corporate actions": canonical_hash(acted),
        "settings": shared.settings.hash,
        "engine code": code_hash(trade_all),
        **source.identity(),
    }


def _stopped(found: SweepResult, done: Progressed, checkpoint: Path | str | None) -> Exception:
    on = f"the checkpoint {checkpoint} keeps them, and the same call goes on from there"
    if checkpoint is None:
        on = "give a checkpoint, and a later call goes on from there"
    return RunCancelledError(
        f"The sweep was stopped after {done.done:,} of {len(found)} combinations. Their rows are "
        f"in the error's table; {on}.",
        done=done.done,
        total=len(found),
        table=found.finished(np.flatnonzero(done.finished)),
    )
