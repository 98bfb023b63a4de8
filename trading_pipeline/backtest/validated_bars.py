"""Bars that were checked once and are ready for the kernel.

Prices as traded, account currency per unit; `ts` in microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numba import njit

from trading_pipeline.backtest.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.domain.bar_year import BarYear, bar_year_of
from trading_pipeline.domain.bars import BAR_COLUMNS, normalize_bars, utc_index
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.price_rounding import widen_rounded
from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.settings.backtest_settings import SessionClose

__all__ = ["ActionRows", "ValidatedBars", "validate_bars", "validate_with_actions"]

ActionRows: TypeAlias = tuple[IntArray, FloatArray]
"""Bars and effects of corporate actions, see `ValidatedBars.action_rows`."""

_COLUMNS = list(BAR_COLUMNS)
_DAY = 86_400_000_000
_LEAST_SPLIT = 1.4
_UNUSUAL = 8.0
_NO_TIME = np.iinfo(np.int64).min
_PROBLEMS = {
    1: "has {field} {value}, which is not a finite price above 0",
    2: "has a high of {high}, below its open {open} or close {close}",
    3: "has a low of {low}, above its open {open} or close {close}",
    4: "has a volume of {volume}, which is not 0 or more",
    5: "is not later than the bar before it",
    6: "has no time stamp",
}

_OUTSIDE = (2, 3)
"""Problems that may be no more than rounding."""


@dataclass(frozen=True, eq=False)
class ValidatedBars:
    """Bars of one instrument that passed every check; make them with `validate_bars`.

    Reuse one object over many runs: the checks and conversions then happen once. `price_rounding`:
    bars whose high or low was widened to open or close by at most 1.2e-7 of the price, the rounding
    of 32-bit floats.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    stamps: pd.DatetimeIndex
    price_rounding: int = 0
    _kept_actions: tuple[tuple[CorporateAction, ...], ActionRows] | None = field(
        default=None, init=False, repr=False
    )

    def __len__(self) -> int:
        """Number of bars."""
        return int(self.ts.shape[0])

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Aware UTC stamps of the bars; made when first asked for, as no run needs it."""
        return utc_index(self.stamps)

    def part(self, first: int, last: int) -> ValidatedBars:
        """The bars from `first` up to, without, `last`, at least one; arrays are shared.

        Parts of checked bars need no check. Those of widened ones do not know how many of theirs
        were: `ValueError`.
        """
        if self.price_rounding:
            raise ValueError("Which of these bars were widened is not known; validate the part.")
        columns = {name: getattr(self, name)[first:last] for name in BAR_COLUMNS}
        return ValidatedBars(ts=self.ts[first:last], stamps=self.index[first:last], **columns)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The bars as the contract's frame; made when first asked for, apart from the arrays."""
        columns = {name: getattr(self, name).copy() for name in BAR_COLUMNS}
        return pd.DataFrame(columns, index=self.index)

    @cached_property
    def days(self) -> IntArray:
        """Days since 1970-01-01 UTC, one a bar."""
        return np.floor_divide(self.ts, _DAY)

    @cached_property
    def bar_year(self) -> BarYear:
        """How many of these bars a year has; `ConfigurationError` where stamps do not tell."""
        return bar_year_of(self.ts)

    @cached_property
    def split_like(self) -> IntArray:
        """Bars whose open is near a split's multiple of the close before, far beyond usual moves.

        Usual is the median size of the closes' log returns; a split is `_UNUSUAL` times as large.
        """
        if not _has_far_open(self.open, self.close):
            return _NO_ROWS[0]
        # imported when a jump is there, as calendars come with it
        from trading_pipeline.market_data.quality.warnings import is_level_shift

        ratio = self.open[1:] / self.close[:-1]
        usual = float(np.median(np.abs(np.diff(np.log(self.close)))))
        near = is_level_shift(ratio) & (np.abs(np.log(ratio)) > _UNUSUAL * usual)
        return np.flatnonzero(near) + 1

    def local_days(self, zone: str) -> IntArray:
        """Days since 1970-01-01 in a time zone, one a bar; summer time is followed."""
        return np.floor_divide(_local_time(self.index, zone), _DAY)

    def session_ends(self, close: str, zone: str) -> BoolArray:
        """True on the last bar of each local date that opens before the local time `close`.

        Whether the last bar of all is one is told from its distance to the bar before it.
        """
        hour, minute = close.split(":")
        bell = (int(hour) * 60 + int(minute)) * 60_000_000
        local = _local_time(self.index, zone)
        day, time = np.floor_divide(local, _DAY), np.mod(local, _DAY)
        ends = np.zeros(len(self), dtype=np.bool_)
        ends[:-1] = (time[:-1] < bell) & ((day[1:] != day[:-1]) | (time[1:] >= bell))
        if len(self) > 1 and day[-1] == day[-2]:
            ends[-1] = time[-1] < bell <= time[-1] + local[-1] - local[-2]
        return ends

    def session_warning(self, rule: SessionClose | None) -> tuple[str, ...]:
        """A sentence where the rule closes nothing: bars of several dates of which none ends a
        session.
        """
        if rule is None or self.session_ends(rule.time, rule.zone).any():
            return ()
        days = self.local_days(rule.zone)
        if days[0] == days[-1]:
            return ()
        return (
            f"No position is ever closed at {rule.time} {rule.zone}: of {len(self)} bars from "
            f"{self.index[0]} to {self.index[-1]} none opens before it on its local date with a "
            "later bar behind (a daily bar has its date as stamp). Positions are held over night.",
        )

    def action_rows(self, actions: Sequence[CorporateAction] | None) -> ActionRows:
        """Bar and effect of the actions, in the order in which they apply.

        Returns `(bar, effect)`: bar is the first one on or after the ex-date, effect has the
        columns split ratio (1 for none) and cash a share (0 for none). On one date the split
        comes first: dividends are stated per share as traded that day. Actions after the last bar
        are left out, and so are those on the first bar, before which nothing can be held. The
        arrays may be shared and are read-only; the rows of the last actions are kept for later
        runs.
        """
        if not actions:
            return _NO_ROWS
        given = tuple(actions)
        if self._kept_actions is None or self._kept_actions[0] != given:
            rows = self._action_rows(given)
            object.__setattr__(self, "_kept_actions", (given, rows))
            return rows
        return self._kept_actions[1]

    def _action_rows(self, actions: tuple[CorporateAction, ...]) -> ActionRows:
        owners = sorted({action.instrument for action in actions})
        if len(owners) > 1:
            raise ConfigurationError(
                f"The corporate actions belong to {len(owners)} instruments "
                f"({', '.join(owners[:5])}); give those of the traded instrument only.",
                instruments=owners,
            )
        rows: list[tuple[int, int, float, float]] = []
        for action in actions:
            ex_day = (action.ex_date - _EPOCH).days
            bar = int(np.searchsorted(self.days, ex_day, side="left"))
            if 0 < bar < len(self):
                is_split = action.kind == "split"
                ratio, cash = (action.value, 0.0) if is_split else (1.0, action.value)
                rows.append((ex_day, 0 if is_split else 1, ratio, cash))
        if not rows:
            return _NO_ROWS
        rows.sort()
        bars = np.searchsorted(self.days, np.array([row[0] for row in rows], dtype=np.int64))
        effects = np.array([row[2:] for row in rows], dtype=np.float64).reshape(-1, 2)
        found = bars.astype(np.int64), effects
        for values in found:
            values.setflags(write=False)
        return found


_NO_ROWS = np.empty(0, dtype=np.int64), np.empty((0, 2))
for _values in _NO_ROWS:
    _values.setflags(write=False)  # one pair for all bars without actions
_EPOCH = pd.Timestamp("1970-01-01").date()


def _local_time(index: pd.DatetimeIndex, zone: str) -> IntArray:
    """Wall-clock microseconds since 1970-01-01 00:00 of the zone's own clocks."""
    local = index.tz_convert(zone).tz_localize(None).as_unit("us")
    return local.to_numpy().view(np.int64)


def validate_bars(bars: pd.DataFrame | ValidatedBars) -> ValidatedBars:
    """Check bars once: order, finite prices above 0, high and low around open and close, volume.

    `bars`: the contract's frame (`domain.bars`), as traded. Volume may be NaN-free zero (indices).
    Raises `InsufficientDataError` for no row and `DataQualityError` naming the first bad bar and
    its values; nothing is sorted or repaired, but for the rounding of 32-bit prices, see
    `ValidatedBars.price_rounding`.
    """
    if isinstance(bars, ValidatedBars):
        return bars
    if not isinstance(bars, pd.DataFrame):
        raise DataQualityError(
            f"Bars are a {type(bars).__name__}; give a DataFrame with an aware UTC index ts and "
            f"the columns {', '.join(BAR_COLUMNS)}."
        )
    table = _plain_table(bars)
    if table is None:
        bars = normalize_bars(bars)
        table = bars.to_numpy().T
    if not table.shape[1]:
        raise InsufficientDataError(
            "There are no bars to trade on. Fetch the range first, or choose dates that have bars.",
            rows=0,
        )
    stamps: Any = bars.index
    ts = np.array(stamps.asi8)
    rows = np.array(table, dtype=np.float64, order="C")  # a copy: the caller may change its frame
    columns = dict(zip(BAR_COLUMNS, rows, strict=True))
    row, problem = _first_problem(ts, *rows)
    widened = 0
    if problem in _OUTSIDE:
        widened = _widen(rows)
        row, problem = _first_problem(ts, *rows)
    if row >= 0:
        raise _bad_bar(normalize_bars(bars), row, problem)
    for values in (ts, *columns.values()):
        values.setflags(write=False)
    return ValidatedBars(ts=ts, stamps=stamps, **columns, price_rounding=widened)


def validate_with_actions(
    bars: pd.DataFrame | ValidatedBars | BarsWithActions,
    actions: Sequence[CorporateAction] | None,
) -> tuple[ValidatedBars, Sequence[CorporateAction] | None]:
    """Checked bars, and actions: those given, else those that came with the bars, else None.

    None: nobody said whether there were any. Raises as `validate_bars` does.
    """
    if isinstance(bars, BarsWithActions):
        return validate_bars(bars.bars), bars.actions if actions is None else actions
    return validate_bars(bars), actions


def _widen(rows: FloatArray) -> int:
    """Widen highs and lows in place where rounding to 32 bits moved them; how many bars changed."""
    found = widen_rounded(*rows[:4])
    rows[1], rows[2] = found.high, found.low
    return int(np.count_nonzero(found.moved))


def _plain_table(bars: pd.DataFrame) -> FloatArray | None:
    """The columns as rows of one array where the frame has the contract's form already, else None.

    The way through `normalize_bars` costs some hundred microseconds, more than a run of 5,000 bars.
    """
    index = bars.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None or index.unit != "us":
        return None
    if bars.columns.tolist() != _COLUMNS:
        return None
    table = bars.to_numpy()
    return table.T if table.dtype == np.float64 else None


def _bad_bar(frame: pd.DataFrame, row: int, problem: int) -> DataQualityError:
    values = {name: float(frame[name].iloc[row]) for name in BAR_COLUMNS}
    stamp = frame.index[row]
    bad = next((n for n in BAR_COLUMNS[:4] if not 0.0 < values[n] < np.inf), "open")
    detail = _PROBLEMS[problem].format(field=bad, value=values[bad], **values)
    if problem == 5:
        detail += f" ({frame.index[row - 1]}); stamps must rise, each once"
    return DataQualityError(
        f"Bar {row} ({stamp}) {detail}. Correct or leave out that bar; nothing is repaired here.",
        row=row,
        ts=stamp,
        **values,
    )


@njit(cache=True, nogil=True)
def _has_far_open(open_: FloatArray, close: FloatArray) -> bool:
    """True where an open is as far from the close before as at the smallest split."""
    far = np.uint8(0)
    for i in range(1, open_.shape[0]):
        up = open_[i] > _LEAST_SPLIT * close[i - 1]
        far |= np.uint8(up | (open_[i] * _LEAST_SPLIT < close[i - 1]))
    return bool(far)


@njit(cache=True, nogil=True)
def _first_problem(
    ts: IntArray,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
) -> tuple[int, int]:
    """Row and number of the first problem, or (-1, 0); comparisons with NaN are False."""
    # One pass without a branch, which the compiler turns into vectors; only bad bars need another.
    bad = np.uint8(ts[0] == _NO_TIME)
    for i in range(1, ts.shape[0]):
        bad |= np.uint8(ts[i] <= ts[i - 1])
    for i in range(ts.shape[0]):
        o, h, lo, c, v = open_[i], high[i], low[i], close[i], volume[i]
        inside = (lo <= o) & (lo <= c) & (h >= o) & (h >= c)
        bad |= np.uint8(not (inside & (lo > 0.0) & (h < np.inf) & (v >= 0.0) & (v < np.inf)))
    if not bad:
        return -1, 0
    for i in range(ts.shape[0]):
        o, h, lo, c = open_[i], high[i], low[i], close[i]
        if not (0.0 < o < np.inf and 0.0 < h < np.inf and 0.0 < lo < np.inf and 0.0 < c < np.inf):
            return i, 1
        if h < o or h < c:
            return i, 2
        if lo > o or lo > c:  # and so a low above the high
            return i, 3
        if not 0.0 <= volume[i] < np.inf:
            return i, 4
        if ts[i] == _NO_TIME:
            return i, 6
        if i > 0 and ts[i] <= ts[i - 1]:
            return i, 5
    return -1, 0
