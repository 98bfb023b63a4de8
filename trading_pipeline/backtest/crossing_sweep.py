"""The fast sweep: combinations of a crossing plan, in parallel, at a few bytes each.

Memory is the plan's rows, nine bytes a bar and thread, and one line of statistics a combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.backtest.annual_bars import with_bar_year
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run
from trading_pipeline.backtest.kernels.fast.sweep import sweep_crossings
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.run_control import Cancelled, Progress, run_blocks
from trading_pipeline.backtest.settings_vector import level_arrays, rules_of, settings_vector
from trading_pipeline.backtest.signal_checks import settings_or_default
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, run_signal_sweep, sweep_frame
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_with_actions
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.errors import StrategyError, UnknownNameError, did_you_mean
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["SweepResult", "run_sweep"]

_BARS_A_BLOCK = 4_000_000  # about 10 milliseconds of work: short enough to be stopped at once


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResult:
    """Statistics of all combinations, and the way back to a full result of each.

    `table`: one row a pair of the plan, in its order: first_row, second_row and `SWEEP_COLUMNS`.
    """

    bars: ValidatedBars
    plan: CrossingPlan
    settings: BacktestSettings
    actions: Sequence[CorporateAction] | None
    table: pd.DataFrame

    def result(self, number: int) -> BacktestResult:
        """The combination's full result, with trades and orders; its numbers equal the table's."""
        return run_backtest(
            self.bars, self.plan.signals(number), self.settings, actions=self.actions
        )

    def best(self, count: int = 1, *, by: str = "sharpe") -> list[int]:
        """Numbers of the `count` combinations with the highest `by`, the best first.

        Of equals the first comes first; combinations without a value are left out. Raises
        `UnknownNameError` for a column that the table does not have.
        """
        if by not in SWEEP_COLUMNS:
            raise UnknownNameError(
                f"A sweep has no column '{by}'. {did_you_mean(by, SWEEP_COLUMNS)}", name=by
            )
        values = self.table[by].to_numpy(dtype=np.float64)
        order = np.argsort(-values, kind="stable")
        return [int(row) for row in order[:count] if values[row] == values[row]]


def run_sweep(
    bars: pd.DataFrame | ValidatedBars | BarsWithActions,
    plan: CrossingPlan,
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SweepResult:
    """Trade every combination of `plan` under one set of settings.

    Each row equals, bit for bit, what `run_backtest` gives for `plan.signals(row)`, whatever the
    number of threads (None: one a core). `progress(done, total)` is called from this thread;
    `cancelled()` is asked between blocks. Raises `StrategyError` for a plan of another length,
    `RunCancelledError` when stopped, and what `run_backtest` raises.

    >>> index = pd.date_range("2024-01-01", periods=4, tz="UTC", name="ts")
    >>> prices = np.array([10.0, 11.0, 12.0, 13.0])
    >>> names = ("open", "high", "low", "close")
    >>> bars = pd.DataFrame({name: prices for name in names}, index=index)
    >>> rows = np.array([[1.0, 3.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    >>> plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1], [1, 0]]))
    >>> run_sweep(bars.assign(volume=1.0), plan).table["trade_count"].tolist()
    [1, 0]
    """
    checked, actions = validate_with_actions(bars, actions)
    settings, _ = with_bar_year(settings_or_default(settings), checked)
    if plan.bars != len(checked):
        raise StrategyError(
            f"The crossing plan covers {plan.bars} bars and there are {len(checked)}; cut both to "
            "the same dates.",
            rows=plan.bars,
            expected=len(checked),
        )
    table = _statistics(checked, plan, settings, actions, threads, progress, cancelled)
    table.insert(0, "first_row", plan.pairs[:, 0])
    table.insert(1, "second_row", plan.pairs[:, 1])
    return SweepResult(bars=checked, plan=plan, settings=settings, actions=actions, table=table)


def _statistics(
    bars: ValidatedBars,
    plan: CrossingPlan,
    settings: BacktestSettings,
    actions: Sequence[CorporateAction] | None,
    threads: int | None,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> pd.DataFrame:
    if not len(plan):
        return run_signal_sweep(bars, [], settings, actions=actions)
    sample = plan.signals(0)
    p, levels = settings_vector(settings, sample), level_arrays(settings, sample)
    action_bar, action_effect = bars.action_rows(actions)
    applied = action_bar if len(action_bar) else None
    up, down = codes.ENTER_LONG, codes.EXIT_LONG
    if plan.direction == "long_short":
        up, down = codes.ENTER_LONG | codes.EXIT_SHORT, codes.ENTER_SHORT | codes.EXIT_LONG
    stats = np.zeros((len(plan), codes.S_COUNT))
    no_trades, no_orders = np.empty((0, codes.T_COUNT)), np.empty((0, codes.O_COUNT))
    fast = may_run("crossings", [rules_of(settings).demands])

    def work(first: int, last: int) -> None:
        if not fast:
            for number in range(first, last):
                run = run_backtest(bars, plan.signals(number), settings, actions=actions)
                stats[number] = run.stats
            return
        sweep_crossings(
            bars.open, bars.high, bars.low, bars.close, plan.rows, plan.pairs[first:last],
            plan.lead, up, down, levels, applied, action_effect, p, stats[first:last], no_trades,
            no_orders, plan.start == "state",
        )  # fmt: skip

    step = max(1, min(256, _BARS_A_BLOCK // len(bars)))
    blocks = [(at, min(at + step, len(plan))) for at in range(0, len(plan), step)]
    run_blocks(work, blocks, threads=threads, progress=progress, cancelled=cancelled)
    return sweep_frame(stats)
