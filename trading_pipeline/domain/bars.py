"""The column contract of bars.

In memory bars are a DataFrame with an aware UTC index `ts` (microseconds) and float64 columns open,
high, low, close, volume, prices as traded unless a name says otherwise. On disk `ts` is a column.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import TypeGuard

import numpy as np
import pandas as pd

from trading_pipeline.errors import DataQualityError

__all__ = ["BAR_COLUMNS", "PRICE_COLUMNS", "TS_DTYPE", "empty_bars", "normalize_bars", "utc_index"]

PRICE_COLUMNS = ("open", "high", "low", "close")
BAR_COLUMNS = (*PRICE_COLUMNS, "volume")
TS_DTYPE = "datetime64[us, UTC]"


def utc_index(values: Iterable[object] | pd.Index | pd.Series) -> pd.DatetimeIndex:
    """Aware UTC index named `ts` in microseconds.

    Raises `DataQualityError` for stamps without a zone, and for values that are not time stamps.
    """
    if _is_utc_index(values):
        return values if values.name == "ts" else values.rename("ts")
    try:
        index = pd.DatetimeIndex(values)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataQualityError(f"The index of the bars holds no time stamps: {error}.") from error
    if index.tz is None:
        raise DataQualityError(
            "Time stamps carry no time zone. Give aware UTC stamps, for example with "
            "index.tz_localize('UTC') where the values already are UTC."
        )
    return index.tz_convert("UTC").as_unit("us").rename("ts")


def _is_utc_index(values: object) -> TypeGuard[pd.DatetimeIndex]:
    if type(values) is not pd.DatetimeIndex:
        return False
    return values.tz is UTC and values.unit == "us" and values.freq is None


def normalize_bars(frame: pd.DataFrame) -> pd.DataFrame:
    """The same bars with the contract's index, columns and types; nothing is sorted or repaired.

    `frame` has `ts` as index or column. Raises `DataQualityError` naming a missing column or a
    column that is not numeric.
    """
    if "ts" in frame.columns:
        frame = frame.set_index("ts")
    missing = [column for column in BAR_COLUMNS if column not in frame.columns]
    if missing:
        raise DataQualityError(
            f"Bars lack the column(s) {', '.join(missing)}; they need {', '.join(BAR_COLUMNS)} and "
            f"an index ts. Found: {', '.join(map(str, frame.columns))}.",
            missing=missing,
        )
    twice = sorted({str(c) for c in frame.columns[frame.columns.duplicated()] if c in BAR_COLUMNS})
    if twice:
        raise DataQualityError(
            f"Bars have the column(s) {', '.join(twice)} twice; keep one.", duplicated=twice
        )
    columns = {name: _floats(frame[name]).to_numpy() for name in BAR_COLUMNS}
    return pd.DataFrame(columns, index=utc_index(frame.index))


def _floats(column: pd.Series) -> pd.Series:
    if column.dtype == np.float64:
        return column
    try:
        return column.astype("float64")
    except (TypeError, ValueError) as error:
        raise DataQualityError(
            f"The column {column.name!r} of the bars is not numeric: {error}.", column=column.name
        ) from error


def empty_bars() -> pd.DataFrame:
    """Bars with no row and the right types."""
    return pd.DataFrame(
        {column: pd.Series(dtype="float64") for column in BAR_COLUMNS},
        index=pd.DatetimeIndex([], dtype=TS_DTYPE, name="ts"),
    )
