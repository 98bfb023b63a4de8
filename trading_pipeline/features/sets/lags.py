"""The feature set `alpha360_lite`: the last 20 bars themselves, relative to the present one.

Qlib's Alpha360 gives six fields of the last 60 bars. Lite has five fields (no VWAP, which bars do
not have) of 20 bars and omits CLOSE0, which is always 1: 99 columns. Prices are divided by the
present close. Volumes are divided by the mean volume of the 20 bars, since the present one may be
0; they are 0 where all 20 are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.rolling.windows import (
    lagged,
    rolling_mean,
)
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec, plain_window

__all__ = ["ALPHA360_LITE", "lagged_prices", "lagged_volumes"]

_LAGS = 20


def lagged_prices(bars: pd.DataFrame, *, field: str, lags: int) -> tuple[FloatArray, ...]:
    """The field 0 to `lags` - 1 bars ago, each by the present close."""
    close = bars["close"].to_numpy(dtype="float64")
    values = bars[field].to_numpy(dtype="float64")
    return tuple(lagged(values, lag) / close for lag in range(lags))


def lagged_volumes(bars: pd.DataFrame, *, lags: int) -> tuple[FloatArray, ...]:
    """The volume 0 to `lags` - 1 bars ago, each by the mean volume of these bars; 0 without any."""
    volume = bars["volume"].to_numpy(dtype="float64")
    mean = rolling_mean(volume, lags)
    divisor = np.where(mean == 0.0, 1.0, mean)
    return tuple(lagged(volume, lag) / divisor for lag in range(lags))


def _specs() -> tuple[FeatureSpec, ...]:
    prices = [
        plain_window(
            f"{field.upper()}{lag}",
            ("close",) if field == "close" else (field, "close"),
            lag,
            lagged_prices,
            f"{field.capitalize()} {lag} bars ago by the present close.",
            part=lag,
            field=field,
            lags=_LAGS,
        )
        for field in PRICE_COLUMNS
        for lag in range(_LAGS)
        if (field, lag) != ("close", 0)
    ]
    volumes = [
        plain_window(
            f"VOLUME{lag}",
            ("volume",),
            _LAGS - 1,
            lagged_volumes,
            f"Volume {lag} bars ago by the mean of {_LAGS} bars; 0 without any.",
            part=lag,
            lags=_LAGS,
        )
        for lag in range(_LAGS)
    ]
    return (*prices, *volumes)


ALPHA360_LITE = FeatureSet(name="alpha360_lite", version=1, specs=_specs())
"""The shape of the last 20 bars, for models that find their own statistics."""
