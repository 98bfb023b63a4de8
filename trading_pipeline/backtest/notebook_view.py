"""How a result shows itself in a notebook; no number is made here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pandas as pd

from trading_pipeline.domain.notebook_html import CHARTS_BY, PAGE_HEIGHT, HtmlPage, html_summary
from trading_pipeline.lazy_exports import public_name
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["NotebookView"]


class _Result(Protocol):
    """What is shown of a result."""

    settings: BacktestSettings

    @property
    def index(self) -> pd.DatetimeIndex: ...
    @property
    def notices(self) -> tuple[str, ...]: ...
    @property
    def final_equity(self) -> float: ...
    @property
    def max_drawdown(self) -> float: ...
    @property
    def trade_count(self) -> int: ...
    @property
    def sharpe(self) -> float: ...


class NotebookView:
    """A result as a small table, and as a tear sheet."""

    def _repr_html_(self: _Result) -> str:
        """Headline numbers, and what must be said beside them."""
        index, initial = self.index, self.settings.initial_cash
        span = f", {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}" if len(index) else ""
        facts = [
            ("Bars", f"{len(index):,}{span}"),
            ("Trades", f"{self.trade_count:,}"),
            ("Final equity", f"{self.final_equity:,.2f} from {initial:,.2f}"),
            ("Total return", f"{100.0 * (self.final_equity / initial - 1.0):,.2f} %"),
            ("Max drawdown", f"{100.0 * self.max_drawdown:,.2f} %"),
            ("Sharpe ratio", f"{self.sharpe:,.3f}"),
        ]
        return html_summary(type(self).__name__, facts, [*self.notices, CHARTS_BY])

    def show(self, *, height: int = PAGE_HEIGHT) -> HtmlPage:
        """The charts of the tear sheet, drawn by the notebook; `height` of the frame in pixels.

        Nothing is written. As the last line of a cell it shows itself; inside a loop give it to
        `display`. Raises `ConfigurationError` for a height that is no whole number above 0.
        """
        return replace(self.tearsheet(), height=height)

    def tearsheet(
        self,
        path: str | Path | None = None,
        *,
        name: str = "Backtest",
        instrument: str = "given bars",
        currency: str = "account currency",
    ) -> HtmlPage:
        """The tear sheet of this result: one self-contained page, shown by a notebook.

        `path`: a file to write it to as well. `name`, `instrument`, `currency`: for its head.
        Raises `WarehouseError` where the file cannot be written.
        """
        show: Callable[..., HtmlPage] = public_name("tearsheet")  # pages are of a layer above
        return show(self, path, name=name, instrument=instrument, currency=currency)
