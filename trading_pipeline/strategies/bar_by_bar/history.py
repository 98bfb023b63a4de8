"""What a strategy sees at one bar: that bar and the ones before it, and nothing later.

The arrays lie in memory that later bars have not been written to yet, so no view of them, and no
array that a view belongs to, can hold a later value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.errors import StrategyError, did_you_mean
from trading_pipeline.strategies.market import Market

__all__ = ["History", "histories"]

Values = Mapping[str, object]
_Columns = Mapping[str, npt.NDArray[np.generic]]


class History:
    """Bars up to the one that is decided on, oldest first; its close is `history.close[-1]`.

    Prices are forward-adjusted, as in `Market.bars`. Arrays are float64, one value a bar, and
    read-only.
    """

    __slots__ = ("_bars", "_input", "_prediction", "_stamps", "is_traded")

    def __init__(
        self,
        bars: FloatArray,
        stamps: npt.NDArray[np.int64],
        prediction: Callable[[str, int | None], Values],
        external: Callable[[str], Values],
    ) -> None:
        self._bars, self._stamps = bars, stamps
        self._prediction, self._input = prediction, external
        self.is_traded = False
        """False on bars before the scenario's dates, which only warm a strategy up: their signals
        are not traded."""

    def __len__(self) -> int:
        """Number of bars so far, that of the decision included."""
        return int(self._bars.shape[1])

    @property
    def open(self) -> FloatArray:
        """Opens."""
        values: FloatArray = self._bars[0]
        return values

    @property
    def high(self) -> FloatArray:
        """Highs."""
        values: FloatArray = self._bars[1]
        return values

    @property
    def low(self) -> FloatArray:
        """Lows."""
        values: FloatArray = self._bars[2]
        return values

    @property
    def close(self) -> FloatArray:
        """Closes."""
        values: FloatArray = self._bars[3]
        return values

    @property
    def volume(self) -> FloatArray:
        """Volumes, in shares of the first bar."""
        values: FloatArray = self._bars[4]
        return values

    @property
    def time(self) -> pd.Timestamp:
        """Stamp of the bar that is decided on."""
        return pd.Timestamp(int(self._stamps[-1]), unit="us", tz="UTC").as_unit("us")

    @property
    def times(self) -> pd.DatetimeIndex:
        """Stamps of the bars."""
        stamps = self._stamps.astype("datetime64[us]")
        return pd.DatetimeIndex(stamps, name="ts").tz_localize("UTC")

    @property
    def bars(self) -> pd.DataFrame:
        """All of them as a frame, as `Market.bars`; made anew by each call, which takes time."""
        columns = dict(zip(BAR_COLUMNS, self._bars.copy(), strict=True))
        return pd.DataFrame(columns, index=self.times)

    def prediction(self, model: str, horizon: int | None = None) -> Values:
        """The newest prediction of a model that was known at this bar, and its `age_bars`.

        By the names of the prediction's columns; NaN before the first one. `horizon`: the step, in
        bars; None for the last one. The model must be named in `required_predictions`.
        """
        return self._prediction(model, horizon)

    def input(self, name: str) -> Values:
        """The newest row of a declared external input that was known at this bar."""
        return self._input(name)


def histories(market: Market) -> Iterator[History]:
    """The history at each bar of a market, in order: one object, which grows."""
    columns = market.bars[list(BAR_COLUMNS)].to_numpy(dtype=np.float64).T
    stamps = pd.DatetimeIndex(market.raw.index).asi8
    shown, seen = np.full(columns.shape, np.nan), np.zeros(len(market), dtype=np.int64)
    shown_only, seen_only = shown.view(), seen.view()
    shown_only.setflags(write=False)
    seen_only.setflags(write=False)
    kept: dict[object, _Columns] = {}
    row = -1

    def told(key: object, frame: Callable[[], pd.DataFrame]) -> Values:
        if key not in kept:
            found = frame()
            kept[key] = {str(name): found[name].to_numpy() for name in found.columns}
        return {name: values[row] for name, values in kept[key].items()}

    def prediction(model: str, horizon: int | None) -> Values:
        return told((model, horizon), lambda: market.predictions_at(model, horizon))

    def external(name: str) -> Values:
        if name not in market.inputs:
            raise StrategyError(
                f"The strategy declares no input {name!r}. {did_you_mean(name, market.inputs)}",
                input=name,
            )
        return told(name, lambda: market.inputs[name])

    history = History(shown_only, seen_only, prediction, external)
    for row in range(len(market)):
        shown[:, row] = columns[:, row]
        seen[row] = stamps[row]
        history._bars = shown_only[:, : row + 1]
        history._stamps = seen_only[: row + 1]
        history.is_traded = row >= market.first_traded
        yield history
