"""The result of a backtest; frames, metrics and hash are made when first asked for.

Money in account currency, returns and excursions as fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import FloatArray, IntArray, frozen
from trading_pipeline.backtest.result_frames import (
    daily_frame,
    equity_frame,
    order_frame,
    trade_frame,
)
from trading_pipeline.backtest.run_statistics import RunStatistics
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["BacktestResult", "holdings_of"]


def holdings_of(cash: FloatArray, quantity: FloatArray) -> FloatArray:
    """The table of holdings from one value of cash and quantity a bar.

    >>> holdings_of(np.array([5.0, 5.0, 1.0]), np.array([0.0, 0.0, 2.0])).tolist()
    [[0.0, 5.0, 0.0], [2.0, 1.0, 2.0]]
    """
    changes = np.ones(len(cash), dtype=np.bool_)
    changes[1:] = (cash[1:] != cash[:-1]) | (quantity[1:] != quantity[:-1])
    rows = np.flatnonzero(changes)
    return np.column_stack((rows, cash[rows], quantity[rows]))


@dataclass(frozen=True, eq=False, init=False, repr=False)
class BacktestResult(RunStatistics):
    """What a backtest did. Equal inputs give equal bytes and an equal `content_hash`.

    `equity`: account value at each bar's close. `holdings`: one row a change, of bar, cash and
    signed units held at its close and until the next row; `cash` and `quantity` are spread from it.
    `trade_rows`, `order_rows`: the kernel's tables, see kernels.codes. `actions`: bar and effect of
    the corporate actions, see `ValidatedBars.action_rows`. `warnings`: sentences that must be shown
    beside the numbers; `notices` has them and says whether anything was audited.
    """

    bars: ValidatedBars
    settings: BacktestSettings
    equity: FloatArray
    holdings: FloatArray
    trade_rows: FloatArray
    order_rows: FloatArray
    stats: FloatArray
    actions: tuple[IntArray, FloatArray]
    warnings: tuple[str, ...]

    def __init__(
        self,
        *,
        bars: ValidatedBars,
        settings: BacktestSettings,
        equity: FloatArray,
        holdings: FloatArray,
        trade_rows: FloatArray,
        order_rows: FloatArray,
        stats: FloatArray,
        actions: tuple[IntArray, FloatArray],
        warnings: tuple[str, ...],
    ) -> None:
        """Take all fields over at once: one by one takes as long as trading some hundred bars."""
        self.__dict__.update(
            bars=bars, settings=settings, equity=equity, holdings=holdings, trade_rows=trade_rows,
            order_rows=order_rows, stats=stats, actions=actions, warnings=warnings,
        )  # fmt: skip

    @property
    def index(self) -> pd.DatetimeIndex:
        """Stamps of the bars."""
        return self.bars.index

    @cached_property
    def cash(self) -> FloatArray:
        """Cash at each bar's close."""
        return self._spread(1)

    @cached_property
    def quantity(self) -> FloatArray:
        """Signed units held at each bar's close."""
        return self._spread(2)

    def _spread(self, column: int) -> FloatArray:
        """A column of the holdings, one value a bar."""
        ends = np.append(self.holdings[1:, 0], len(self.bars))
        lasts = (ends - self.holdings[:, 0]).astype(np.int64)
        return frozen(np.repeat(self.holdings[:, column], lasts))

    @cached_property
    def returns(self) -> pd.Series:
        """Return of each bar; the first is counted from the starting cash. NaN after ruin."""
        before = np.concatenate(([self.settings.initial_cash], self.equity[:-1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            changes = np.where(before > 0.0, self.equity / before - 1.0, np.nan)
        return pd.Series(changes, index=self.index, name="return")

    @cached_property
    def drawdown(self) -> pd.Series:
        """Fall from the highest equity so far, 0 or negative."""
        peaks = np.maximum.accumulate(np.maximum(self.equity, self.settings.initial_cash))
        return pd.Series(self.equity / peaks - 1.0, index=self.index, name="drawdown")

    @cached_property
    def exposure(self) -> pd.Series:
        """Absolute position value over equity at each close; NaN where there is no equity."""
        value = np.abs(self.equity_frame()["position_value"].to_numpy())
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.equity > 0.0, value / self.equity, np.nan)
        return pd.Series(share, index=self.index, name="exposure")

    def equity_frame(self) -> pd.DataFrame:
        """Columns cash, position_value, equity under the bars' stamps."""
        return equity_frame(self.bars, self.settings, self.cash, self.quantity, self.equity)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a round trip; a trade still open is marked at the last close, its exit_ts is NaT.

        `pnl` is net of fees and holds dividends; all pnl add up to the change of equity. `return`
        is pnl over the entry's notional. `mfe`, `mae`: best and worst move from the entry's price.
        """
        action_bar, effect = self.actions
        splits = (action_bar, effect[:, 0])
        return trade_frame(self.bars, self.settings, self.trade_rows, splits)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order, filled or not, with a reason code."""
        return order_frame(self.bars, self.order_rows)

    @cached_property
    def daily(self) -> pd.DataFrame:
        """One row a UTC date with bars: pnl, trades closed, target hit."""
        return daily_frame(self.bars, self.settings, self.equity, self.trade_rows)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric of `trading_pipeline.performance.summarize`."""
        from trading_pipeline.performance import summarize

        return summarize(
            self.equity,
            periods_per_year=self.periods_per_year,
            stamps=self.index,
            trades=self.trades,
            exposure=self.exposure.to_numpy(),
            initial_equity=self.settings.initial_cash,
            multiplier=self.settings.multiplier * self.settings.delta,
        )

    @cached_property
    def content_hash(self) -> str:
        """Hash of settings, stamps, equity, trades and orders."""
        return canonical_hash(
            {
                "settings": self.settings.hash,
                "ts": self.bars.ts,
                "equity": self.equity,
                "trades": self.trade_rows,
                "orders": self.order_rows,
            }
        )
