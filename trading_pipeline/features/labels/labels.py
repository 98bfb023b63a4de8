"""This file holds the labels: what a model is asked to forecast. Returns are fractions, not percent.

A label of bar t is entered at the open of bar t+1 and left at the close of bar t+h, or at a barrier
before it, on forward-adjusted prices. `t0` is the moment its features are known, `t1` the moment
the label is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS, TS_DTYPE
from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean
from trading_pipeline.features.labels.barriers import (
    meta_label,
    trailing_volatility,
    triple_barrier,
)
from trading_pipeline.settings.label_spec import LabelKind, LabelSpec

__all__ = ["LABEL_COLUMNS", "LABEL_KINDS", "Labels", "compute_labels"]

LABEL_COLUMNS = ("t0", "t1", "label")
LABEL_KINDS: tuple[str, ...] = get_args(LabelKind)
_BASIS_POINTS = 1e-4


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels of one series and the bars that got none.

    `frame`: index ts, columns t0 and t1 (datetime64[us, UTC]) and label (float64, never NaN), or
    the columns of the path; barriers add `ambiguous`, `exit_return` and `side`. `unfinished`: bars
    whose label is not known yet. `dead_zone`: bars whose return is not beyond the dead zone on
    either side. `unscaled`: bars without a volatility above 0 before them, or without a side. Every
    bar is in exactly one of the four.
    """

    frame: pd.DataFrame
    unfinished: int
    dead_zone: int
    unscaled: int = 0


def compute_labels(
    spec: LabelSpec,
    bars: pd.DataFrame,
    known_at: pd.DatetimeIndex,
    *,
    side: pd.Series | None = None,
) -> Labels:
    """Labels of `bars`, one row for each bar whose outcome is known and that has one.

    The forward return of bar t over h bars is `close[t+h] / open[t+1] - 1`; `t0 = known_at[t]` and
    `t1 = known_at[t+h]`, with barriers that of the bar that touches one. A bar is counted by
    position: a session that is missing from `bars` is no bar. Kinds:

    - `forward_return`: that number; `scaled_return`: its log in volatilities of the last
      `volatility_bars` one-bar log returns, times the root of h.
    - `direction`: 1.0 above the dead zone, 0.0 below it, and no row on or inside it (with a dead zone
      of 0 a return of exactly 0 has none); `three_way`: 1.0, -1.0, and 0.0 on or inside it.
    - `triple_barrier` and `meta_label`: see `label_barriers`; the latter needs `side`, one number a
      bar (above 0 long, below 0 short, 0 or NaN none).
    - `ohlc_path`: for each step k up to h `close_k`, log of close over bar t's close, `body_k`, log of
      close over open of that bar, and the wicks `upper_k`, `lower_k`, 0 or more, in logs.

    `bars`: forward-adjusted bars, ts increasing. `known_at`: one stamp for each of them.
    Raises `DataQualityError` for stamps or a side that do not fit the bars, and for a price that is
    not above 0 where a label needs it; `ConfigurationError` for an unknown kind, a horizon below 1,
    or a meta-label without a side.
    """
    _check_spec(spec)
    known = _check_clock(bars, known_at)
    if spec.type == "ohlc_path":
        return _path(spec, bars, known)
    if spec.type in ("triple_barrier", "meta_label"):
        return _barriers(spec, bars, known, side)
    return _returns(spec, bars, known)


def _returns(spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex) -> Labels:
    horizon = spec.horizon_bars
    rows = max(len(bars) - horizon, 0)
    entry = bars["open"].to_numpy(dtype="float64")[1 : rows + 1]
    leave = bars["close"].to_numpy(dtype="float64")[horizon : horizon + rows]
    _check_prices(bars.index[1 : rows + 1], entry, "open")
    _check_prices(bars.index[horizon : horizon + rows], leave, "close")
    forward = leave / entry - 1.0
    values, kept, unscaled = forward, np.ones(rows, dtype=bool), 0
    width = spec.dead_zone_bps * _BASIS_POINTS
    if spec.type == "direction":
        kept = np.abs(forward) > width
        values = np.where(forward > width, 1.0, 0.0)
    elif spec.type == "three_way":
        values = np.where(np.abs(forward) > width, np.sign(forward), 0.0)
    elif spec.type == "scaled_return":
        close = bars["close"].to_numpy(dtype="float64")[:rows]
        _check_prices(bars.index[:rows], close, "close")
        scale = trailing_volatility(close, spec.volatility_bars or 0) * np.sqrt(horizon)
        kept = scale > 0.0
        unscaled = int(rows - kept.sum())
        values = np.log1p(forward) / np.where(kept, scale, 1.0)
    return Labels(
        frame=_frame(bars, known, np.arange(rows) + horizon, kept, {"label": values}),
        unfinished=len(bars) - rows,
        dead_zone=int(rows - kept.sum()) - unscaled,
        unscaled=unscaled,
    )


def _barriers(
    spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex, side: pd.Series | None
) -> Labels:
    for column in PRICE_COLUMNS:
        _check_prices(bars.index, bars[column].to_numpy(dtype="float64"), column)
    if spec.type == "triple_barrier":
        found = triple_barrier(spec, bars)
    else:
        found = meta_label(spec, bars, _check_side(bars, side))
    kept = found.ends >= 0
    return Labels(
        frame=_frame(bars, known, found.ends, kept, found.columns),
        unfinished=int((found.usable & ~kept).sum()),
        dead_zone=0,
        unscaled=int((~found.usable).sum()),
    )


def _path(spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex) -> Labels:
    horizon = spec.horizon_bars
    rows = max(len(bars) - horizon, 0)
    prices = {}
    for column in PRICE_COLUMNS:
        values = bars[column].to_numpy(dtype="float64")
        _check_prices(bars.index, values, column)
        prices[column] = np.log(values)
    opened, close = prices["open"], prices["close"]
    upper = np.maximum(prices["high"] - np.maximum(opened, close), 0.0)
    lower = np.maximum(np.minimum(opened, close) - prices["low"], 0.0)
    columns = {}
    for step in range(1, horizon + 1):
        at = slice(step, step + rows)
        columns[f"close_{step}"] = close[at] - close[:rows]
        columns[f"body_{step}"] = (close - opened)[at]
        columns[f"upper_{step}"], columns[f"lower_{step}"] = upper[at], lower[at]
    kept = np.ones(rows, dtype=bool)
    frame = _frame(bars, known, np.arange(rows) + horizon, kept, columns)
    return Labels(frame=frame, unfinished=len(bars) - rows, dead_zone=0)


def _frame(
    bars: pd.DataFrame,
    known: pd.DatetimeIndex,
    ends: npt.NDArray[np.int64],
    kept: npt.NDArray[np.bool_],
    columns: Mapping[str, npt.NDArray[np.float64]],
) -> pd.DataFrame:
    rows = len(kept)
    stamps = {"t0": known[:rows][kept], "t1": known[ends[kept]]}
    values = {name: column[kept] for name, column in columns.items()}
    frame = pd.DataFrame({**stamps, **values}, index=bars.index[:rows][kept].rename("ts"))
    return frame.astype({"t0": TS_DTYPE, "t1": TS_DTYPE} | dict.fromkeys(values, "float64"))


def _check_side(bars: pd.DataFrame, side: pd.Series | None) -> npt.NDArray[np.float64]:
    if side is None:
        raise ConfigurationError(
            "A meta-label says whether a primary signal was right, so it needs that signal: give "
            "side, one number a bar, above 0 for long and below 0 for short."
        )
    if not side.index.equals(bars.index):
        raise DataQualityError(
            f"The side has {len(side)} rows and the bars have {len(bars)}, or other stamps; give "
            "one number for each bar, with the same index."
        )
    return side.to_numpy(dtype="float64")


def _check_spec(spec: LabelSpec) -> None:
    if spec.type not in LABEL_KINDS:
        raise ConfigurationError(
            f"There is no label kind {spec.type!r}. {did_you_mean(str(spec.type), LABEL_KINDS)}",
            name=spec.type,
        )
    if spec.horizon_bars < 1 or spec.dead_zone_bps < 0:
        raise ConfigurationError(
            f"A label over {spec.horizon_bars} bars with a dead zone of {spec.dead_zone_bps} bps "
            "cannot be computed: horizon_bars must be 1 or more, dead_zone_bps 0 or more.",
            horizon_bars=spec.horizon_bars,
            dead_zone_bps=spec.dead_zone_bps,
        )


def _check_clock(bars: pd.DataFrame, known_at: pd.DatetimeIndex) -> pd.DatetimeIndex:
    if len(known_at) != len(bars):
        raise DataQualityError(
            f"There are {len(bars)} bars and {len(known_at)} moments at which they are known. Give "
            "known_at of the very bars that are labelled, one stamp each.",
            bars=len(bars),
            known_at=len(known_at),
        )
    for name, index in (("ts", bars.index), ("known_at", known_at)):
        if len(index) and not (index.is_monotonic_increasing and index.is_unique):
            raise DataQualityError(
                f"The stamps {name} of the bars do not increase from row to row, so a label's end "
                "is not defined. Sort the bars by ts and drop what stands there twice.",
                clock=name,
            )
    return pd.DatetimeIndex(known_at)


def _check_prices(index: pd.Index, values: np.ndarray, column: str) -> None:
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if wrong.size:
        where = index[wrong[0]]
        raise DataQualityError(
            f"The {column} of bar {where} is {values[wrong[0]]}; a return needs a finite price "
            "above 0. Mend or reject the bar before labels are computed.",
            ts=where,
            column=column,
            value=float(values[wrong[0]]),
        )
