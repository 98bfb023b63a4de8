"""The only way to TA-Lib: checked input, checked output, declared warm-up.

Values are TA-Lib's own (an RSI runs from 0 to 100). After a NaN inside a series, TA-Lib gives NaN
or 0.0 to the end; here that is an error, and so is an infinite result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib
import talib.abstract

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.features.arrays import FloatArray, FloatArrays
from trading_pipeline.features.indicators.warmups import SLOW, START_DEPENDENT, WARMUPS

__all__ = [
    "indicator",
    "indicator_arrays",
    "indicator_inputs",
    "indicator_lookback",
    "indicator_names",
    "indicator_outputs",
    "indicator_parameters",
    "indicator_warmup",
]

_NOT_OFFERED = frozenset(("MAVP",))  # takes a series of periods, which bars do not have


@functools.cache
def indicator_names() -> tuple[str, ...]:
    """Names of all indicators, in TA-Lib's spelling."""
    names = set(talib.get_functions())  # type: ignore[no-untyped-call]
    return tuple(sorted(names - _NOT_OFFERED))


def indicator_parameters(name: str) -> dict[str, int | float]:
    """Parameters of an indicator with their defaults.

    >>> indicator_parameters("RSI")
    {'timeperiod': 14}
    """
    return dict(_definition(name)["parameters"])


def indicator_outputs(name: str) -> tuple[str, ...]:
    """Names of an indicator's outputs.

    >>> indicator_outputs("MACD")
    ('macd', 'macdsignal', 'macdhist')
    """
    return tuple(_definition(name)["output_names"])


def indicator_inputs(name: str, source: str = "close") -> tuple[str, ...]:
    """Columns of the bars that an indicator reads; `source` for an indicator of one series.

    >>> indicator_inputs("ATR"), indicator_inputs("RSI", "high")
    (('high', 'low', 'close'), ('high',))
    """
    return tuple(_columns(_definition(name), source))


def indicator(
    name: str, data: pd.DataFrame | pd.Series, *, source: str = "close", **parameters: int | float
) -> pd.DataFrame:
    """TA-Lib's `name` of bars: same index, one float64 column for each of its outputs.

    `data`: bars, or a series for an indicator of one input. `source`: the column that an indicator
    of one series reads. NaN on the rows before the first value; input may begin with NaN, which
    moves that first value. Too short an input gives NaN only. Candlestick patterns are -100.0, 0.0
    or 100.0. Raises `UnknownNameError` for an unknown indicator, parameter or column,
    `ConfigurationError` for a parameter that TA-Lib refuses, and `DataQualityError` for NaN after
    the first number, and for infinite input or output.

    >>> frame = indicator("SMA", pd.Series([1.0, 2.0, 4.0]), timeperiod=2)
    >>> frame["real"].tolist()
    [nan, 1.5, 3.0]
    """
    outputs = list(_definition(name)["output_names"])
    arrays = indicator_arrays(name, data, source=source, **parameters)
    block = np.array(arrays) if arrays else np.empty((0, len(data)))
    return pd.DataFrame(block.T, index=data.index, columns=outputs, copy=False)


def indicator_arrays(
    name: str,
    data: pd.DataFrame | pd.Series | FloatArray,
    *,
    source: str = "close",
    **parameters: int | float,
) -> FloatArrays:
    """As `indicator`, but a bare array for each output: what features are computed with.

    `data` may be a bare array in place of a series; its rows are then counted from 0.
    """
    definition = _definition(name)
    columns = _columns(definition, source)
    if not isinstance(data, pd.DataFrame) and len(columns) != 1:
        raise ConfigurationError(
            f"The indicator {name!r} reads {', '.join(columns)}; give it bars, not one series.",
            indicator=name,
        )
    if isinstance(data, pd.Series):
        data = data.to_frame(columns[0])
    if isinstance(data, np.ndarray):
        index: Sequence[Any] = range(len(data))
        arrays = [np.ascontiguousarray(data, dtype=np.float64)]
    else:
        index, arrays = data.index, _arrays(name, data, columns)  # type: ignore[assignment]
    begin = _first_row(name, index, columns, arrays)
    outputs = list(definition["output_names"])
    lookback = indicator_lookback(name, **parameters)
    if len(data) - begin <= lookback:
        return tuple(np.full(len(data), np.nan) for _ in outputs)
    given = _call(name, [array[begin:] for array in arrays], _check_parameters(name, parameters))
    results = tuple(_whole(values, begin, lookback) for values in given)
    for output, values in zip(outputs, results, strict=True):
        if _is_finite(values[begin + lookback :]):
            continue
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            row = int(infinite[0])
            raise DataQualityError(
                f"The indicator {name!r} is {values[row]} in output {output!r} at "
                f"{index[row]}: it divides by zero there. Use another indicator for this "
                "series.",
                indicator=name,
                ts=index[row],
            )
    return results


def indicator_lookback(name: str, **parameters: int | float) -> int:
    """Bars before the first value, counted from the first bar that has numbers.

    >>> indicator_lookback("RSI", timeperiod=14)
    14
    """
    return _lookback(name, tuple(sorted(_check_parameters(name, parameters).items())))


def indicator_warmup(name: str, **parameters: int | float) -> int:
    """Bars until a value no longer depends on where the bars begin (relative error under 1e-6).

    The lookback for an indicator of a window; for recursive ones 250 bars or more (400 for ADX and
    the Hilbert transforms), growing with the longest period. Raises `ConfigurationError` for those
    that never forget their start (OBV, AD ...).

    >>> indicator_warmup("SMA", timeperiod=20), indicator_warmup("RSI"), indicator_warmup("ADX")
    (19, 250, 400)
    """
    lookback = indicator_lookback(name, **parameters)
    if name in START_DEPENDENT:
        raise ConfigurationError(
            f"The indicator {name!r} depends on the first bar for ever, so it has no warm-up. Use "
            "its differences or a rolling z-score instead of its level.",
            indicator=name,
        )
    checked = indicator_parameters(name) | _check_parameters(name, parameters)
    averages = [value for key, value in checked.items() if key.endswith("matype")]
    least, factor = WARMUPS.get(name, SLOW if any(averages) else (0, 0))
    longest = max((int(v) for key, v in checked.items() if key.endswith("period")), default=0)
    return max(lookback, least, factor * longest)


@functools.lru_cache(maxsize=4096)
def _lookback(name: str, parameters: tuple[tuple[str, int | float], ...]) -> int:
    checked, function = dict(parameters), _function(name)
    try:
        function.parameters = checked
        lookback = int(function.lookback)
    except Exception as error:
        raise _refused(name, checked, str(error)) from error
    if lookback < 0:
        raise _refused(name, checked, "a value is out of its range")
    return lookback


def _definition(name: str) -> dict[str, Any]:
    if name not in indicator_names():
        raise UnknownNameError(
            f"TA-Lib has no indicator {name!r} that can be used here. "
            f"{did_you_mean(name, indicator_names())}",
            name=name,
            kind="indicator",
        )
    return _info(name)


def _function(name: str) -> Any:
    """A fresh object, so that parameters set on it stay its own."""
    return talib.abstract.Function(name)  # type: ignore[attr-defined]


@functools.cache
def _info(name: str) -> dict[str, Any]:
    return dict(_function(name).info)


def _check_parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, int | float]:
    known = indicator_parameters(name)
    for key, value in parameters.items():
        if key not in known:
            raise UnknownNameError(
                f"The indicator {name!r} has no parameter {key!r}. {did_you_mean(key, known)}",
                name=key,
                kind="parameter",
            )
        whole = isinstance(known[key], int)
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not number or isinstance(value, bool) or not math.isfinite(value):
            raise _wrong(name, key, value, "a finite number")
        if whole and value != int(value):
            raise _wrong(name, key, value, "a whole number")
    return {
        key: int(value) if isinstance(known[key], int) else float(value)
        for key, value in parameters.items()
    }


def _columns(definition: Mapping[str, Any], source: str) -> list[str]:
    if source not in BAR_COLUMNS:
        raise UnknownNameError(
            f"Bars have no column {source!r}. {did_you_mean(source, BAR_COLUMNS)}",
            name=source,
            kind="column",
        )
    columns: list[str] = []
    for key, value in definition["input_names"].items():
        if isinstance(value, str):
            columns.append(source if key == "price" else value)
        else:
            columns.extend(value)
    return columns


def _arrays(name: str, data: pd.DataFrame, columns: list[str]) -> list[FloatArray]:
    missing = [column for column in columns if column not in data.columns]
    if missing:
        raise UnknownNameError(
            f"The indicator {name!r} reads the column {missing[0]!r}, which the bars do not have. "
            f"{did_you_mean(missing[0], map(str, data.columns))}",
            name=missing[0],
            kind="column",
        )
    return [np.ascontiguousarray(data[column].to_numpy(dtype="float64")) for column in columns]


def _first_row(
    name: str, index: Sequence[Any], columns: list[str], arrays: list[FloatArray]
) -> int:
    """First row on which all inputs are numbers; every later one must be too."""
    if all(_is_finite(array) for array in arrays):
        return 0
    begin = 0
    for array in arrays:
        numbers = np.flatnonzero(~np.isnan(array))
        begin = max(begin, int(numbers[0]) if numbers.size else len(array))
    for column, array in zip(columns, arrays, strict=True):
        wrong = np.flatnonzero(~np.isfinite(array[begin:]))
        if wrong.size:
            row = begin + int(wrong[0])
            raise DataQualityError(
                f"The indicator {name!r} reads {array[row]} in {column!r} at {index[row]} (row "
                f"{row}). TA-Lib would give wrong values from there on: fix the gap first; only "
                "leading rows may be NaN.",
                indicator=name,
                column=column,
                ts=index[row],
                row=row,
            )
    return begin


def _is_finite(values: FloatArray) -> bool:
    """True where the sum is finite, and so every value; False may also be a sum that overflowed."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _whole(values: npt.NDArray[Any], begin: int, lookback: int) -> FloatArray:
    """Values from row `begin` on as float64 from row 0 on, NaN before the first one."""
    if begin == 0 and values.dtype == np.float64:
        result = values
    else:
        result = np.empty(begin + len(values))
        result[begin:] = values
    # integer outputs cannot hold NaN and show 0 where there is no value yet
    result[: begin + lookback] = np.nan
    return result


def _call(
    name: str, arrays: list[FloatArray], parameters: Mapping[str, int | float]
) -> tuple[npt.NDArray[Any], ...]:
    try:
        given = getattr(talib, name)(*arrays, **parameters)
    except Exception as error:
        # TA-Lib raises bare Exception for a parameter out of range
        raise _refused(name, parameters, str(error)) from error
    return given if isinstance(given, tuple) else (given,)


def _refused(name: str, parameters: Mapping[str, Any], reason: str) -> ConfigurationError:
    shown = ", ".join(f"{key}={value}" for key, value in parameters.items()) or "its defaults"
    return ConfigurationError(
        f"TA-Lib refuses the indicator {name!r} with {shown}: {reason}. Its defaults are "
        f"{indicator_parameters(name)}.",
        indicator=name,
        parameters=dict(parameters),
    )


def _wrong(name: str, key: str, value: object, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"The parameter {key!r} of the indicator {name!r} must be {expected}, was {value!r}.",
        indicator=name,
        parameter=key,
        value=value,
    )
