"""The page of a result that is in memory, not stored: what `result.tearsheet()` gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.backtest.portfolio.result import PortfolioResult
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.domain.notebook_html import HtmlPage
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.reporting.portfolio.page import PortfolioReport, render_portfolio
from trading_pipeline.reporting.portfolio.price_charts import PriceChart, charted_instruments
from trading_pipeline.reporting.tearsheet.page import TearsheetInput, render_tearsheet
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.storage.parquet_files import write_text

__all__ = ["tearsheet"]


def tearsheet(
    result: object,
    path: str | Path | None = None,
    *,
    name: str = "Backtest",
    instrument: str = "given bars",
    currency: str = "account currency",
) -> HtmlPage:
    """The page of a `BacktestResult` or `PortfolioResult`; it has no benchmark to compare with.

    `path`: a file to write it to as well, which is replaced. `name`, `instrument`, `currency`: for
    its head. Raises `ConfigurationError` for another value than a result, and `WarehouseError`
    where the file cannot be written.
    """
    if isinstance(result, PortfolioResult):
        page = render_portfolio(
            PortfolioReport(
                **_shared(result, name, currency),
                instruments={each: each for each in result.instruments},
                weights=result.weights,
                contributions=result.contributions,
                charts={
                    name: PriceChart(bars=result.bars[name].frame)
                    for name in charted_instruments(result.contributions)
                },
            )
        )
    elif isinstance(result, BacktestResult):
        page = render_tearsheet(
            TearsheetInput(
                **_shared(result, name, currency), instrument=instrument, bars=result.bars.frame
            )
        )
    else:
        raise ConfigurationError(
            f"A tear sheet is made of a BacktestResult or PortfolioResult, but this is a "
            f"{type(result).__name__}. A stored result has its own: open_results().tearsheet(id).",
            type=type(result).__name__,
        )
    if path is None:
        return HtmlPage(page)
    target = Path(path).expanduser().absolute()
    write_text(target, page)
    return HtmlPage(page, target)


def _shared(result: BacktestResult | PortfolioResult, name: str, currency: str) -> dict[str, Any]:
    settings = result.settings
    return {
        "result_id": result.content_hash[:SHOWN_DIGITS],
        "scenario": name,
        "strategy": "given signals" if isinstance(result, BacktestResult) else "given portfolio",
        "parameters": {},
        "equity": pd.Series(result.equity, index=result.index, name="equity"),
        "trades": result.trades,
        "metrics": result.metrics,
        "initial_equity": settings.initial_cash,
        "currency": currency,
        "hashes": {"content": result.content_hash},
        "settings": _changed(settings),
        "warnings": result.notices,
    }


def _changed(settings: BacktestSettings) -> dict[str, object]:
    """Settings that are not at their default."""
    return dict(settings.model_dump(mode="json", exclude_defaults=True))
