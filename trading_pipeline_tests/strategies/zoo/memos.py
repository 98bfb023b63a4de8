"""Files of a user's whose strategies remember earlier calls, leaky and honest."""

from __future__ import annotations

HEAD = """\
import functools
import numpy as np
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy, StrategyParams


def where(flags):
    flags = np.asarray(flags, dtype=bool)
    return Signals.long_only(flags, ~flags)

"""
LEAKY = {
    "on_the_object": """
class Mine(Strategy):
    def __init__(self):
        self.mean = None

    def signals(self, market, params):
        if self.mean is None:
            self.mean = market.close.mean()
        return where(market.close < self.mean)
""",
    "on_the_class": """
class Mine(Strategy):
    known = {}

    def signals(self, market, params):
        close = market.bars.close
        for ts, rises in (close.shift(-1) > close).iloc[:-1].items():
            self.known.setdefault(ts, rises)
        return where([self.known.get(ts, False) for ts in close.index])
""",
    "in_the_module": """
BEST = []

class Mine(Strategy):
    def signals(self, market, params):
        if not BEST:
            change = market.bars.close.pct_change()
            BEST.extend(change.nlargest(5).index)
        return where(market.bars.index.isin(BEST))
""",
    "in_a_cache": """
@functools.cache
def level(market_name):
    return KEPT.pop()

KEPT = []

class MineParams(StrategyParams):
    share: float = 1.0
    "Of the median."

class Mine(Strategy[MineParams]):
    def signals(self, market, params):
        assert isinstance(params, MineParams)
        KEPT.append(float(np.median(market.close)))
        return where(market.close < params.share * level("it"))
""",
}
HONEST = {
    "cached_weights": """
@functools.lru_cache
def weights(count):
    return np.ones(count) / count

class Mine(Strategy):
    def signals(self, market, params):
        mean = np.convolve(market.close, weights(20))[: len(market)]
        return where((market.close > mean) & (np.arange(len(market)) > 20))
""",
    "cache_by_stamps": """
class MineParams(StrategyParams):
    window: int = 20
    "Bars."

class Mine(Strategy[MineParams]):
    def __init__(self):
        self.kept = {}

    def signals(self, market, params):
        assert isinstance(params, MineParams)
        bars = market.bars
        key = (len(bars), str(bars.index[-1:]))
        if key not in KEPT:
            KEPT[key] = bars.close.rolling(params.window).mean()
        return where(bars.close > KEPT[key].to_numpy())

KEPT = {}
""",
}
