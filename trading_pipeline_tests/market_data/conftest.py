"""What the tests of market data share: small frames and the shipped bars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline_tests.market_data.replay.fixtures import replay

__all__ = ["replay"]

EVER = {"start": datetime(1990, 1, 1, tzinfo=UTC), "end": datetime(2020, 1, 1, tzinfo=UTC)}


@pytest.fixture
def make_bars() -> Callable[..., pd.DataFrame]:
    """Bars from labels and closes; open is the close before, high and low bound both."""

    def build(labels: list[str], closes: list[float], volume: float = 100.0) -> pd.DataFrame:
        index = pd.DatetimeIndex(labels, tz="UTC", name="ts").as_unit("us")
        close = pd.Series(closes, index=index, dtype="float64")
        opened = close.shift(1, fill_value=closes[0])
        return pd.DataFrame(
            {
                "open": opened,
                "high": pd.concat([opened, close], axis=1).max(axis=1),
                "low": pd.concat([opened, close], axis=1).min(axis=1),
                "close": close,
                "volume": volume,
            }
        )

    return build


@pytest.fixture
def make_action() -> Callable[[str, str, float], CorporateAction]:
    """A split or dividend of X_1d."""

    def build(day: str, kind: str, value: float) -> CorporateAction:
        return CorporateAction(
            instrument="X_1d",
            ex_date=date.fromisoformat(day),
            kind=kind,  # type: ignore[arg-type]
            value=value,
            source="test",
            seen_at=datetime(2020, 1, 1, tzinfo=UTC),
        )

    return build


@pytest.fixture
def stock() -> Instrument:
    """A daily stock on the New York calendar."""
    return Instrument(symbol="X", timeframe=Timeframe.D1, source="test")


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], tuple[Instrument, pd.DataFrame, list[CorporateAction]]]:
    """Instrument, bars and corporate actions of a shipped symbol."""

    def load(symbol: str) -> tuple[Instrument, pd.DataFrame, list[CorporateAction]]:
        source = BundledSource()
        first, last = source.listing(symbol)
        instrument = Instrument(
            symbol=symbol,
            timeframe=Timeframe.D1,
            source="bundled",
            listed_from=first,
            listed_to=last,
        )
        bars = source.fetch_bars(BarRequest(instrument=instrument, **EVER)).frame
        return instrument, bars, source.fetch_actions(ActionRequest(instrument=instrument, **EVER))

    return load
