"""This file holds the feature set `core`: what is in it, with which parameters and warm-up."""

from __future__ import annotations

from collections.abc import Callable

from trading_pipeline.features import core_formulas as formulas
from trading_pipeline.features.feature_sets import FeatureSet, FeatureSpec, register_feature_set
from trading_pipeline.features.indicators import indicator_lookback, indicator_warmup
from trading_pipeline.features.rolling import FloatArray

__all__ = ["CORE"]

_CLOSE = ("close",)
_HLC = ("high", "low", "close")
_BANDS = {"window": 20, "deviations": 2.0}
_SLOW = {"window": 14, "smoothing": 3}
_MACD = {"fastperiod": 12, "slowperiod": 26, "signalperiod": 9}


def _windowed(
    name: str,
    inputs: tuple[str, ...],
    lookback: int,
    compute: Callable[..., FloatArray],
    meaning: str,
    **parameters: float,
) -> FeatureSpec:
    """A feature that forgets every bar more than `lookback` bars old."""
    return FeatureSpec(
        name=name,
        version=1,
        inputs=inputs,
        lookback=lookback,
        warmup=lookback,
        compute=compute,
        parameters=parameters,
        meaning=meaning,
    )


def _recursive(
    name: str,
    inputs: tuple[str, ...],
    indicator: str,
    compute: Callable[..., FloatArray],
    meaning: str,
    **parameters: int,
) -> FeatureSpec:
    """A feature that is TA-Lib's `indicator`, scaled; its parameters are the indicator's own."""
    return FeatureSpec(
        name=name,
        version=1,
        inputs=inputs,
        lookback=indicator_lookback(indicator, **parameters),
        warmup=indicator_warmup(indicator, **parameters),
        compute=compute,
        parameters=parameters,
        meaning=meaning,
    )


_RETURNS = tuple(
    _windowed(
        f"log_return_{back}",
        _CLOSE,
        back,
        formulas.log_return,
        f"Log return of the close over {back} bars.",
        bars_back=back,
    )
    for back in (1, 5, 20)
)
_AVERAGES = tuple(
    _windowed(
        f"close_to_sma_{window}",
        _CLOSE,
        window - 1,
        formulas.close_to_average,
        f"Close relative to its mean of {window} bars, minus 1.",
        window=window,
    )
    for window in (10, 50, 200)
)
_MOMENTUM = (
    _windowed(
        "roc_10",
        _CLOSE,
        10,
        formulas.rate_of_change,
        "Return of the close over 10 bars.",
        bars_back=10,
    ),
    _recursive(
        "rsi_14",
        _CLOSE,
        "RSI",
        formulas.rsi,
        "Wilder's relative strength index, 0 to 1.",
        timeperiod=14,
    ),
    _recursive(
        "macd_histogram",
        _CLOSE,
        "MACD",
        formulas.macd_histogram,
        "MACD histogram (12, 26, 9) as a fraction of the close.",
        **_MACD,
    ),
    _recursive(
        "adx_14",
        _HLC,
        "ADX",
        formulas.adx,
        "Wilder's average directional index, 0 to 1.",
        timeperiod=14,
    ),
    _windowed(
        "stochastic_k_14",
        _HLC,
        15,
        formulas.stochastic_k,
        "Slow stochastic %K (14, 3), 0 to 1.",
        **_SLOW,
    ),
    _windowed(
        "stochastic_d_14",
        _HLC,
        17,
        formulas.stochastic_d,
        "Slow stochastic %D (14, 3, 3), 0 to 1.",
        **_SLOW,
    ),
    _windowed(
        "williams_r_14",
        _HLC,
        13,
        formulas.williams_r,
        "Williams %R: -1 at the low of 14 bars, 0 at their high.",
        window=14,
    ),
    _windowed(
        "cci_20",
        _HLC,
        19,
        formulas.commodity_channel,
        "Commodity channel index over 20 bars, divided by 100.",
        window=20,
    ),
)
_VOLATILITY = (
    _windowed(
        "volatility_20",
        _CLOSE,
        20,
        formulas.volatility,
        "Sample standard deviation of 20 one-bar log returns.",
        window=20,
    ),
    _windowed(
        "bollinger_position_20",
        _CLOSE,
        19,
        formulas.bollinger_position,
        "Close between the Bollinger bands (20, 2): 0 on the lower, 1 on the upper.",
        **_BANDS,
    ),
    _windowed(
        "bollinger_width_20",
        _CLOSE,
        19,
        formulas.bollinger_width,
        "Width of the Bollinger bands (20, 2) as a fraction of their middle.",
        **_BANDS,
    ),
    _recursive(
        "atr_14",
        _HLC,
        "ATR",
        formulas.average_true_range,
        "Wilder's average true range as a fraction of the close.",
        timeperiod=14,
    ),
)
_VOLUME = (
    _windowed(
        "mfi_14",
        (*_HLC, "volume"),
        14,
        formulas.money_flow,
        "Money flow index over 14 bars, 0 to 1; 0.5 without volume.",
        window=14,
    ),
    _windowed(
        "volume_z_20",
        ("volume",),
        19,
        formulas.volume_z_score,
        "Volume in standard deviations from its mean of 20 bars; 0 where it is constant.",
        window=20,
    ),
    _windowed(
        "obv_z_20",
        ("close", "volume"),
        19,
        formulas.on_balance_volume,
        "On-balance volume in standard deviations from its mean of 20 bars.",
        window=20,
    ),
)
_CALENDAR = (
    _windowed(
        "weekday_sine",
        (),
        0,
        formulas.weekday_sine,
        "Sine of the weekday's angle in the week.",
    ),
    _windowed(
        "weekday_cosine",
        (),
        0,
        formulas.weekday_cosine,
        "Cosine of the weekday's angle in the week.",
    ),
)

CORE = register_feature_set(
    FeatureSet(
        name="core",
        version=1,
        specs=(*_RETURNS, *_AVERAGES, *_MOMENTUM, *_VOLATILITY, *_VOLUME, *_CALENDAR),
    )
)
"""Momentum, volatility and volume of one series: the features a model gets unless it says otherwise."""
