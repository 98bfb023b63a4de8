"""The result of a sweep: statistics of all combinations, and the way back to a full run of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.run_control import run_blocks
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, sweep_frame
from trading_pipeline.backtest.sweeps.checkpoint import Progressed
from trading_pipeline.backtest.sweeps.plan_trading import SharedInputs
from trading_pipeline.backtest.sweeps.source import Source
from trading_pipeline.backtest.sweeps.work import Watch, trade_all
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean

__all__ = ["SweepResult"]


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResult:
    """Statistics of all combinations, and the way back to a full result of each.

    `errors`: by number, why a combination has no statistics. `memory_mb`: most memory that
    `returns` takes.
    """

    shared: SharedInputs
    source: Source
    stats: FloatArray
    errors: dict[int, str]
    memory_mb: float

    def __len__(self) -> int:
        """Number of combinations."""
        return int(self.stats.shape[0])

    def __repr__(self) -> str:
        """How many combinations, and the best one, in one line."""
        best = self.best()
        told = f"{len(self):,} combinations"
        if best:
            sharpe = self.stats[best[0], SWEEP_COLUMNS["sharpe"]]
            told += f", best Sharpe ratio {sharpe:.2f} of number {best[0]}"
        failed = f", {len(self.errors):,} failed" if self.errors else ""
        return f"SweepResult({told}{failed})"

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a combination, in order: parameters, `SWEEP_COLUMNS`, and `error`.

        Of a crossing plan the parameters are first_row and second_row. `error` is empty where the
        combination ran; where it failed all numbers are NaN, and counts are floats.
        """
        return self._rows(np.arange(len(self), dtype=np.int64))

    def finished(self, numbers: IntArray) -> pd.DataFrame:
        """The table's rows of some combinations, under their numbers."""
        return self._rows(numbers)

    def result(self, number: int) -> BacktestResult:
        """The combination's full result, with trades and orders; its numbers equal the table's."""
        shared, signals = self.shared, self.source.signals(self._known(number))
        return run_backtest(shared.bars, signals, shared.settings, actions=shared.actions)

    def returns(
        self, numbers: Sequence[int] | IntArray | None = None, *, threads: int | None = None
    ) -> FloatArray:
        """Return of each bar, shape (bars, combinations), as `result(number).returns`.

        `numbers`: which combinations, all by default. A failed one is NaN throughout, and so is a
        ruined one after its ruin. Every combination runs again, now with its equity. Raises
        `ConfigurationError` where the array would take more than `memory_mb`.
        """
        chosen = range(len(self)) if numbers is None else numbers
        wanted = np.array([self._known(int(each)) for each in chosen], dtype=np.int64)
        bars, (once, places) = len(self.shared.bars), np.unique(wanted, return_inverse=True)
        most = int(self.memory_mb * 1e6 // (8 * bars))
        if len(wanted) > most:
            raise ConfigurationError(
                f"Returns of {len(wanted):,} combinations on {bars:,} bars take "
                f"{len(wanted) * bars * 8 / 1e6:,.0f} MB and may take {self.memory_mb:,.0f}. Ask "
                f"for at most {most:,} numbers at a time, or give run_sweep a larger memory_mb.",
                asked=len(wanted),
                most=most,
            )
        found, again = np.full((len(once), bars), np.nan), Progressed.nothing(len(self))
        watch, memory = Watch(threads=threads), self.memory_mb * 1e6
        trade_all(self.shared, self.source, once, again, watch, memory_bytes=memory, equity=found)
        cash = self.shared.settings.initial_cash

        def work(first: int, last: int) -> None:
            for row in found[first:last]:
                row[:] = _returns(row, cash)

        blocks = [(at, min(at + 16, len(once))) for at in range(0, len(once), 16)]
        run_blocks(work, blocks, threads=threads)
        return found.T if np.array_equal(once, wanted) else found[places].T

    def best(self, count: int = 1, *, by: str = "sharpe") -> list[int]:
        """Numbers of the `count` combinations with the highest `by`, the best first.

        Of equals the first comes first; combinations without a value are left out. Raises
        `UnknownNameError` for a column that the table does not have.
        """
        if by not in SWEEP_COLUMNS:
            raise UnknownNameError(
                f"A sweep has no column '{by}'. {did_you_mean(by, SWEEP_COLUMNS)}", name=by
            )
        values = self.stats[:, SWEEP_COLUMNS[by]]
        order = np.argsort(-values, kind="stable")
        return [int(row) for row in order[:count] if values[row] == values[row]]

    @property
    def notices(self) -> tuple[str, ...]:
        """What must be said of numbers that are missing: failed combinations, NaN in the table."""
        told = []
        if self.errors:
            first = min(self.errors)
            told.append(
                f"{len(self.errors):,} of {len(self):,} combinations failed and have no numbers; "
                f"number {first}: {self.errors[first]}"
            )
        ran = np.ones(len(self), dtype=np.bool_)
        ran[list(self.errors)] = False
        flat = int(np.isnan(self.stats[ran, SWEEP_COLUMNS["sharpe"]]).sum())
        if flat:
            told.append(
                f"{flat:,} of {len(self):,} combinations have no Sharpe ratio: their returns never "
                "change (no trade, for example), or are not finite. `best` leaves them out."
            )
        return tuple(told)

    def _rows(self, numbers: IntArray) -> pd.DataFrame:
        stats = self.stats[numbers]
        failed = np.isnan(stats[:, SWEEP_COLUMNS["trade_count"]]).any()
        numeric = sweep_frame(stats, counts="float64" if failed else "int64")
        given = {
            name: np.asarray(values)[numbers] if isinstance(values, np.ndarray)
            else [values[number] for number in numbers.tolist()]
            for name, values in self.source.columns.items()
        }  # fmt: skip
        clash = {name: f"parameter_{name}" for name in given if name in numeric or name == "error"}
        table = pd.concat([pd.DataFrame(given).rename(columns=clash), numeric], axis=1)
        table["error"] = [self.errors.get(number, "") for number in numbers.tolist()]
        return table.set_axis(pd.RangeIndex(len(table)) if len(table) == len(self) else numbers)

    def _known(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise UnknownNameError(
                f"A sweep of {len(self):,} combinations has no number {number}; they go from 0 to "
                f"{len(self) - 1:,}.",
                number=number,
            )
        return number


def _returns(equity: FloatArray, cash: float) -> FloatArray:
    """Bar returns as `BacktestResult.returns` has them."""
    before = np.concatenate(([cash], equity[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(before > 0.0, equity / before - 1.0, np.nan)
    return found
