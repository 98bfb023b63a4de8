"""The benchmark: bought on the first bar, never sold."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.market import Market

__all__ = ["BuyAndHold", "BuyAndHoldParams"]


class BuyAndHoldParams(StrategyParams):
    """Buying and holding has no parameter."""


class BuyAndHold(Strategy[BuyAndHoldParams]):
    """Enter long on the first bar's close; hold to the end."""

    name: ClassVar[str] = "buy_and_hold"

    def signals(self, market: Market, params: BuyAndHoldParams) -> Signals:  # noqa: ARG002
        """One entry, on bar 0."""
        entry = np.zeros(len(market), dtype=np.bool_)
        entry[:1] = True
        return Signals.long_only(entry, np.zeros(len(market), dtype=np.bool_))

    def warmup_bars(self, params: BuyAndHoldParams) -> int:  # noqa: ARG002
        """None."""
        return 0
