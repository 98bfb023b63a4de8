"""The feature set `core_mtf`: `core`, and columns of the next coarser bars.

A coarse bar is used from the moment at which it is complete, and by the first bar that is complete
then or later: both clocks are `known_at`. So a daily bar sees last week's bar from Monday's to
Thursday's close, and this week's at Friday's. All
formulas are plain windows, which forget quickly: coarse bars are few.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.sets import core_formulas as formulas
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.core import CORE
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec
from trading_pipeline.market_data.calendars import known_at
from trading_pipeline.market_data.resampling import outside_sessions, resample_bars

__all__ = ["CORE_MTF", "coarse_columns", "coarser_timeframe"]

# coarser timeframe, and the most bars that one of its bars is made of
_COARSER = {
    Timeframe.M1: (Timeframe.M15, 15),
    Timeframe.M5: (Timeframe.H1, 12),
    Timeframe.M15: (Timeframe.H1, 4),
    Timeframe.M30: (Timeframe.H4, 8),
    Timeframe.H1: (Timeframe.D1, 24),
    Timeframe.H4: (Timeframe.D1, 6),
    Timeframe.D1: (Timeframe.W1, 7),
}
_HLC = ("high", "low", "close")
# name, inputs, coarse bars before the present one, formula, meaning
_COLUMNS: tuple[
    tuple[str, tuple[str, ...], int, Callable[[pd.DataFrame], FloatArray], str], ...
] = (
    (
        "coarse_log_return_1",
        ("close",),
        1,
        lambda bars: formulas.log_return(bars, bars_back=1),
        "Log return of the last complete coarser bar.",
    ),
    (
        "coarse_log_return_5",
        ("close",),
        5,
        lambda bars: formulas.log_return(bars, bars_back=5),
        "Log return of the last 5 complete coarser bars.",
    ),
    (
        "coarse_close_to_sma_10",
        ("close",),
        9,
        lambda bars: formulas.close_to_average(bars, window=10),
        "Close of the last complete coarser bar relative to the mean of 10, minus 1.",
    ),
    (
        "coarse_volatility_20",
        ("close",),
        20,
        lambda bars: formulas.volatility(bars, window=20),
        "Sample standard deviation of 20 log returns of coarser bars.",
    ),
    (
        "coarse_trend_slope_20",
        ("close",),
        19,
        lambda bars: formulas.trend_slope(bars, window=20),
        "Slope by coarser bar of the line through the logs of 20 closes.",
    ),
    (
        "coarse_stochastic_14",
        _HLC,
        13,
        lambda bars: formulas.stochastic(bars, window=14),
        "Close of the last complete coarser bar in the range of 14, 0 to 1.",
    ),
    (
        "coarse_volume_ratio_5_20",
        ("volume",),
        19,
        lambda bars: formulas.volume_ratio(bars, fast=5, slow=20),
        "Mean volume of 5 coarser bars over that of 20; 1 without volume.",
    ),
)


def coarser_timeframe(timeframe: Timeframe) -> Timeframe:
    """Timeframe of the coarser bars; `ConfigurationError` for weekly bars, which have none.

    >>> coarser_timeframe(Timeframe("1h")).value
    '1d'
    """
    if timeframe not in _COARSER:
        raise ConfigurationError(
            f"Bars of {timeframe.value} have no coarser timeframe here, so 'core_mtf' cannot be "
            "computed. Use the feature set 'core' for them.",
            timeframe=timeframe.value,
            feature_set="core_mtf",
        )
    return _COARSER[timeframe][0]


def coarse_columns(bars: pd.DataFrame, *, context: FeatureContext | None) -> tuple[FloatArray, ...]:
    """Columns of the last coarse bar that is complete when each bar is; NaN before the first."""
    if context is None:
        raise ConfigurationError(
            "Coarser bars need the timeframe and the calendar of the bars. Give "
            "context=FeatureContext(timeframe, calendar)."
        )
    target, most = coarser_timeframe(context.timeframe), _COARSER[context.timeframe][1]
    coarse = resample_bars(bars, context.timeframe, target, context.calendar)
    fine_known = known_at(pd.DatetimeIndex(bars.index), context.timeframe, context.calendar)
    coarse_known = known_at(pd.DatetimeIndex(coarse.index), target, context.calendar)
    place = np.searchsorted(coarse_known.asi8, fine_known.asi8, side="right") - 1
    begun = place >= 0
    columns = []
    for name, _, lookback, formula, _ in _COLUMNS:
        values = np.full(len(bars), np.nan)
        values[begun] = formula(coarse)[place[begun]]
        missing = np.flatnonzero(np.isnan(values[_warmup(lookback, most) :]))
        if missing.size:
            raise _too_few_coarse(name, bars, context, int(missing.size), len(coarse))
        columns.append(values)
    return tuple(columns)


def _warmup(lookback: int, most: int) -> int:
    # two more: the first coarse bar may be cut off, and the last is not complete
    return (lookback + 2) * most


def _too_few_coarse(
    name: str, bars: pd.DataFrame, context: FeatureContext, rows: int, coarse: int
) -> DataQualityError:
    index = pd.DatetimeIndex(bars.index)
    outside = int(outside_sessions(index, context.timeframe, context.calendar).sum())
    return DataQualityError(
        f"The feature {name!r} has no value on {rows} rows after its warm-up: {len(bars)} bars of "
        f"{context.timeframe.value} make only {coarse} coarser ones, since {outside} of them lie "
        f"outside every session of {context.calendar}. Drop those bars, or name the calendar they "
        "belong to.",
        feature=name,
        rows=rows,
        outside=outside,
    )


def _spec(
    part: int, name: str, inputs: tuple[str, ...], lookback: int, meaning: str
) -> FeatureSpec:
    warmups = {
        timeframe.value: _warmup(lookback, most) for timeframe, (_, most) in _COARSER.items()
    }
    return FeatureSpec(
        name=name,
        version=1,
        inputs=inputs,
        lookback=lookback,
        warmup=max(warmups.values()),
        warmups=warmups,
        compute=coarse_columns,
        meaning=meaning,
        part=part,
        needs_context=True,
    )


CORE_MTF = FeatureSet(
    name="core_mtf",
    version=2,
    specs=(
        *CORE.specs,
        *(
            _spec(part, name, inputs, lookback, meaning)
            for part, (name, inputs, lookback, _, meaning) in enumerate(_COLUMNS)
        ),
    ),
)
"""`core`, and momentum, volatility and volume of the next coarser bars."""
