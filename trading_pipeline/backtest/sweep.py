"""The sweep of signals: many of them on the same bars, through the loop of the single run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.backtest.account_inputs import sizes_of
from trading_pipeline.backtest.annual_bars import with_bar_year
from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run_plain
from trading_pipeline.backtest.kernels.events import pack_intents
from trading_pipeline.backtest.kernels.fast.plain import simulate
from trading_pipeline.backtest.settings_vector import level_arrays, rules_of, settings_vector
from trading_pipeline.backtest.signal_checks import settings_or_default
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_with_actions
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["SWEEP_COLUMNS", "run_signal_sweep", "sweep_frame"]

SWEEP_COLUMNS: dict[str, int] = {
    "final_equity": codes.S_FINAL_EQUITY,
    "sharpe": codes.S_SHARPE,
    "max_drawdown": codes.S_MAX_DRAWDOWN,
    "trade_count": codes.S_TRADES,
    "mean": codes.S_MEAN,
    "sd": codes.S_SD,
    "skew": codes.S_SKEW,
    "kurtosis": codes.S_KURTOSIS,
    "bars_in_position": codes.S_BARS_IN_POSITION,
    "fees": codes.S_FEES,
}


def run_signal_sweep(
    bars: pd.DataFrame | ValidatedBars | BarsWithActions,
    signals: Sequence[Signals],
    settings: BacktestSettings | None = None,
    *,
    actions: Sequence[CorporateAction] | None = None,
) -> pd.DataFrame:
    """One row for each element of `signals`, in their order; no equity, trade or order is kept.

    Columns: `SWEEP_COLUMNS`; `sharpe` a year, the moments those of the bar returns
    (`ReturnMoments`). Every number equals the one that `run_backtest` gives, bit for bit. Raises as
    it does.
    """
    checked, actions = validate_with_actions(bars, actions)
    settings, _ = with_bar_year(settings_or_default(settings), checked)
    action_bar, action_effect = checked.action_rows(actions)
    stats = np.zeros((len(signals), codes.S_COUNT))
    nothing, no_holdings = np.empty(0), np.empty((0, 3))
    for row, each in enumerate(signals):
        if len(each) != len(checked):
            raise StrategyError(
                f"Signals number {row} have {len(each)} rows and the bars {len(checked)}; each "
                "needs one row a bar.",
                number=row,
                rows=len(each),
                expected=len(checked),
            )
        if not may_run_plain(rules_of(settings).needs_account, each):
            stats[row] = run_backtest(checked, each, settings, actions=actions).stats
            continue
        event_bar, event_code, _ = pack_intents(
            each.entry_long, each.exit_long, each.entry_short, each.exit_short
        )
        simulate(
            checked.open, checked.high, checked.low, checked.close, event_bar, event_code,
            sizes_of(checked, each, settings, action_bar, action_effect),
            level_arrays(settings, each), action_bar if len(action_bar) else None, action_effect,
            settings_vector(settings, each), stats[row], nothing, no_holdings, None,
            None,
        )  # fmt: skip
    return sweep_frame(stats)


def sweep_frame(stats: FloatArray, *, counts: str = "int64") -> pd.DataFrame:
    """The kernel's statistics, one row a run, as a table with `SWEEP_COLUMNS`."""
    columns = {name: stats[:, at] for name, at in SWEEP_COLUMNS.items()}
    for name in ("trade_count", "bars_in_position"):
        columns[name] = columns[name].astype(counts)
    return pd.DataFrame(columns)
