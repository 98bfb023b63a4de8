"""This file holds the labels: what a model is asked to forecast. Returns are fractions, not percent.

A label of bar t is entered at the open of bar t+1 and left at the close of bar t+h, on
forward-adjusted prices. `t0` is the moment its features are known, `t1` the moment the label is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean

if TYPE_CHECKING:
    from trading_pipeline.settings.model_spec import LabelSpec

__all__ = ["LABEL_COLUMNS", "LABEL_KINDS", "Labels", "compute_labels"]

LABEL_COLUMNS = ("t0", "t1", "label")
LABEL_KINDS = ("direction", "forward_return")
_BASIS_POINTS = 1e-4


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels of one series and the bars that got none.

    `frame`: index ts, columns t0 and t1 (datetime64[us, UTC]) and label (float64, never NaN).
    `unfinished`: last bars whose exit bar is not there yet. `dead_zone`: bars whose return is not
    beyond the dead zone on either side. Every bar is in exactly one of the three.
    """

    frame: pd.DataFrame
    unfinished: int
    dead_zone: int


def compute_labels(spec: LabelSpec, bars: pd.DataFrame, known_at: pd.DatetimeIndex) -> Labels:
    """Labels of `bars`, one row for each bar whose outcome is known and outside the dead zone.

    The forward return of bar t over h bars is `close[t+h] / open[t+1] - 1`; `t0 = known_at[t]` and
    `t1 = known_at[t+h]`. Kind `forward_return` is that number; `direction` is 1.0 above the dead
    zone, 0.0 below it, and has no row on or inside it (with a dead zone of 0 a return of exactly 0
    has none). A bar is counted by position: a session that is missing from `bars` is no bar.

    `bars`: forward-adjusted bars, ts increasing. `known_at`: one stamp for each of them.
    Raises `DataQualityError` for stamps that do not fit the bars, and for a price that is not above
    0 where a label needs it; `ConfigurationError` for an unknown kind or a horizon below 1.
    """
    horizon = spec.horizon_bars
    _check_spec(spec)
    known = _check_clock(bars, known_at)
    rows = max(len(bars) - horizon, 0)
    entry = bars["open"].to_numpy(dtype="float64")[1 : rows + 1]
    leave = bars["close"].to_numpy(dtype="float64")[horizon : horizon + rows]
    _check_prices(bars.index[1 : rows + 1], entry, "open")
    _check_prices(bars.index[horizon : horizon + rows], leave, "close")
    forward = leave / entry - 1.0
    if spec.type == "direction":
        width = spec.dead_zone_bps * _BASIS_POINTS
        kept = np.abs(forward) > width
        values = np.where(forward > width, 1.0, 0.0)
    else:
        kept = np.ones(rows, dtype=bool)
        values = forward
    frame = pd.DataFrame(
        {
            "t0": known[:rows][kept],
            "t1": known[horizon : horizon + rows][kept],
            "label": values[kept],
        },
        index=bars.index[:rows][kept].rename("ts"),
    )
    return Labels(
        frame=frame.astype({"t0": TS_DTYPE, "t1": TS_DTYPE, "label": "float64"}),
        unfinished=len(bars) - rows,
        dead_zone=int(rows - kept.sum()),
    )


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
            f"The {column} of bar {where} is {values[wrong[0]]}; a return needs a finite price above "
            "0. Mend or reject the bar before labels are computed.",
            ts=where,
            column=column,
            value=float(values[wrong[0]]),
        )
