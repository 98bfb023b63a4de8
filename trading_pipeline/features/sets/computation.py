"""Compute the columns of a feature set over forward-adjusted bars, and check what comes out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS
from trading_pipeline.errors import DataQualityError
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec, FloatArray

__all__ = ["compute_features"]


def compute_features(
    feature_set: FeatureSet,
    bars: pd.DataFrame,
    *,
    context: FeatureContext | None = None,
    complete: bool = True,
) -> pd.DataFrame:
    """The features of forward-adjusted `bars`: same index, one float64 column a feature.

    Row i of a column is NaN for i < warmup and a finite number from there on; nothing is filled.
    Fewer bars than the warm-up give NaN only. The warm-up of features that take the context begins
    at the first bar at which all inputs of the context were known. Volume may be 0 throughout.
    `context` is needed for intraday bars by features that read sessions, and by those of coarser
    bars. The frame is one block of 8 bytes a value, and what a formula needs besides is let go
    before the next one. With `complete=False` NaN after the warm-up is left for an audit to judge.

    Raises `DataQualityError` for bars that are not in increasing order, have a NaN, an infinite
    value, a price of 0 or less or a negative volume, and, by name, for a feature that gives another
    length, an infinite value, or NaN after its warm-up.
    """
    _check_bars(bars)
    _keep_freed_memory()
    specs = feature_set.specs
    context = None if context is None else context.at(bars.index)
    warmups = [_warmup(spec, context) for spec in specs]
    block = np.empty((len(specs), len(bars)))
    together: dict[str, list[int]] = {}
    for place, spec in enumerate(specs):
        if len(bars) > warmups[place]:
            together.setdefault(_computed_as(spec), []).append(place)
        else:
            block[place] = np.nan
    for places in together.values():
        given = specs[places[0]].given(bars, context)
        for place in places:
            part = specs[place].part
            values = given if part is None else given[part]
            _fill(block[place], specs[place], values, bars, warmups[place])
            if complete or np.isinf(block[place]).any():
                _check_values(block[place], specs[place], bars, warmups[place])
        given = None
    return pd.DataFrame(
        block.T, index=bars.index.rename("ts"), columns=list(feature_set.columns), copy=False
    )


@cache
def _keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB for reuse; it does once a block of 32 MB has been freed.

    Otherwise each column's scratch arrays are mapped, paged in and given back again, which takes
    longer than the arithmetic. The block itself is never touched.
    """
    np.empty(31 * 2**20, dtype=np.uint8)


def _warmup(spec: FeatureSpec, context: FeatureContext | None) -> int:
    unknown = context.inputs.unknown_rows if context is not None and spec.needs_context else 0
    return unknown + spec.warmup_in(context)


def _computed_as(spec: FeatureSpec) -> str:
    """Equal for features that one call gives; only those with a part share one."""
    if spec.part is None:
        return spec.name
    where = f"{spec.compute.__module__}.{spec.compute.__qualname__}"
    return f"{where} {sorted(spec.parameters.items())}"


def _fill(row: FloatArray, spec: FeatureSpec, given: Any, bars: pd.DataFrame, warmup: int) -> None:
    values = np.asarray(given, dtype="float64")
    if values.shape != (len(bars),):
        raise DataQualityError(
            f"The feature {spec.name!r} gave values of shape {values.shape} for {len(bars)} bars; "
            "it must give one number for each bar.",
            feature=spec.name,
            shape=values.shape,
        )
    row[:warmup] = np.nan
    row[warmup:] = values[warmup:]


def _check_values(row: FloatArray, spec: FeatureSpec, bars: pd.DataFrame, warmup: int) -> None:
    # a sum is finite where all values are; only otherwise is it worth looking at each
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(row[warmup:].sum()):
            return
    wrong = np.flatnonzero(~np.isfinite(row[warmup:]))
    if wrong.size:
        place = warmup + int(wrong[0])
        raise DataQualityError(
            f"The feature {spec.name!r} is {row[place]} at {bars.index[place]} (row {place}), "
            f"after its warm-up of {warmup} bars. Give the case a value in its formula, or declare "
            "a longer warm-up; nothing is filled.",
            feature=spec.name,
            ts=bars.index[place],
            row=place,
            value=float(row[place]),
        )


def _check_bars(bars: pd.DataFrame) -> None:
    missing = [column for column in BAR_COLUMNS if column not in bars.columns]
    if missing:
        raise DataQualityError(
            f"Bars lack the column(s) {', '.join(missing)}; features need "
            f"{', '.join(BAR_COLUMNS)}.",
            missing=missing,
        )
    if not (bars.index.is_monotonic_increasing and bars.index.is_unique):
        raise DataQualityError(
            "The bars are not in increasing order of ts, or one occurs twice; features of such "
            "bars mean nothing. Sort them and drop the copies."
        )
    for column in BAR_COLUMNS:
        values = bars[column].to_numpy(dtype="float64")
        low = 0.0 if column not in PRICE_COLUMNS else np.nextafter(0.0, 1.0)
        # a comparison with NaN is False
        if not len(values) or (values.min() >= low and values.max() < np.inf):
            continue
        low_enough = values >= low
        wrong = np.flatnonzero(~(np.isfinite(values) & low_enough))
        if wrong.size:
            row = int(wrong[0])
            raise DataQualityError(
                f"The {column} of bar {bars.index[row]} is {values[row]}; features need finite "
                "prices above 0 and volumes of 0 or more. Fix or reject the bar first.",
                ts=bars.index[row],
                row=row,
                column=column,
                value=float(values[row]),
            )
