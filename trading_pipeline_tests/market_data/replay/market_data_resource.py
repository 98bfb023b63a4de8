"""The Dagster resource that gives the sources of a replay, for runs of whole pipelines."""

from typing import Any, ClassVar

from trading_pipeline.defs.resources import MarketDataResource
from trading_pipeline_tests.market_data.replay.fixtures import Replay


class ReplayMarketData(MarketDataResource):
    """Gives `replay.client(name)` for yahoo, ccxt and alpaca, and the real source for other names.

    `ReplayMarketData.replay = replay` before a run; resources hold plain settings only.
    """

    replay: ClassVar[Replay | None] = None

    def client(self, name: str) -> Any:
        if self.replay is not None and name in ("yahoo", "ccxt", "alpaca"):
            return self.replay.client(name)
        return super().client(name)
