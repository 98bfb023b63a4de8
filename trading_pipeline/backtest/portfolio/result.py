"""The result of a portfolio's backtest; frames, metrics and hash are made on demand.

Money in account currency, weights and returns as fractions of the equity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.backtest.account_run import UnitsHeld, UnitSpans, units_by_bar
from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.portfolio.frames import (
    contribution_frame,
    portfolio_trade_frame,
    value_table,
    with_instrument,
)
from trading_pipeline.backtest.result_frames import daily_frame, order_frame
from trading_pipeline.backtest.run_statistics import RunStatistics
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["PortfolioResult"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PortfolioResult(RunStatistics):
    """What an account of several instruments did. Equal inputs give an equal `content_hash`.

    `instruments`: in the order of priority, which is that of the columns everywhere. `equity`,
    `cash`: at the close of each bar of the account's `clock`. `held`: what `quantity` is made of,
    see `AccountRun`. `trade_rows`, `order_rows`: the kernel's tables, see `kernels.codes`, in bars
    of the clock. `warnings`: sentences that must be shown beside the numbers.
    `hindsight`: the sentence that the instruments were chosen with hindsight; empty for one
    instrument, and where it was given for each when it belonged.
    """

    instruments: tuple[str, ...]
    bars: Mapping[str, ValidatedBars]
    clock: AccountClock
    settings: BacktestSettings
    instrument_settings: Mapping[str, BacktestSettings]
    equity: FloatArray
    cash: FloatArray
    held: FloatArray | UnitsHeld | UnitSpans
    trade_rows: FloatArray
    order_rows: FloatArray
    stats: FloatArray
    splits: Mapping[str, tuple[IntArray, FloatArray]]
    warnings: tuple[str, ...]
    hindsight: str = ""

    @property
    def index(self) -> pd.DatetimeIndex:
        """Stamps of the account's bars: all that any instrument has."""
        return self.clock.index

    @cached_property
    def quantity(self) -> FloatArray:
        """Signed units held at each close, (bars, instruments)."""
        return units_by_bar(self.held, len(self.clock))

    @property
    def interest_paid(self) -> float:
        """Interest on negative cash; it belongs to no trade."""
        return float(self.stats[codes.S_INTEREST])

    @cached_property
    def returns(self) -> pd.Series:
        """Return of each bar; the first is counted from the starting cash. NaN after ruin."""
        before = np.concatenate(([self.settings.initial_cash], self.equity[:-1]))
        return self._series(self._over(self.equity, before) - 1.0, "return")

    @cached_property
    def drawdown(self) -> pd.Series:
        """Fall from the highest equity so far, 0 or negative."""
        peaks = np.maximum.accumulate(np.maximum(self.equity, self.settings.initial_cash))
        return self._series(self.equity / peaks - 1.0, "drawdown")

    @cached_property
    def exposure(self) -> pd.Series:
        """Position values without their signs over equity at each close; NaN without equity."""
        gross = np.abs(self._values).sum(axis=1)
        return self._series(self._over(gross, self.equity), "exposure")

    def equity_frame(self) -> pd.DataFrame:
        """Columns cash, position_value (of all instruments), equity under the account's stamps."""
        value = self._values.sum(axis=1)
        columns = {"cash": self.cash, "position_value": value, "equity": self.equity}
        return pd.DataFrame(columns, index=self.index)

    @cached_property
    def position_values(self) -> pd.DataFrame:
        """Signed value of each position at each close; without a bar at the last close before."""
        return self._table(self._values)

    @cached_property
    def positions(self) -> pd.DataFrame:
        """Signed units held at each close, one column an instrument."""
        return self._table(self.quantity)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Signed share of each position in equity at each close; NaN where there is no equity."""
        return self._table(self._over(self._values, self.equity[:, None]))

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a round trip as in `BacktestResult.trades`, with its instrument, by entry.

        A trade still open is marked at its instrument's last close. `bars_held` counts the
        instrument's own bars. All pnl add up to the change of equity plus `interest_paid`.
        """
        return portfolio_trade_frame(
            self.bars, self.clock, self.instrument_settings, self.trade_rows, self.splits
        )

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order, filled or not, with its instrument and a reason code."""
        frame = order_frame(self.clock, self.order_rows)
        return with_instrument(frame, self.instruments, self.order_rows[:, codes.O_ASSET])

    @cached_property
    def daily(self) -> pd.DataFrame:
        """One row a date with bars: pnl of the account, trades closed, target hit."""
        return daily_frame(self.clock, self.settings, self.equity, self.trade_rows)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """One row an instrument: trades, pnl, fees, slippage, and pnl over the starting cash."""
        return contribution_frame(self.instruments, self.trades, self.settings.initial_cash)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric of `trading_pipeline.performance.summarize`, for the account."""
        return self.metrics_beside(None)

    def metrics_beside(self, benchmark: PortfolioResult | None) -> dict[str, float]:
        """As `metrics`, compared with a benchmark on the same stamps where there is one."""
        from trading_pipeline.performance import summarize

        points = {
            name: each.multiplier * each.delta for name, each in self.instrument_settings.items()
        }
        units = self.trades["quantity"] * self.trades["instrument"].map(points).astype("float64")
        return summarize(
            self.equity,
            periods_per_year=self.periods_per_year,
            stamps=self.index,
            trades=self.trades.assign(quantity=units),
            exposure=self.exposure.to_numpy(),
            benchmark_returns=None if benchmark is None else benchmark.returns.to_numpy(),
            initial_equity=self.settings.initial_cash,
        )

    @cached_property
    def content_hash(self) -> str:
        """Hash of instruments, settings, stamps, equity, trades and orders."""
        own = self.instrument_settings
        return canonical_hash(
            {
                "settings": self.settings.hash,
                "instruments": [[name, own[name].hash] for name in self.instruments],
                "ts": self.clock.ts,
                "equity": self.equity,
                "trades": self.trade_rows,
                "orders": self.order_rows,
            }
        )

    @cached_property
    def _values(self) -> FloatArray:
        return value_table(self.bars, self.clock, self.instrument_settings, self.quantity)

    def _series(self, values: FloatArray, name: str) -> pd.Series:
        return pd.Series(values, index=self.index, name=name)

    def _table(self, values: FloatArray) -> pd.DataFrame:
        return pd.DataFrame(values, index=self.index, columns=list(self.instruments))

    @staticmethod
    def _over(values: FloatArray, equity: FloatArray) -> FloatArray:
        """Quotient, NaN where the divisor is not above 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(equity > 0.0, values / equity, np.nan)
