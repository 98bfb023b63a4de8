"""Labels: what a model is asked to forecast. Returns are fractions, not percent.

The trade behind the label of bar t enters at the open of bar t+1 and exits at the close of bar t+h,
or earlier at a barrier, on forward-adjusted prices. Its features are known at `t0`, its label at
`t1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS, TS_DTYPE
from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean
from trading_pipeline.features.arrays import BoolArray, FloatArray, IntArray
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
    """Labels of one series, and how many bars got none.

    `frame`: index ts, columns t0 and t1 (datetime64[us, UTC]) and label (float64, never NaN), or
    the columns of the path; barriers add `ambiguous`, `exit_return` and `side`. `unfinished`: bars
    whose label is not known yet. `dead_zone`: bars whose return lies on or inside the dead zone.
    `unscaled`: bars without a positive volatility before them (after them for `volatility`), or
    without a side. Every bar is
    counted in exactly one of the four.
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
    """Labels of `bars`, one row for each bar that has a label whose outcome is known.

    The forward return of bar t over h bars is `close[t+h] / open[t+1] - 1`; `t0 = known_at[t]` and
    `t1 = known_at[t+h]`, or with barriers that of the bar that touches one. Bars are counted by
    position: a session missing from `bars` does not count. Kinds:

    - `forward_return`: that number; `scaled_return`: its log in volatilities of the last
      `volatility_bars` one-bar log returns, times the root of h.
    - `direction`: 1.0 above the dead zone, 0.0 below it, no row on or inside it (a dead zone of 0
      drops only returns of exactly 0); `three_way`: 1.0, -1.0, and 0.0 on or inside it.
    - `triple_barrier` and `meta_label`: see `barriers.py`.
    - `volatility`: root of the mean squared log return of the bars t+1 to t+h, close to close (of
      one bar; not annualized); a bar after which no price moves has none.
    - `ohlc_path`: for each step k up to h `close_k`, log of close over bar t's close, `body_k`, log
      of close over open of that bar, and the wicks `upper_k`, `lower_k`, 0 or more, in logs.

    Parameters
    ----------
    bars
        Forward-adjusted bars, ts increasing.
    known_at
        The moment at which each of them is known.
    side
        For a meta-label: one number a bar, above 0 long, below 0 short, 0 or NaN none.

    Raises
    ------
    DataQualityError
        For stamps or a side that do not fit the bars, and for a price that is not above 0 where a
        label needs it.
    ConfigurationError
        For an unknown kind, a horizon below 1, or a meta-label without a side.
    """
    _check_spec(spec)
    known = _check_clock(bars, known_at)
    if spec.type == "ohlc_path":
        return _path(spec, bars, known)
    if spec.type in ("triple_barrier", "meta_label"):
        return _barriers(spec, bars, known, side)
    if spec.type == "volatility":
        return _volatility(spec, bars, known)
    return _returns(spec, bars, known)


def _returns(spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex) -> Labels:
    horizon = spec.horizon_bars
    rows = max(len(bars) - horizon, 0)
    entry = _prices(bars.iloc[1 : rows + 1], "open")
    forward = _prices(bars.iloc[horizon : horizon + rows], "close") / entry - 1.0
    values, kept, unscaled = forward, np.ones(rows, dtype=bool), 0
    width = spec.dead_zone_bps * _BASIS_POINTS
    if spec.type == "direction":
        kept = np.abs(forward) > width
        values = np.where(forward > width, 1.0, 0.0)
    elif spec.type == "three_way":
        values = np.where(np.abs(forward) > width, np.sign(forward), 0.0)
    elif spec.type == "scaled_return":
        close = _prices(bars.iloc[:rows], "close")
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


def _volatility(spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex) -> Labels:
    horizon = spec.horizon_bars
    rows = max(len(bars) - horizon, 0)
    returns = np.diff(np.log(_prices(bars, "close")))
    windows = np.lib.stride_tricks.sliding_window_view(returns**2, horizon) if rows else None
    values = np.empty(0) if windows is None else np.sqrt(windows.mean(axis=1))[:rows]
    kept = values > 0.0
    return Labels(
        frame=_frame(bars, known, np.arange(rows) + horizon, kept, {"label": values}),
        unfinished=len(bars) - rows,
        dead_zone=0,
        unscaled=int(rows - kept.sum()),
    )


def _barriers(
    spec: LabelSpec, bars: pd.DataFrame, known: pd.DatetimeIndex, side: pd.Series | None
) -> Labels:
    for column in PRICE_COLUMNS:
        _prices(bars, column)
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
    opened, high, low, close = (np.log(_prices(bars, column)) for column in PRICE_COLUMNS)
    upper = np.maximum(high - np.maximum(opened, close), 0.0)
    lower = np.maximum(np.minimum(opened, close) - low, 0.0)
    columns: dict[str, FloatArray] = {}
    for step in range(1, horizon + 1):
        at = slice(step, step + rows)
        columns |= {
            f"close_{step}": close[at] - close[:rows],
            f"body_{step}": (close - opened)[at],
            f"upper_{step}": upper[at],
            f"lower_{step}": lower[at],
        }
    kept = np.ones(rows, dtype=bool)
    frame = _frame(bars, known, np.arange(rows) + horizon, kept, columns)
    return Labels(frame=frame, unfinished=len(bars) - rows, dead_zone=0)


def _frame(
    bars: pd.DataFrame,
    known: pd.DatetimeIndex,
    ends: IntArray,
    kept: BoolArray,
    columns: Mapping[str, FloatArray],
) -> pd.DataFrame:
    rows = len(kept)
    stamps = {"t0": known[:rows][kept], "t1": known[ends[kept]]}
    values = {name: column[kept] for name, column in columns.items()}
    frame = pd.DataFrame({**stamps, **values}, index=bars.index[:rows][kept].rename("ts"))
    return frame.astype({"t0": TS_DTYPE, "t1": TS_DTYPE} | dict.fromkeys(values, "float64"))


def _check_side(bars: pd.DataFrame, side: pd.Series | None) -> FloatArray:
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
            "known_at of exactly the bars that are labelled, one stamp each.",
            bars=len(bars),
            known_at=len(known_at),
        )
    for name, index in (("ts", bars.index), ("known_at", known_at)):
        if len(index) and not (index.is_monotonic_increasing and index.is_unique):
            raise DataQualityError(
                f"The stamps {name} of the bars do not increase from row to row, so a label's end "
                "is not defined. Sort the bars by ts and drop duplicates.",
                clock=name,
            )
    return pd.DatetimeIndex(known_at)


def _prices(bars: pd.DataFrame, column: str) -> FloatArray:
    """A column of prices, each of which must be a finite number above 0."""
    values = bars[column].to_numpy(dtype="float64")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if wrong.size:
        where = bars.index[wrong[0]]
        raise DataQualityError(
            f"The {column} of bar {where} is {values[wrong[0]]}; a return needs a finite price "
            "above 0. Fix or reject the bar before labels are computed.",
            ts=where,
            column=column,
            value=float(values[wrong[0]]),
        )
    return values
