"""Bars as they could have gone on: replacements for the bars after a row.

A leak shows only where another future changes the value, so the continuations are of different
kinds. Stamps stay. A replaced bar takes only what the series knows elsewhere: its volume is 0 and
its high equals its low only where other bars are so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["KINDS", "Continuations"]

KINDS = ("elsewhere", "up", "down", "flat")
"""Bars from another place of the series, jumps up and down with wide ranges, and a standstill."""
_LEAST_GAP = 0.06  # as a fraction; rules on gaps and large moves ask for 2 to 5 %
_WIDE = 3.0  # ranges, volumes and gaps of a jump in terms of the greatest ones of the series
_FLAT_SHARE = 0.3  # of a narrow bar's range


@dataclass(frozen=True, kw_only=True)
class Continuations:
    """The bars of a series as arrays, and how large its gaps, ranges and volumes usually are.

    `prices`: rows of `PRICE_COLUMNS`; gaps and ranges are fractions of a close.
    """

    bars: pd.DataFrame
    prices: FloatArray
    volume: FloatArray
    gap: float
    narrow: float
    wide: float
    usual_volume: float
    large_volume: float

    @classmethod
    def of(cls, bars: pd.DataFrame) -> Continuations:
        """Continuations for a series of two bars or more."""
        prices = bars[list(PRICE_COLUMNS)].to_numpy(dtype="float64")
        volume = bars["volume"].to_numpy(dtype="float64")
        opens, high, low, close = prices.T
        gaps = np.abs(opens[1:] / close[:-1] - 1.0)
        ranges = (high - low) / close
        traded = volume[volume > 0.0]
        return cls(
            bars=bars,
            prices=prices,
            volume=volume,
            gap=float(np.clip(gaps.max() * 1.2, _LEAST_GAP, 0.3)),
            narrow=float(np.quantile(ranges, 0.005)) * _FLAT_SHARE,
            wide=float(np.clip(np.quantile(ranges, 0.99), 0.01, 0.1)),
            usual_volume=float(np.median(traded)) if traded.size else 0.0,
            large_volume=float(traded.max()) * _WIDE if traded.size else 0.0,
        )

    def replaced(
        self, rows: IntArray, lengths: IntArray, kinds: IntArray, generator: np.random.Generator
    ) -> pd.DataFrame:
        """The bars with `lengths[i]` bars after `rows[i]` replaced by a continuation of `kinds[i]`.

        `kinds` are positions in `KINDS`. The stretches must not overlap and are cut at the last
        bar.
        """
        prices, volume = self.prices.copy(), self.volume.copy()
        last = len(prices) - 1
        close = prices[rows, 3]
        drawn = generator.integers(1, max(last - int(lengths.max(initial=1)), 1) + 1, len(rows))
        noise = generator.uniform(0.8, 1.6, (len(rows), 3))
        for step in range(1, int(lengths.max(initial=0)) + 1):
            open_here = (lengths >= step) & (rows + step <= last)
            for kind, name in enumerate(KINDS):
                here = np.flatnonzero(open_here & (kinds == kind))
                if not here.size:
                    continue
                at = rows[here] + step
                if name == "elsewhere":
                    source = np.minimum(drawn[here] + step - 1, last)
                    scale = close[here] / self.prices[source - 1, 3]
                    prices[at] = self.prices[source] * scale[:, None]
                    volume[at] = self.volume[source]
                elif name == "flat":
                    prices[at] = close[here, None] * (1.0 + self.narrow * _FLAT_BAR)
                    volume[at] = self.usual_volume
                else:
                    up = name == "up"
                    bar = self._jump(noise[here], up=up if step % 2 else not up)
                    prices[at] = close[here, None] * bar
                    volume[at] = self.large_volume * noise[here, 2]
                close[here] = prices[at, 3]
        values = dict(zip(PRICE_COLUMNS, prices.T, strict=True)) | {"volume": volume}
        block = np.column_stack([values[column] for column in self.bars.columns])
        return pd.DataFrame(block, self.bars.index, self.bars.columns)

    def _jump(self, noise: FloatArray, *, up: bool) -> FloatArray:
        """Open, high, low and close, as multiples of the close before, of a gap that runs on."""
        gap, wick = self.gap * noise[:, 0], self.wide * noise[:, 1]
        sign = 1.0 if up else -1.0
        opened = 1.0 + sign * gap
        closed = opened * (1.0 + sign * wick)
        high = np.maximum(opened, closed) * (1.0 + wick)
        low = np.minimum(opened, closed) * (1.0 - wick)
        return np.column_stack([opened, high, low, closed])


_FLAT_BAR = np.array([0.0, 0.5, -0.5, 0.0])
