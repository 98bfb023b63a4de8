"""The source of the bars that ship with the package.

AAPL, IBM, MSFT, GOOG and FB, daily, 2000-03-01 to 2013-03-01, as traded in US dollars, with their
splits and dividends; bundled/provenance.json says where they come from.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any, ClassVar

import pandas as pd
import pyarrow.parquet as pq

from trading_pipeline.domain.bars import normalize_bars
from trading_pipeline.domain.corporate_actions import ActionKind, CorporateAction
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import PermanentFetchError, did_you_mean
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
    require_timeframe,
    utc_now,
)
from trading_pipeline.market_data.sources.request_span import actions_of_span, bars_of_span

__all__ = ["BundledSource", "provenance"]

_FOLDER = resources.files("trading_pipeline.market_data.sources.bundled")


@dataclass(frozen=True)
class BundledSource:
    """Daily bars from the package itself: no key, no network, the same answer always.

    >>> BundledSource().listing("FB")
    (datetime.date(2012, 5, 18), datetime.date(2013, 3, 1))
    """

    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "bundled"

    def capabilities(self) -> SourceCapabilities:
        """Daily bars only, as traded, with corporate actions."""
        return SourceCapabilities(
            timeframes=(Timeframe.D1,), gives_actions=True, needs_network=False
        )

    def symbols(self) -> list[str]:
        """Every symbol the package ships."""
        return sorted(_bars_by_symbol())

    def listing(self, symbol: str) -> tuple[date, date]:
        """First and last day on which the symbol has a bar.

        Raises `PermanentFetchError` for a symbol that is not shipped.
        """
        index = self._bars_of(symbol).index
        return index[0].date(), index[-1].date()

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the span; a span outside the symbol's dates gives 0 rows."""
        require_timeframe(self, request.instrument)
        bars = self._bars_of(request.instrument.symbol)
        record = provenance()["source"]
        return BarBatch(
            frame=bars_of_span(bars, request).copy(),
            price_basis="as_traded",
            fetched_at=self.clock(),
            client_version=f"{record['package']} {record['version']}",
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:
        """Splits and dividends of the span; `seen_at` is the day the shipped file was made."""
        symbol = request.instrument.symbol
        self._bars_of(symbol)
        seen_at = datetime.fromisoformat(provenance()["actions_seen_at"])
        found = (action for owner, action in _actions() if owner == symbol)
        return actions_of_span(found, request, source=self.name, seen_at=seen_at)

    def _bars_of(self, symbol: str) -> pd.DataFrame:
        bars = _bars_by_symbol()
        if symbol not in bars:
            raise PermanentFetchError(
                f"The bundled source has no symbol {symbol!r}. {did_you_mean(symbol, bars)} "
                "For any other symbol name another source in universe.yaml.",
                source=self.name,
                symbol=symbol,
            )
        return bars[symbol]


@cache
def provenance() -> dict[str, Any]:
    """Where the shipped bars come from: source, licence, hashes, repairs, notes."""
    record: dict[str, Any] = json.loads((_FOLDER / "provenance.json").read_text("utf-8"))
    return record


@cache
def _bars_by_symbol() -> dict[str, pd.DataFrame]:
    table = pq.read_table(BytesIO((_FOLDER / "bars.parquet").read_bytes()))
    frame = table.to_pandas()
    frame["ts"] = pd.to_datetime(frame["ts"], utc=True)
    frame["symbol"] = frame["symbol"].astype(str)
    return {
        str(symbol): normalize_bars(group.drop(columns="symbol"))
        for symbol, group in frame.groupby("symbol", sort=True)
    }


@cache
def _actions() -> tuple[tuple[str, tuple[ActionKind, date, float]], ...]:
    lines = (_FOLDER / "corporate_actions.csv").read_text("utf-8").splitlines()
    return tuple(
        (
            row["symbol"],
            (
                "split" if row["kind"] == "split" else "dividend",
                date.fromisoformat(row["ex_date"]),
                float(row["value"]),
            ),
        )
        for row in csv.DictReader(lines)
    )
