"""The numbers that a loop sums up for every kind of run, read from its statistics."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.notebook_view import NotebookView
from trading_pipeline.domain.audit_records import NOT_AUDITED, AuditOutcome, ResultAudit
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["ReturnMoments", "RunStatistics"]

Run = TypeVar("Run", bound="RunStatistics")
_BARE = (
    "Not audited: this ran on given signals, and only a strategy can be asked again without the "
    "later bars. Run it as a scenario (run_scenario) to have it audited."
)


@dataclass(frozen=True)
class ReturnMoments:
    """Moments of the bar returns, as the kernel sums them; the sweep's are equal bit for bit.

    `sd` with n - 1, `skew` and `kurtosis` biased (kurtosis 3 for a normal), `sharpe` a year; NaN
    where the returns have no variance.
    """

    mean: float
    sd: float
    skew: float
    kurtosis: float
    sharpe: float


class RunStatistics(NotebookView):
    """What a result of one instrument or of many says of itself; `stats` is the loop's, see
    kernels.codes.
    """

    stats: FloatArray
    settings: BacktestSettings
    warnings: tuple[str, ...]
    audit: ResultAudit = NOT_AUDITED
    """Whether the strategy was audited for look-ahead; signals alone cannot be."""
    year_basis: str = ""
    """What the number of bars a year was told from; empty where the settings gave it."""
    audit_note: str = ""
    """How much was tried without a difference, or what was found."""

    @property
    def index(self) -> pd.DatetimeIndex:
        """Stamps of the bars."""
        raise NotImplementedError

    @property
    def periods_per_year(self) -> float:
        """Bars that count as a year: as the settings say, or told from the stamps."""
        given = self.settings.periods_per_year
        return float("nan") if given is None else given

    @property
    def annualized_by(self) -> str:
        """How many bars count as a year, and what that rests on."""
        basis = f"told from the stamps: {self.year_basis}" if self.year_basis else "as given"
        return f"Annualized by {self.periods_per_year:,.6g} bars a year, {basis}."

    @property
    def notices(self) -> tuple[str, ...]:
        """All that must be said beside the numbers: that nothing was audited, the bars a year that
        the stamps told, and `warnings`.
        """
        bare = self.audit == NOT_AUDITED and not self.audit_note
        told = [self.annualized_by] if self.year_basis else []
        return (*([_BARE] if bare else []), *told, *self.warnings)

    def told_by(self: Run, basis: str) -> Run:
        """This result, which says what its bars a year were told from."""
        vars(self).update(year_basis=basis)
        return self

    def with_audit(self: Run, outcome: AuditOutcome) -> Run:
        """The same result, which says what its strategy's audit came to."""
        found = self.with_warnings((*outcome.warnings, *self.warnings))
        vars(found).update(audit=outcome.audit, audit_note=outcome.note)
        return found

    def with_warnings(self: Run, warnings: tuple[str, ...]) -> Run:
        """The same result with other warnings."""
        found = copy(self)
        vars(found).update(warnings=warnings)
        return found

    def __repr__(self) -> str:
        """What was run and made, and whether it was audited, in one line."""
        index, audit = self.index, self.audit.replace("_", " ")
        span = f" {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}" if len(index) else ""
        return (
            f"{type(self).__name__}({len(index):,} bars{span}, {self.trade_count:,} trades, final "
            f"equity {self.final_equity:,.2f}, Sharpe ratio {self.moments.sharpe:.2f}, {audit}"
            f"{f', {len(self.warnings)} warnings' if self.warnings else ''})"
        )

    @property
    def final_equity(self) -> float:
        """Account value at the last close, an open position marked there without exit costs."""
        return float(self.stats[codes.S_FINAL_EQUITY])

    @property
    def max_drawdown(self) -> float:
        """Deepest fall from a peak of equity, 0 or negative; the starting cash counts as peak."""
        return float(self.stats[codes.S_MAX_DRAWDOWN])

    @property
    def trade_count(self) -> int:
        """Number of round trips, those still open included."""
        return int(self.stats[codes.S_TRADES])

    @property
    def sharpe(self) -> float:
        """Annual Sharpe ratio of the bar returns; NaN where they have no variance."""
        return self.moments.sharpe

    @property
    def moments(self) -> ReturnMoments:
        """Moments of the bar returns."""
        return ReturnMoments(*map(float, self.stats[codes.S_MEAN : codes.S_SHARPE + 1]))
