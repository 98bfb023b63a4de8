"""The feature set `core`: its features, with their parameters and warm-ups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.indicators.wrapper import indicator_lookback, indicator_warmup
from trading_pipeline.features.sets import calendar_formulas as calendar
from trading_pipeline.features.sets import core_formulas as formulas
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec, plain_window

__all__ = ["CORE"]

_CLOSE = ("close",)
_HLC = ("high", "low", "close")
_MACD = {"fastperiod": 12, "slowperiod": 26, "signalperiod": 9}


def _recursive(
    name: str,
    inputs: tuple[str, ...],
    indicator: str,
    compute: Callable[..., FloatArray | tuple[FloatArray, ...]],
    meaning: str,
    *,
    part: int | None = None,
    **parameters: int,
) -> FeatureSpec:
    """A feature that is TA-Lib's `indicator`, scaled; its parameters are the indicator's own."""
    return FeatureSpec(
        name=name,
        version=2,
        inputs=inputs,
        lookback=indicator_lookback(indicator, **parameters),
        # all settle as late as the slowest: bars may begin with moves a thousand times the usual
        # ones
        warmup=indicator_warmup("ADX", timeperiod=14),
        compute=compute,
        parameters=parameters,
        meaning=meaning,
        part=part,
    )


_RETURNS = tuple(
    plain_window(
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
    plain_window(
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
    plain_window(
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
        "Wilder's relative strength index, 0 to 1; 0.5 where the close stands still.",
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
        ("high", "low"),
        "ADX",
        formulas.directional_movement,
        "Wilder's average directional index, 0 to 1; tends to 0 where prices stand still.",
        part=1,
        timeperiod=14,
    ),
    plain_window(
        "stochastic_k_14",
        _HLC,
        15,
        formulas.stochastic_k,
        "Slow stochastic %K (14, 3), 0 to 1.",
        window=14,
        smoothing=3,
    ),
    plain_window(
        "stochastic_d_14",
        _HLC,
        17,
        formulas.stochastic_d,
        "Slow stochastic %D (14, 3, 3), 0 to 1.",
        window=14,
        smoothing=3,
    ),
    plain_window(
        "williams_r_14",
        _HLC,
        13,
        formulas.williams_r,
        "Williams %R: -1 at the low of 14 bars, 0 at their high.",
        window=14,
    ),
    plain_window(
        "cci_20",
        _HLC,
        19,
        formulas.commodity_channel,
        "Commodity channel index over 20 bars, divided by 100.",
        window=20,
    ),
)
_VOLATILITY = (
    plain_window(
        "volatility_20",
        _CLOSE,
        20,
        formulas.volatility,
        "Sample standard deviation of 20 one-bar log returns.",
        window=20,
    ),
    plain_window(
        "bollinger_position_20",
        _CLOSE,
        19,
        formulas.bollinger_position,
        "Close between the Bollinger bands (20, 2): 0 on the lower, 1 on the upper.",
        window=20,
        deviations=2.0,
    ),
    plain_window(
        "bollinger_width_20",
        _CLOSE,
        19,
        formulas.bollinger_width,
        "Width of the Bollinger bands (20, 2) as a fraction of their middle.",
        window=20,
        deviations=2.0,
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
    plain_window(
        "mfi_14",
        (*_HLC, "volume"),
        14,
        formulas.money_flow,
        "Money flow index over 14 bars, 0 to 1; 0.5 without volume.",
        window=14,
    ),
    plain_window(
        "volume_z_20",
        ("volume",),
        19,
        formulas.volume_z_score,
        "Volume in standard deviations from its mean of 20 bars; 0 where it is constant.",
        window=20,
    ),
    plain_window(
        "obv_z_20",
        ("close", "volume"),
        19,
        formulas.on_balance_volume,
        "On-balance volume in standard deviations from its mean of 20 bars.",
        window=20,
    ),
)
_BAR = (
    plain_window(
        "log_return_60",
        _CLOSE,
        60,
        formulas.log_return,
        "Log return of the close over 60 bars.",
        bars_back=60,
    ),
    plain_window(
        "overnight_return",
        ("open", "close"),
        1,
        formulas.overnight_return,
        "Log return from the close before to the open.",
    ),
    plain_window(
        "intraday_return",
        ("open", "close"),
        0,
        formulas.intraday_return,
        "Log return from the bar's open to its close.",
    ),
    plain_window(
        "log_range",
        ("high", "low"),
        0,
        formulas.log_range,
        "Log of the bar's high over its low.",
    ),
    plain_window(
        "close_in_range",
        _HLC,
        0,
        formulas.close_in_range,
        "Close between the bar's low (0) and high (1); 0.5 in a flat bar.",
    ),
)
_TREND = (
    _recursive(
        "close_to_ema_20",
        _CLOSE,
        "EMA",
        formulas.close_to_exponential,
        "Close relative to its exponential mean of 20 bars, minus 1.",
        timeperiod=20,
    ),
    plain_window(
        "trend_slope_20",
        _CLOSE,
        19,
        formulas.trend_slope,
        "Slope by bar of the line through the logs of 20 closes.",
        window=20,
    ),
    _recursive(
        "di_difference_14",
        _HLC,
        "PLUS_DI",
        formulas.directional_movement,
        "Wilder's +DI less -DI, -1 to 1; 0 where prices stand still.",
        part=0,
        timeperiod=14,
    ),
    plain_window(
        "aroon_25",
        ("high", "low"),
        25,
        formulas.aroon_oscillator,
        "Aroon oscillator of 25 bars, -1 to 1.",
        timeperiod=25,
    ),
)
_RANGES = (
    plain_window(
        "volatility_60",
        _CLOSE,
        60,
        formulas.volatility,
        "Sample standard deviation of 60 one-bar log returns.",
        window=60,
    ),
    plain_window(
        "volatility_ratio_5_60",
        _CLOSE,
        60,
        formulas.volatility_ratio,
        "Volatility of 5 bars over that of 60; 1 where the latter is 0.",
        fast=5,
        slow=60,
    ),
    plain_window(
        "parkinson_20",
        ("high", "low"),
        19,
        formulas.parkinson_volatility,
        "Parkinson's volatility from the ranges of 20 bars, per bar.",
        window=20,
    ),
    plain_window(
        "garman_klass_20",
        ("open", "high", "low", "close"),
        19,
        formulas.garman_klass_volatility,
        "Garman and Klass' volatility from 20 bars, per bar.",
        window=20,
    ),
    plain_window(
        "volume_ratio_5_20",
        ("volume",),
        19,
        formulas.volume_ratio,
        "Mean volume of 5 bars over that of 20; 1 without volume.",
        fast=5,
        slow=20,
    ),
)
_CALENDAR = (
    *(
        plain_window(name, (), 0, formula, meaning)
        for name, formula, meaning in (
            ("weekday_sine", calendar.weekday_sine, "Sine of the weekday's angle in the week."),
            (
                "weekday_cosine",
                calendar.weekday_cosine,
                "Cosine of the weekday's angle in the week.",
            ),
            ("month_sine", calendar.month_sine, "Sine of the month's angle in the year."),
            ("month_cosine", calendar.month_cosine, "Cosine of the month's angle in the year."),
            ("month_end", calendar.month_end, "1 where no weekday of the month follows, else 0."),
        )
    ),
    *(
        replace(plain_window(name, (), 0, formula, meaning), needs_context=True)
        for name, formula, meaning in (
            (
                "session_elapsed",
                calendar.session_elapsed,
                "Share of the session gone by when the bar is known; 1 for daily bars.",
            ),
            (
                "hours_to_close",
                calendar.hours_to_close,
                "Hours from then to the session's close; 0 for daily bars.",
            ),
        )
    ),
)

CORE = FeatureSet(
    name="core",
    version=3,
    specs=(
        *_RETURNS,
        *_BAR,
        *_AVERAGES,
        *_TREND,
        *_MOMENTUM,
        *_VOLATILITY,
        *_RANGES,
        *_VOLUME,
        *_CALENDAR,
    ),
)
"""Momentum, volatility, volume and calendar of one series: the default set of a model."""
