"""A project folder of many synthetic daily instruments, with a clock that a benchmark moves.

The bars are seeded random walks on the sessions of XNYS, made once and served from memory, so that
no measured pass pays for making them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import yaml

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.automation.full_pass import FullPass
from trading_pipeline.defs.resources import MarketDataResource
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    MarketDataSource,
    SourceCapabilities,
)
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.workspace import Workspace, open_workspace

__all__ = ["PassWorld", "RandomWalks"]

_NOW = datetime.now(UTC).replace(hour=23, minute=0, second=0, microsecond=0)
_BEGIN = _NOW - timedelta(days=30)
"""The clock starts here; Dagster's partitions follow the real one, so it may not be far."""
LAST_YEAR = _BEGIN.year
_RUNTIME = "TRADING_PIPELINE_RUNTIME_DIR"
_CALENDAR = "XNYS"


class RandomWalks:
    """A source of random walks: any symbol, daily bars, each symbol always the same."""

    name: ClassVar[str] = "synthetic"

    def __init__(self, first_year: int) -> None:
        self._first_year = first_year
        self.now = _BEGIN

    def capabilities(self) -> SourceCapabilities:
        """Daily bars, no limit, no corporate actions."""
        return SourceCapabilities(timeframes=(Timeframe.D1,), needs_network=False)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the span that are closed by now."""
        end = min(request.end, self.now)
        frame = _walk(request.instrument.symbol, self._first_year)
        index = pd.DatetimeIndex(frame.index)
        first, last = index.searchsorted([pd.Timestamp(request.start), pd.Timestamp(end)])
        return BarBatch(
            frame=frame.iloc[int(first) : int(last)],
            price_basis="as_traded",
            fetched_at=self.now,
            client_version="random walks 1",
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:  # noqa: ARG002
        """None."""
        return []


class _WalkResource(MarketDataResource):
    """Serves the walks of the newest world under every name; Dagster makes copies of resources."""

    walks: ClassVar[RandomWalks]

    def client(self, name: str) -> MarketDataSource:  # noqa: ARG002
        """The source."""
        return type(self).walks


class PassWorld:
    """A fresh runtime folder under `folder` that the settings of this process point at.

    `windows`: years, the last of them running. Two scenarios and one study, those that
    ship, trade every instrument on all its bars.
    """

    def __init__(self, folder: Path, instruments: int, windows: int) -> None:
        self.runtime = folder
        self.instruments = [f"S{number:05d}_1d" for number in range(instruments)]
        self.windows = windows
        self.walks = RandomWalks(self.first_year)
        os.environ[_RUNTIME] = str(folder)
        os.environ.pop("TRADING_PIPELINE_CONFIG_DIR", None)
        self._write_files()

    @property
    def first_year(self) -> int:
        """Year of the first window."""
        return LAST_YEAR - self.windows + 1

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        """Sessions of the last year."""
        return _sessions(LAST_YEAR)

    def next_bar(self) -> None:
        """Move the clock behind the close of the next session: one new bar for each instrument."""
        after = self.sessions[self.sessions > pd.Timestamp(self.walks.now.date(), tz="UTC")]
        self.walks.now = after[0].to_pydatetime() + timedelta(hours=23)

    def workspace(self) -> Workspace:
        """A workspace that has read nothing yet, with the world's clock and source."""
        opened = open_workspace(load_settings())
        return replace(opened, clock=lambda: self.walks.now, open_source=lambda _: self.walks)

    def full_pass(self) -> FullPass:
        """A pass as a command of its own makes it: files read anew, definitions made anew."""
        workspace = self.workspace()
        _WalkResource.walks = self.walks
        definitions = build_definitions(workspace.catalog, market_data=_WalkResource())
        return FullPass(workspace, definitions)

    def _write_files(self) -> None:
        symbols = [name.partition("_")[0] for name in self.instruments]
        each = {"timeframe": "1d", "source": "synthetic", "calendar": _CALENDAR}
        universe = {
            "start": f"{self.first_year}-01-01",
            "end": None,
            "cadence": "year",
            "instruments": [{"symbol": symbol, **each} for symbol in symbols],
        }
        self._write("universe", universe)
        from_second = {"start": f"{self.first_year + min(1, self.windows - 1)}-01-01"}
        for name, strategy in _STRATEGIES.items():
            scenario = {
                "name": name,
                "strategy": strategy,
                "dates": from_second,
                "costs": {"commission_bps": 10, "slippage_bps": 5},
            }
            self._write(f"scenarios/{name}", scenario)

    def _write(self, name: str, values: Mapping[str, object]) -> None:
        path = self.runtime / "config" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(values), sort_keys=False), encoding="utf-8")


_STRATEGIES: Mapping[str, Mapping[str, object]] = {
    "sma_crossover": {
        "type": "sma_crossover",
        "params": {"fast": 10, "slow": 30, "direction": "long_only"},
    },
    "ml_direction": {
        "type": "ml_direction",
        "params": {"model": "direction", "direction": "long_only"},
    },
}


def _sessions(first_year: int) -> pd.DatetimeIndex:
    begin, end = datetime(first_year, 1, 1, tzinfo=UTC), _NOW
    return expected_bars(begin, end, Timeframe.D1, _CALENDAR)


@cache
def _walk(symbol: str, first_year: int) -> pd.DataFrame:
    index = pd.DatetimeIndex(_sessions(first_year)).astype(TS_DTYPE).rename("ts")
    rng = np.random.default_rng(list(symbol.encode()))
    count = len(index)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, count)))
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0.0, 0.004, count))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.004, count)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.004, count)))
    volume = np.round(rng.lognormal(12.0, 0.5, count))
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(columns, index=index)
